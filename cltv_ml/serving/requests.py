"""Served models: one on customer features, one on raw transactions, from the same files."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import mlflow
import numpy as np
import pandas as pd
import pyarrow as pa
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INTERNAL_ERROR, INVALID_PARAMETER_VALUE

from cltv_ml import engine
from cltv_ml.counts import singular
from cltv_ml.data import Rules, clean, read
from cltv_ml.errors import InputError
from cltv_ml.features import DuckDB, Source, absent_features, build_features, is_text
from cltv_ml.models import ValueModel
from cltv_ml.serving.casting import as_doubles, as_identifiers, as_levels
from cltv_ml.serving.chosen_value import PAST, Tail, ValueChoice, compute_remaining, read_tail
from cltv_ml.serving.model_files import Card, load_files, read_golden_rows
from cltv_ml.serving.packaging import FROM_TRANSACTIONS
from cltv_ml.serving.plain_lines import read_plain
from cltv_ml.serving.request_attributes import read_block
from cltv_ml.serving.responses import AnswerTerms, answer, as_objects, find_faults, find_unscored
from cltv_ml.serving.signatures import NOT_CONTACTED
from cltv_ml.serving.unseen_attributes import count_missing
from cltv_ml.tables import TRANSACTIONS, ids_among
from cltv_ml.tracking import checksums
from cltv_ml.windows import to_cutoff

logger = logging.getLogger(__name__)

#: Columns of campaign contacts, which a request does not hold.
_CONTACTS = ("contacts.customer_id", "contacts.responded_at")
_NO_CONTACTS = pa.table(
    {
        "customer_id": pa.array([], pa.string()),
        "timestamp": pa.array([], pa.timestamp("us")),
        "responded_at": pa.array([], pa.timestamp("us")),
    }
)

_NEEDS_CONTACTS = (
    "This model learned from campaign contacts, which transactions do not contain. For customers whom no campaign has "
    f"contacted, send the parameter {NOT_CONTACTED} as true; for others send their features to the model on features."
)

_NO_LINES = pd.DataFrame({"rule": [], "customer_id": []}, dtype="str")
_NO_REFUSALS = pd.DataFrame({"customer_id": [], "reason": []}, dtype="str")

#: Up to this many lines the computation takes less time than a good plan for it.
_FEW_LINES = 1_000

_of_thread = threading.local()

_FAILED = "The model failed to answer this request; the server's log has the stack trace."


class Refusal(MlflowException):
    """A request that cannot be answered: HTTP status 400, or 500 for a fault of the program; the first message is kept.

    MLflow's server puts the customers' rows before the message of any error, so later messages are ignored.
    """

    def __init__(self, message: str, error_code: int = INVALID_PARAMETER_VALUE) -> None:
        super().__init__(message, error_code=error_code)

    @property
    def message(self) -> str:
        """The sentence that was raised."""
        return self._sentence

    @message.setter
    def message(self, sentence: str) -> None:
        """Keep the first sentence that is set."""
        self.__dict__.setdefault("_sentence", sentence)


class ServedModel(mlflow.pyfunc.PythonModel):
    """The served model on customer features: one row in, one row out, in the order of the request."""

    model: ValueModel
    card: Card
    version: str
    tail: Tail | None = None
    within = ""  # where in a registered version this model lies

    def load_context(self, context: Any) -> None:
        """Read the model's files and the version under which it was loaded."""
        folder = Path(context.artifacts["model"])
        name, self.version = _name_and_version(folder.parents[1])
        checksums.check_loaded(folder.parents[1], folder, name, self.version, self.within)
        self.model, self.card = load_files(folder)
        self.golden = read_golden_rows(folder)
        self.tail = read_tail(folder)
        # MLflow's server would pad a row of a request that is shorter than the columns.
        warnings.filterwarnings("error", ".*sequences with mismatched lengths", module=r"mlflow\.")

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return value, interval, purchases, P(alive) if the model has them, tier and model version.

        Errors that the user can fix become a refusal. A fault is written to the server's log with its stack trace, and
        the response is a sentence without customers: for other exceptions MLflow would send the trace itself, with
        status 400.
        """
        try:
            return self._respond(model_input, dict(params or {}))
        except InputError as error:
            raise Refusal(str(error)) from None
        except MlflowException:
            raise
        except Exception as error:
            logger.exception("the model failed to answer a request")
            raise Refusal(_FAILED, INTERNAL_ERROR) from error

    def _respond(self, model_input: pd.DataFrame, params: dict[str, Any]) -> pd.DataFrame:
        X = check_customers(model_input, self.card.features)
        past = _read_past(model_input)
        table = self._answer(X, params, past).reset_index(drop=True)
        table["features_missing"] = count_missing(X, self.model)
        if "customer_id" in model_input.columns:
            table.insert(0, "customer_id", as_identifiers(model_input["customer_id"]).reset_index(drop=True))
        return table

    def _answer(self, X: pd.DataFrame, params: Mapping[str, Any], past: pd.Series | None) -> pd.DataFrame:
        """Return the response under the terms of a request; `past` is each customer's past spend, if known."""
        choice = ValueChoice.of(params)
        terms = AnswerTerms(*(params.get(name) for name in ("horizon", "discount_rate", "margin")))
        beyond = None if self.tail is None else self.tail.model
        if choice.is_usual:
            return answer(self.model, self.card.tiers, X, terms, beyond).assign(model_version=self.version)
        within = terms if choice.value == "horizon" else replace(terms, discount_rate=None)
        if choice.basis == "profit":
            within = replace(within, margin=None)
        table = answer(self.model, self.card.tiers, X, within, beyond)
        chosen = table[["expected_value"]].set_axis(["value"], axis="columns")
        if choice.value != "horizon":
            chosen = compute_remaining(self.tail, self.model, X, choice.end, terms.discount_rate)
        if choice.value == "lifetime":
            chosen = chosen.add(_known_past(past), axis="index")
        factor = 1.0 if terms.margin is None else terms.margin
        requested = (chosen * factor).rename(columns=lambda name: f"{choice.column}_{name}")
        requested = requested.rename(columns={f"{choice.column}_value": choice.column})
        return table.join(requested).assign(model_version=self.version)


