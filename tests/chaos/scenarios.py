"""What is done to the system, and what must be true afterwards; each takes a folder and a source of chance."""

import contextlib
import json
import os
import shutil
import signal

import mlflow
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from cltv_ml import pipelines
from cltv_ml.cli import main
from cltv_ml.data import clean, read
from cltv_ml.errors import InputError
from cltv_ml.models import BGNBD, GammaGamma, ParetoNBD, ProbabilisticValue
from cltv_ml.serving.registered_model import load_registered
from cltv_ml.tracking import registry, runs, sqlite_store, store
from tests.chaos.children import Failure, ended, killed, start, whole

#: Seconds that the untouched work took on this machine, by scenario; kills fall into them.
TOOK: dict[str, float] = {"creation": 0.6, "slow creation": 6.0, "tuning": 30.0, "week": 20.0}


def must(truth, words):
    """Raise Failure where something is not true."""
    if not truth:
        raise Failure(words)


def use(folder):
    """Point MLflow at the store of a folder."""
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder / 'mlflow.db'}"
    mlflow.set_tracking_uri(os.environ["MLFLOW_TRACKING_URI"])
    store._create_once.cache_clear()


def cltv(*words):
    """Return the work of one command."""
    return lambda: main([str(word) for word in words])


def store_created(folder, chance, _):
    """A stop while the store is first created: the next command works."""
    use(folder)
    slow = chance.random() < 0.2  # as another version of MLflow creates it
    if slow:
        (folder / "old.sql").write_text("-- MLflow 0.1\n", encoding="utf-8")

    def create():
        if slow:
            sqlite_store.EMPTY = folder / "old.sql"
        runs.open_experiment("cltv")

    landed = killed(create, folder, chance, TOOK, "slow creation" if slow else "creation")
    whole(lambda: runs.open_experiment("cltv"), folder)
    return landed


def promotion(folder, chance, prepared):
    """A stop while the champion is replaced: one of two states, and the rollback works."""
    shutil.copy(prepared / "aliases.db", folder / "mlflow.db")
    use(folder)
    landed = killed(lambda: registry.promote(2, expected=1), folder, chance, TOOK, "promotion")

    def look():
        registry.settle()
        names = ("champion", "previous", "challenger")
        found = tuple(registry.alias_version("cltv", name) for name in names)
        must(found in ((1, None, 2), (2, 1, None)), f"aliases {found}")
        if found[0] == 2:
            must(registry.rollback() == (2, 1), "no rollback")

    whole(look, folder)
    return landed


def training(folder, chance, prepared):
    """A stop of a training: runs end, no version without alias, no champion whose run failed, the next one works."""
    shutil.copy(prepared / "orders.csv", folder)
    use(folder)
    words = ["--horizon", "26w", "--models", "same_rate,bg_nbd_gamma_gamma"]
    work = cltv("train", "--data", folder / "orders.csv", *words, "--out", folder / "out")
    landed = killed(work, folder, chance, TOOK, "training")

    whole(lambda: look_at_store(folder / "out", landed), folder)
    return landed


def look_at_store(out, landed):
    """Raise Failure where a run is open, a version has no alias or comes of a failed run, or a file is half written."""
    experiment = runs.open_experiment("cltv")
    registry.settle()
    client = MlflowClient()
    states = {run.info.run_id: run.info.status for run in client.search_runs([experiment])}
    must("RUNNING" not in states.values(), "a run stays RUNNING")
    with contextlib.suppress(MlflowException):
        for one in client.search_model_versions("name = 'cltv'"):
            version = client.get_model_version("cltv", one.version)
            must(version.aliases, f"version {one.version} has no alias")
            must(states[version.run_id] == "FINISHED", f"version {one.version} of a failed run")
    look_for_halves(out, landed)


def look_for_halves(out, landed):
    """Raise Failure where a stop left a temporary file, as only a SIGKILL may."""
    must(landed == -signal.SIGKILL or not list(out.rglob(".*.part")), "half a file")


def week(folder, chance, prepared):
    """A stop of a weekly job: the same command again completes its files, all of the champion, no run stays open."""
    shutil.copy(prepared / "orders.csv", folder)
    if chance.random() < 0.6:  # a later week, which has a champion
        shutil.copy(prepared / "mlflow.db", folder)
    use(folder)
    words = ["--horizon", "26w", "--models", "same_rate,bg_nbd_gamma_gamma"]
    work = cltv("weekly", "--data", folder / "orders.csv", *words, "--out", folder / "out")
    landed = killed(work, folder, chance, TOOK, "week")
    whole(work, folder, allowed=(0, 3, 4))
    out = folder / "out"

    def look():
        look_at_store(out, landed)
        champion = str(registry.alias_version("cltv", "champion"))
        manifest = json.loads((out / "scores.manifest.json").read_text(encoding="utf-8"))
        for versions in (
            pd.read_parquet(out / "scores.parquet")["model_version"],
            [manifest["model_version"]],
        ):
            must(set(map(str, versions)) == {champion}, f"scores of {set(versions)}, champion {champion}")
        for name in ("monitor/monitor.html", "actions/actions.html", "actions/customers.csv"):
            must((out / name).exists(), f"no {name}")

    whole(look, folder)
    return landed


