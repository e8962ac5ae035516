"""Files of a fitted model: parameters, boosters, golden rows and the card that is stored with them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import cltv_ml
from cltv_ml.errors import InputError
from cltv_ml.features import is_text
from cltv_ml.models import CATALOGUE, ValueModel, own
from cltv_ml.models.state import from_state, to_state
from cltv_ml.serving.responses import answer

#: The file of the golden rows.
GOLDEN = "golden.json"


@dataclass(frozen=True)
class Card:
    """The card that is stored with a model: its customers, its dates, and the cut points of its value tiers."""

    model: str
    horizon: int
    cutoff: str
    features: list[str]
    feature_version: str
    tiers: dict[str, float]
    customers: int
    dataset: str
    cltv_ml_version: str = cltv_ml.__version__
    time_unit: str = "days"
    horizons: Sequence[int] = ()  # all that it answers for, where those are several
    spreads: Mapping[str, Sequence[float]] = field(default_factory=dict)  # `models.Spread` by horizon


def write_files(model: ValueModel, card: Card, folder: Path) -> None:
    """Write `model.json`, one `.ubj` file per booster and the files of the user's own classes into `folder`."""
    boosters: list[bytes] = []
    state = _take_out_bytes(to_state(model), boosters)
    own.pack(state, folder)
    for number, booster in enumerate(boosters):
        (folder / f"booster_{number}.ubj").write_bytes(booster)
    text = json.dumps({"format": 1, "card": asdict(card), "state": state}, indent=1)
    (folder / "model.json").write_text(text, encoding="utf-8")


def load_files(folder: Path) -> tuple[ValueModel, Card]:
    """Return the model and card that `write_files` wrote.

    Raises
    ------
    InputError
        `model.json` or a booster is damaged, or of another format.
    """
    try:
        stored = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        if stored["format"] != 1:
            raise InputError(
                f"model.json has format {stored['format']!r}; this version of cltv_ml reads format 1; update cltv_ml."
            )
        classes = CATALOGUE | own.unpack_classes(stored["state"], folder)
        model = from_state(_put_back_bytes(stored["state"], folder), classes)
        return model, Card(**stored["card"])
    except (
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        json.JSONDecodeError,
        UnicodeDecodeError,
    ) as error:
        raise InputError(
            f"model.json is damaged ({type(error).__name__}: {error}); restore the model's files, or train again."
        ) from error


def read_golden_rows(folder: Path) -> pd.DataFrame | None:
    """Return the golden rows next to a model's files; None if an older version stored none."""
    path = folder / GOLDEN
    if not path.exists():
        return None
    stored = json.loads(path.read_text(encoding="utf-8"))
    table = pd.DataFrame(stored["data"], columns=stored["columns"])
    words = [name for name in table.columns if is_text(name)]
    numbers = [name for name in table.columns if name not in ("customer_id", "tier", *words)]
    return table.astype(dict.fromkeys(numbers, np.float64))


def replay_golden_rows(model: ValueModel, card: Card, golden: pd.DataFrame) -> float:
    """Return the largest difference between a model's predictions for its golden rows now and when it was logged.

    The difference is relative for values above one, and infinite if a tier differs.
    """
    again = answer(model, card.tiers, golden[card.features])
    if list(again["tier"]) != list(golden["tier"]):
        return float("inf")
    names = [name for name in again.columns if name != "tier"]
    before, now = golden[names].to_numpy(dtype=np.float64), again[names].to_numpy(dtype=np.float64)
    return float(np.max(np.abs(now - before) / np.maximum(np.abs(before), 1.0)))


def _take_out_bytes(value: Any, taken: list[bytes]) -> Any:
    if isinstance(value, bytes):
        taken.append(value)
        return {"@file": f"booster_{len(taken) - 1}.ubj"}
    if isinstance(value, dict):
        return {name: _take_out_bytes(entry, taken) for name, entry in value.items()}
    if isinstance(value, list):
        return [_take_out_bytes(entry, taken) for entry in value]
    return value


def _put_back_bytes(value: Any, folder: Path) -> Any:
    if isinstance(value, dict):
        if "@file" in value:
            if Path(value["@file"]).name != value["@file"]:
                raise InputError(
                    f"model.json refers to the file {value['@file']!r}, which lies outside its own folder; "
                    "restore the model's files, or train again."
                )
            return (folder / value["@file"]).read_bytes()
        return {name: _put_back_bytes(entry, folder) for name, entry in value.items()}
    if isinstance(value, list):
        return [_put_back_bytes(entry, folder) for entry in value]
    return value