class ServedOnTransactions(ServedModel):
    """The served model on raw transactions: it cleans them, builds features and returns one row per customer.

    The response is that for the features, with a reason for customers without a value. The parameter `as_of` is the
    first day that the model may not see, today by default. `lines_set_aside` counts a customer's lines that could not
    be used; lines without a customer are counted in a row without a `customer_id`.

    Columns `customers.NAME` on any line of a customer are attributes of the customer, such as `customers.country`; the
    last of several values counts. They are optional. Campaign contacts cannot be sent: for a model that learned from
    them, the parameter `not_contacted` states that there were none.
    """

    within = f"artifacts/{FROM_TRANSACTIONS}"

    def _respond(self, model_input: pd.DataFrame, params: dict[str, Any]) -> pd.DataFrame:
        with engine.within(_database()):
            return self._from_transactions(model_input, params)

    def _from_transactions(self, model_input: pd.DataFrame, params: dict[str, Any]) -> pd.DataFrame:
        transactions = check_transactions(
            model_input, self.card.features, not_contacted=params.pop(NOT_CONTACTED, False)
        )
        cutoff = to_cutoff(params.pop("as_of", "") or date.today(), "as_of")
        log, quarantine = _read_lines(transactions)
        unscored = _NO_REFUSALS
        before = log.loc[log["timestamp"] < cutoff, "customer_id"]
        if len(quarantine) or not ids_among(log["customer_id"], before).all():
            unscored = find_unscored(log, quarantine, cutoff)
        X = self._features(log, cutoff, read_block(model_input, self.card.features))
        scored = (
            self._answer(X, params, _spent(log, cutoff, X.index))
            if len(X)
            else pd.DataFrame(columns=["expected_value"], index=X.index)
        )
        everybody = pd.concat([scored.reset_index(), unscored]).sort_values("customer_id", ignore_index=True)
        everybody = _with_lines_set_aside(everybody, quarantine)
        table = everybody.assign(model_version=self.version, as_of=f"{cutoff:%Y-%m-%d}")
        return as_objects(table)

    def _features(self, log: pd.DataFrame, cutoff: pd.Timestamp, customers: pa.Table | None) -> pd.DataFrame:
        names = self.card.features
        if not len(log) or log["timestamp"].min() >= cutoff:
            return pd.DataFrame(columns=names, index=pd.Index([], name="customer_id"), dtype="float64")
        source = Source(log, customers, _NO_CONTACTS, until=cutoff)
        engine = DuckDB("1GB", few=len(log) <= _FEW_LINES)
        return build_features(source, cutoff, names, engine=engine)[names]


def _read_past(table: pd.DataFrame) -> pd.Series | None:
    """Return the past spend of each customer of a request; None if the request does not state it."""
    if PAST not in table.columns:
        return None
    past = _float_columns(table[[PAST]])
    for sentence, rows in find_faults(past):
        raise Refusal(f"{sentence} ({rows.sum():,} of {len(rows):,} rows)")
    return past[PAST]


def _known_past(past: pd.Series | None) -> np.ndarray:
    if past is None or past.isna().any():
        raise InputError(
            f"value 'lifetime' includes what each customer has spent so far; send it in the column {PAST}, "
            "or request value 'remaining'."
        )
    return past.to_numpy(dtype=np.float64)


def _spent(log: pd.DataFrame, cutoff: pd.Timestamp, customers: pd.Index) -> pd.Series:
    """Return customers' spend before the cutoff, in their order."""
    before = log[log["timestamp"] < cutoff]
    return before.groupby("customer_id")["amount"].sum().reindex(customers)


