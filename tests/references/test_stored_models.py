"""Models that released versions stored are read by this one and answer as they did.

Recipe: `simulate(400, days=400, seed=3)`, cutoff 2022-10-01 + 13 weeks, seven features, five rounds per booster;
each fitted model written by that version's `model_files.write_files`, with its answers for five customers.
A release adds a folder of its own and leaves the earlier ones as they are.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cltv_ml.serving.model_files import load_files

STORED = sorted(Path(__file__).parent.glob("stored_*/*/model.json"))


@pytest.mark.parametrize("path", STORED, ids=lambda path: f"{path.parts[-3]}-{path.parts[-2]}")
def test_a_stored_model_answers_as_it_did_when_it_was_stored(path):
    customers = pd.read_csv(path.parents[1] / "customers.csv", index_col="customer_id")
    answers = json.loads((path.parents[1] / "answers.json").read_text())
    model, card = load_files(path.parent)
    assert card.model == path.parent.name
    np.testing.assert_allclose(model.predict(customers[card.features]), answers[card.model], rtol=1e-6)


def test_every_release_stored_a_probabilistic_model_and_one_with_boosters():
    releases = {path.parts[-3] for path in STORED}
    assert releases == {"stored_0_1_0"}
    for release in releases:
        folder = Path(__file__).parent / release
        assert (folder / "pareto_nbd_gamma_gamma").is_dir()
        assert list(folder.glob("*/booster_*.ubj"))