def tuning(folder, chance, prepared):
    """A stop of a search in a sound store: the same command completes the study, no run stays open."""
    shutil.copy(prepared / "orders.csv", folder)
    shutil.copy(prepared / "mlflow.db", folder)
    use(folder)
    words = ["--horizon", "26w", "--model", "tweedie", "--trials", "3"]
    work = cltv("tune", "--data", folder / "orders.csv", *words, "--out", folder / "tuning")
    landed = killed(work, folder, chance, TOOK, "tuning")
    whole(work, folder)

    def look():
        client = MlflowClient()
        experiment = client.get_experiment_by_name("cltv").experiment_id
        found = client.search_runs([experiment])
        must(all(run.info.status != "RUNNING" for run in found), "a run stays RUNNING")
        trials = pd.read_csv(folder / "tuning" / "tweedie.csv")
        must(len(trials) >= 3, f"{len(trials)} trials")
        look_for_halves(folder / "tuning", landed)

    whole(look, folder)
    return landed


def scoring(folder, chance, prepared):
    """A stop of a scoring: the same command again gives the same table."""
    use(prepared)
    for name in ("scores.parquet", "scores.manifest.json"):
        (folder / name).unlink(missing_ok=True)
    work = cltv("score", "--data", prepared / "orders.csv", "--out", folder / "scores.parquet")
    landed = killed(work, folder, chance, TOOK, "scoring")
    whole(work, folder)
    same = pd.read_parquet(folder / "scores.parquet").equals(pd.read_parquet(prepared / "scores.parquet"))
    must(same, "other scores than without the kill")
    must(not list(folder.glob(".scores*")), "a work folder is left")
    return landed


def scoring_while_promoted(folder, chance, prepared):
    """Scoring while the champion moves to and fro: each table is one version's."""
    shutil.copy(prepared / "mlflow.db", folder)
    use(folder)

    def move():
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        while True:
            registry.promote(2, expected=1)
            registry.rollback()

    mover = start(move, folder / "moves.txt")
    try:
        whole(cltv("score", "--data", prepared / "orders.csv", "--out", folder / "scores.parquet"), folder)
    finally:
        os.kill(mover, signal.SIGKILL)
        ended(mover)
    versions = pd.read_parquet(folder / "scores.parquet")["model_version"].unique()
    must(len(versions) == 1, f"versions {versions} in one table")
    return True


def ugly_file(folder, chance, prepared):
    """A damaged export: every row is in the log or in the quarantine, or one sentence says why not."""
    content = bytearray((prepared / "orders.csv").read_bytes()[:20_000])
    for _ in range(chance.randint(1, 40)):
        place = chance.randrange(len(content))
        piece = chance.choice(
            [b"\xff", b"\x00", b'"', b"\n", b";", b",,", b"=1+2", b"NaN", b"\xe9", b"-", b""]
        )
        content[place : place + chance.randint(0, 3)] = piece
    content = content[: chance.randint(1, len(content))] if chance.random() < 0.2 else content
    (folder / "ugly.csv").write_bytes(content)

    def check():
        try:
            cleaned = clean(read(folder / "ugly.csv"))
        except InputError:
            return
        report = cleaned.report
        apart = len(cleaned.quarantine.drop_duplicates("source_row"))
        must(report.rows_in >= max(apart, report.rows_kept), "more rows than were read")
        must(np.isfinite(cleaned.log["amount"]).all(), "an amount that is no number")
        must(cleaned.log["timestamp"].notna().all(), "a day that is none")

    whole(check, folder)
    return True


