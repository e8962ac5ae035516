"""Every figure of the catalogue as `docs/gallery.json`, from one training on a simulated shop.

Run: python docs/draw_gallery.py. Figures of other commands are drawn from the tables of their contract test.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
from drawn import compact

from cltv_ml import clean, pipelines, read
from cltv_ml.errors import InputError
from cltv_ml.reporting import plots

GALLERY = Path(__file__).with_name("gallery.json").resolve()
CURRENCY = "EUR"

drawing: Any = importlib.import_module("cltv_ml.pipelines.plot")


def draw() -> dict[str, str]:
    """Return every figure as JSON, by name in the order of the catalogue."""
    cleaned = clean(read("synthetic:1500"))
    models = "same_rate,bg_nbd_gamma_gamma,tweedie"
    pipelines.train(data=cleaned, horizon="30d,13w", models=models, currency=CURRENCY)
    pipelines.score(data=cleaned, out="before.parquet", as_of="2023-10-01")
    before = pd.read_parquet("before.parquet").set_index("customer_id")
    wanted = drawing.Wanted("cltv", CURRENCY, before)
    figures = {name: _draw(name, cleaned, wanted) for name in plots.CATALOGUE}
    return {name: compact(json.loads(figure.to_json())) for name, figure in figures.items()}


def _draw(name: str, cleaned: Any, wanted: Any) -> Any:
    with contextlib.suppress(InputError):  # of another command, or nothing in this shop to show
        return drawing.draw(name, cleaned, wanted)
    contract = importlib.import_module("tests.figure_tables")
    options = (
        {"currency": CURRENCY} if "currency" in inspect.signature(plots.CATALOGUE[name]).parameters else {}
    )
    return plots.CATALOGUE[name](contract.TABLES[name], **options)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        drawn = draw()
    GALLERY.write_text(json.dumps(drawn, indent=0), encoding="utf-8")
