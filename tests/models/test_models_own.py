"""Models of the user's own compete, are stored with their file and are read again."""

import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from cltv_ml.errors import InputError
from cltv_ml.models import CATALOGUE, Regression, Tweedie, competitors, own
from cltv_ml.models.state import from_state, to_state

MINE = """
import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from cltv_ml.models import ValueModel


class MyModel(ValueModel):
    name = "mine"
    needs_labels = True

    def __init__(self, horizon=91, factor=FACTOR):
        self.horizon, self.factor = horizon, factor

    def fit(self, X, y=None):
        self.feature_names_in_ = np.array(["spend"], dtype=object)
        self.inner_ = Ridge().fit(X[["spend"]], y)
        return self

    def predict(self, X):
        return np.maximum(self.inner_.predict(X[["spend"]]), 0.0) * self.factor


class Constant(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        self.mean_ = np.mean(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


line = make_pipeline(Constant())
number = 3


class Needy(ValueModel):
    def __init__(self, must):
        self.must = must
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A folder with mine.py, the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE.replace("FACTOR", "1.0"))
    return tmp_path


@pytest.fixture(scope="module")
def shop():
    rng = np.random.default_rng(1)
    X = pd.DataFrame({"spend": rng.gamma(2, 20, 200), "noise": rng.random(200)})
    return X, X["spend"] * 2.0


def stored(model, folder):
    """Return the model as another process reads it, which has not run its file."""
    folder.mkdir()
    state = to_state(model)
    own.pack(state, folder)
    for name in {place.partition(":")[0] for place in own._addresses(state)} - {"sklearn"}:
        if not own._distribution(name):
            sys.modules.pop(name, None)
    return from_state(state, CATALOGUE | own.unpack_classes(state, folder))


def test_a_class_in_a_file_competes_and_is_stored_with_it(mine, shop):
    X, y = shop
    model = competitors(30, ["spend", "noise"], ["tweedie", "mine.py:MyModel"])[1]
    assert (model.name, model.horizon) == ("mine", 30)
    again = stored(model.fit(X, y), mine / "stored")
    (mine / "mine.py").unlink()
    assert (again.predict(X) == model.predict(X)).all()
    assert again.name == "mine"
    assert again.contributions(X)["baseline"].to_numpy() == pytest.approx(model.predict(X))


def test_two_versions_of_one_file_stay_apart(mine, shop):
    X, y = shop
    old = competitors(30, [], ["mine.py:MyModel"])[0].fit(X, y)
    kept = stored(old, mine / "stored")
    (mine / "mine.py").write_text(MINE.replace("FACTOR", "3.0"))
    new = competitors(30, [], ["mine.py:MyModel"])[0].fit(X, y)
    assert new.predict(X) == pytest.approx(3 * kept.predict(X))


def test_a_regressor_of_scikit_learn_competes_as_it_is(mine, shop):
    X, y = shop
    line = competitors(30, ["spend"], ["mine.py:line"])[0]
    assert (line.name, line.features) == ("line", ["spend"])
    again = stored(line.fit(X, y), mine / "stored")
    assert again.predict(X) == pytest.approx(np.full(200, y.mean()))
    ridge = own.as_value_model(make_pipeline(SimpleImputer(), Ridge()), "ridge", 30, ["spend"])
    assert ridge.fit(X, y).predict(X) == pytest.approx(y.to_numpy(), rel=0.01)
    assert stored(ridge, mine / "ridge").predict(X) == pytest.approx(ridge.predict(X))


def test_columns_a_model_names_itself_are_kept_and_its_horizon_is_the_windows():
    model = own.as_value_model(Tweedie(91, features=["spend"]), "few", 30, ["spend", "noise"])
    assert (model.name, model.horizon, model.features) == ("few", 30, ["spend"])


def test_an_entry_point_of_an_installed_package_offers_a_model(mine, shop, monkeypatch):
    (mine / "their_models.py").write_text(MINE.replace("FACTOR", "1.0"))
    info = mine / "their_models-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-models\nVersion: 1.2\n")
    (info / "RECORD").write_text("their_models.py,,\n")
    (info / "entry_points.txt").write_text("[cltv_ml.models]\ntheirs = their_models:MyModel\n")
    monkeypatch.syspath_prepend(mine)
    own._distributions.cache_clear()
    X, y = shop
    model = competitors(30, [], ["theirs"])[0].fit(X, y)
    assert model.name == "theirs"
    state = to_state(model)
    assert "their-models==1.2" in own.requirements_of(state)
    assert (stored(model, mine / "stored").predict(X) == model.predict(X)).all()
    assert not (mine / "stored" / own.FOLDER).exists()
    own._distributions.cache_clear()


def test_what_is_no_model_is_named(mine):
    for name, sentence in {
        "mine.py:Nobody": "mine.py has no 'Nobody'",
        "mine.py:number": "number is a int, not a model",
        "mine.py:Needy": "its class needs arguments",
        "yours.py:MyModel": "no file 'yours.py'",
        "nobodys.module:MyModel": "cannot be imported",
        "tweedy": r"Unknown model 'tweedy'.*or one of your own, such as mine.py:MyModel",
    }.items():
        with pytest.raises(InputError, match=sentence):
            competitors(30, [], [name])


def test_a_file_that_cannot_run_is_named_and_a_fault_of_its_own_keeps_its_trace(mine):
    for text, error in {
        "import nobody_has_this": InputError,
        "def broken(:": InputError,
        "1 / 0": ZeroDivisionError,
    }.items():
        (mine / "faulty.py").write_text(text)
        with pytest.raises(error):
            own.load_file(mine / "faulty.py")


def test_what_could_not_be_read_again_is_refused_before_the_training(shop, monkeypatch):
    kind = type("Here", (Tweedie,), {"__module__": "__main__", "__init__": Tweedie.__init__})
    with pytest.raises(InputError, match="put the class into one file"):
        own.as_value_model(kind, "here", 30, [])
    from sklearn.preprocessing import FunctionTransformer

    with pytest.raises(InputError, match="Pipeline cannot be stored"):
        own.as_value_model(make_pipeline(FunctionTransformer(lambda x: x), Ridge()), "line", 30, [])


def test_a_regression_never_expects_less_than_nothing_and_counts_weights(shop):
    X, y = shop
    model = Regression(regressor=Ridge()).fit(X, y, sample_weight=np.ones(200))
    assert (model.predict(X - 1_000) == 0).all()
    with pytest.raises(InputError, match=r"Ridge does not accept missing values, .* such as \['noise'\]"):
        Regression(regressor=Ridge()).fit(X.assign(noise=np.nan), y)