def _read_lines(transactions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the log of a request's lines, and the quarantined lines."""
    log = read_plain(transactions)
    if log is not None:
        return log, _NO_LINES
    # The columns have the standard names and the lines their own amounts, so nothing has to be guessed.
    mapping = {name: name for name in TRANSACTIONS.columns if name in transactions.columns}
    raw = read(transactions, mapping, changes={"fill_down": "false"})
    cleaned = clean(raw, Rules(amount_per="line", unsigned_returns=False))
    return cleaned.log, cleaned.quarantine


def _database() -> duckdb.DuckDBPyConnection:
    """Return this thread's database, which exists as long as the server."""
    if not hasattr(_of_thread, "database"):
        _of_thread.database = engine.connect("1GB")
    database: duckdb.DuckDBPyConnection = _of_thread.database
    return database


def _with_lines_set_aside(table: pd.DataFrame, quarantine: pd.DataFrame) -> pd.DataFrame:
    """Return a table of predictions with each customer's number of unused lines, apart from netted returns."""
    unused = quarantine[quarantine["rule"] != "cancellation"]
    counts = as_identifiers(unused["customer_id"].dropna()).value_counts()
    aside = table["customer_id"].map(counts).fillna(0).astype("int64")
    nobody = int(unused["customer_id"].isna().sum())
    if nobody:
        row = {"customer_id": [None], "reason": [singular(f"{nobody:,} lines have no customer")]}
        table = pd.concat([table, pd.DataFrame(row)], ignore_index=True)
        aside = pd.concat([aside, pd.Series([nobody])], ignore_index=True)
    return table.assign(lines_set_aside=aside.to_numpy())


def check_customers(table: pd.DataFrame, features: list[str]) -> pd.DataFrame:
    """Return the features of a request as numbers and texts; absent attributes of customers count as missing.

    Raises
    ------
    Refusal, InputError
        A column is missing or not numeric, or a value is impossible; the message names the column, no customer.
    """
    attributes = [name for name in features if name.startswith("attribute_")]
    needed = [name for name in features if name not in attributes]
    missing = [name for name in needed if name not in table.columns]
    if missing:
        may = f" What is known of {attributes} may be sent too." if attributes else ""
        raise Refusal(f"Missing columns {missing}; send all of {needed}.{may}")
    table = table.assign(**dict.fromkeys(name for name in attributes if name not in table.columns))
    if not len(table):
        raise Refusal(f"The table has no rows; send at least one customer with the columns {needed}.")
    X = _float_columns(table[features])
    faults = find_faults(X)
    if faults:
        sentence, rows = faults[0]
        raise Refusal(f"{sentence} ({rows.sum():,} of {len(rows):,} rows)")
    return X


def check_transactions(
    table: pd.DataFrame, features: list[str], *, not_contacted: bool = False
) -> pd.DataFrame:
    """Return the transactions of a request: the known columns that have values.

    `not_contacted` states that no campaign has contacted its customers, which models that learned from contacts need.

    Raises
    ------
    Refusal
        A required column, one that the features read, or what is known of campaign contacts is missing, there is
        no row, or a value is a list or an object.
    """
    missing = [name for name in TRANSACTIONS.required if name not in table.columns]
    if missing:
        raise Refusal(
            f"Missing columns {missing}; send one row per transaction with customer_id, timestamp and amount."
        )
    if not len(table):
        raise Refusal("The table has no rows; send at least one transaction.")
    columns = [name for name in TRANSACTIONS.columns if name in table.columns]
    if nested := [name for name in columns if _holds_parts(table[name])]:
        raise Refusal(f"Columns {nested} contain lists or objects; send one text or number per line.")
    empty = [name for name in columns if name not in TRANSACTIONS.required and table[name].isna().all()]
    sent = table[columns].drop(columns=empty).reset_index(drop=True)
    absent = absent_features([*sent.columns, *TRANSACTIONS.required])
    lost = {column for name in features for column in absent.get(name, [])}
    if lost & set(_CONTACTS) and not not_contacted:
        raise Refusal(_NEEDS_CONTACTS)
    if lost := lost - set(_CONTACTS):
        raise Refusal(
            f"Missing columns {sorted(lost)}; this model's features are built from them too, send them filled in."
        )
    return sent.assign(customer_id=as_identifiers(sent["customer_id"]))


def _holds_parts(column: pd.Series) -> bool:
    """Whether a column holds lists or objects, which JSON may."""
    return column.dtype == object and any(isinstance(value, list | dict) for value in column)


def _float_columns(X: pd.DataFrame) -> pd.DataFrame:
    if all(dtype == np.float64 for dtype in X.dtypes):
        return X
    converted = {name: as_levels(X[name]) if is_text(name) else as_doubles(X[name]) for name in X.columns}
    return pd.DataFrame(converted, index=X.index)


def _name_and_version(folder: Path) -> tuple[str, str]:
    """Return the name and version that MLflow writes to a fetched model's folder; empty texts if there are none."""
    note = folder / "registered_model_meta"
    lines = note.read_text(encoding="utf-8").splitlines() if note.exists() else []
    pairs = dict(line.split(":", 1) for line in lines if ":" in line)
    name, version = (pairs.get(key, "").strip().strip("'\"") for key in ("model_name", "model_version"))
    return ("", "") if "null" in (name, version) else (name, version)  # null: fetched from no registry