def changed_model(folder, chance, prepared):
    """A changed file of the champion: refused in one sentence, nothing of it runs."""
    shutil.copy(prepared / "mlflow.db", folder)
    use(folder)

    def look():
        place = mlflow.artifacts.download_artifacts("models:/cltv@champion", dst_path=str(folder / "fetched"))
        copy = shutil.copytree(place, folder / "champion", dirs_exist_ok=True)
        files = sorted(path for path in copy.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        files = [path for path in files if path.name != "registered_model_meta" and path.suffix != ".pyc"]
        victim = chance.choice(files)
        content = bytearray(victim.read_bytes())
        if chance.random() < 0.3 or not content:
            victim.write_bytes(b"" if content else b"x")
        else:
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            victim.write_bytes(content)
        fetch = mlflow.artifacts.download_artifacts
        mlflow.artifacts.download_artifacts = lambda **how: (
            str(copy) if "models:/" in how.get("artifact_uri", "") else fetch(**how)
        )
        try:
            load_registered()
        except InputError as error:
            must("None of its code was run" in str(error), str(error))
        else:
            raise Failure(f"{victim.name} was changed and the model loaded")

    whole(look, folder)
    return True


def request(folder, chance, prepared):
    """A request of nonsense: an answer of finite numbers or a refusal that shows no row."""
    use(prepared)
    served, features = SERVED
    row = dict.fromkeys(features, 1.0)
    rows = [
        dict(row, frequency=chance.randint(0, 5), recency=1.0, T=90.0) for _ in range(chance.randint(0, 4))
    ]
    table = pd.DataFrame(rows, columns=features).astype(object)
    for _ in range(chance.randint(0, 4)):
        if len(table) and chance.random() < 0.8:
            value = chance.choice([None, float("nan"), float("inf"), -1, "text", "7", 1e308, True, [], {}])
            table.iat[chance.randrange(len(table)), chance.randrange(len(table.columns))] = value
        else:
            table = table.drop(columns=chance.choice(list(table.columns)), errors="ignore")
        if not len(table.columns):
            break
    try:
        answer = served.predict(None, table)
    except MlflowException as error:
        must("1e+308" not in str(error) and len(str(error)) < 2_000, "a refusal that shows the request")
        return True
    must(np.isfinite(answer["expected_value"].astype(float)).all(), "a value that is no number")
    return True


def fit(folder, chance, prepared):
    """A model on customers of any kind: finite values that are not negative, or one sentence."""
    rng = np.random.default_rng(chance.randrange(2**32))
    n = int(rng.choice([3, 20, 200, 1500]))
    T = rng.integers(1, 400, n).astype(float)
    frequency = np.minimum(rng.poisson(rng.gamma(0.6, rng.choice([0.1, 3.0, 40.0]), n)), T)
    recency = np.where(frequency > 0, np.ceil(rng.random(n) * T), 0.0)
    spend = np.exp(rng.normal(3, rng.choice([0.0, 0.3, 1.2, 2.0, 4.0]), n))
    columns = {"frequency": frequency, "recency": recency, "T": T}
    X = pd.DataFrame(columns | {"monetary_value": np.where(frequency > 0, spend, 0.0)}).astype(float)
    model = ProbabilisticValue(
        chance.choice([BGNBD, ParetoNBD])(), GammaGamma(), horizon=chance.choice([7, 90, 700])
    )
    try:
        values = model.fit(X).predict(X)
    except InputError:
        return True
    must(np.isfinite(values).all() and (values >= 0).all(), "a value that is none")
    new = model.spend_.population_mean(X)[0] / X["monetary_value"][frequency > 0].mean()
    must(new < 1.6, f"a newcomer spends {new:.1f} times what the buyers do")
    return True


#: By how often each is tried in a round.
SCENARIOS = {
    store_created: 4,
    promotion: 20,
    training: 1,
    week: 1,
    tuning: 1,
    scoring: 2,
    scoring_while_promoted: 1,
    ugly_file: 30,
    changed_model: 4,
    request: 100,
    fit: 20,
}
SERVED: list = []


def prepare(folder):
    """Train two versions and score the first, to have something to break; return the seconds that each work took."""
    words = {"horizon": "26w", "models": "same_rate,bg_nbd_gamma_gamma", "out": folder / "out"}
    log = clean(read("cdnow")).log
    some = log[log["customer_id"].isin(log["customer_id"].unique()[::25])]
    some[["customer_id", "timestamp", "amount"]].to_csv(folder / "orders.csv", index=False)
    use(folder)

    def train_and_score():
        for _ in range(2):
            pipelines.train(data=str(folder / "orders.csv"), **words)
        pipelines.score(data=str(folder / "orders.csv"), out=str(folder / "scores.parquet"))

    whole(train_and_score, folder)

    def aliases():
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder / 'aliases.db'}"
        store.open_store()
        client = MlflowClient()
        client.create_registered_model("cltv")
        for number in (1, 2):
            client.create_model_version("cltv", f"file://{folder}/{number}")
        client.set_registered_model_alias("cltv", "champion", "1")
        client.set_registered_model_alias("cltv", "challenger", "2")

    whole(aliases, folder)
