"""Exports: files for campaign tools, written offline, with a manifest of their rows and of the customers left out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from cltv_ml import decisions
from cltv_ml.actions.customer_columns import states_permission, unread_columns
from cltv_ml.actions.export_rules import ExportOrder, count_stated_before
from cltv_ml.actions.exports import FORMATS, build_export, count_lost_phones, phone_numbers
from cltv_ml.columns.headings import SYNONYMS, plain_heading
from cltv_ml.customers import read_order_dates
from cltv_ml.errors import InputError, unknown_name
from cltv_ml.evaluation.bounds import is_within_bounds
from cltv_ml.files import atomic, discard, together, write_table
from cltv_ml.inline import Inline
from cltv_ml.pipelines.inputs import read_lifetimes, read_table, written_scores
from cltv_ml.settings import Export as ExportSettings
from cltv_ml.settings import Settings
from cltv_ml.tables import ids_among
from cltv_ml.tracking import registry
from cltv_ml.windows import to_cutoff


@dataclass(frozen=True)
class ExportedFile(Inline):
    """An exported file: its path, rows, customers or orders left out by reason, and columns that nothing read.

    An unread column of the customers' table may state that a customer must not be contacted. `counted` is "customers",
    or "orders" for a format of orders. `lost_phones` are numbers in the whole table that cannot be completed,
    `stated_before` orders whose customer an earlier file may have valued (`count_stated_before`).
    """

    path: Path
    rows: int
    left_out: dict[str, int]
    unread: list[str]
    counted: str = "customers"
    lost_phones: int = 0
    stated_before: int = 0


def export(settings: Settings | None = None, **options: Any) -> dict[str, ExportedFile | str]:
    """Write scores or lists as files for campaign tools; return, by format, its file or why it was not written.

    Raises
    ------
    InputError
        A format is unknown, a table cannot be read, a customer appears twice, or ids are written in two ways.
    """
    settings = ExportSettings.of(settings, options)
    unknown = [name for name in settings.formats if name not in FORMATS]
    if unknown or not settings.formats:
        raise unknown_name("export format", (unknown or [""])[0], FORMATS)
    source = written_scores(settings.scores)
    scores = read_table(source, ["expected_value"], "a table that `cltv score` or `cltv act` wrote")
    column = decisions.value_column(settings.value, settings.basis)
    scores = _with_value(_with_version(scores, source), column, settings)
    people = (
        None if settings.customers is None else _by_customer(settings.customers, _CUSTOMERS, scores.index)
    )
    passed, ranks = _test_of_version(scores)
    orders, refused = None, dict[str, str]()
    if of_orders := [name for name in settings.formats if FORMATS[name].of_orders]:
        try:
            orders = _orders(settings, scores.index)
        except InputError as error:  # the other formats need no orders
            refused = dict.fromkeys(of_orders, str(error))
    order = ExportOrder(
        settings.currency,
        settings.country_code,
        settings.conversion,
        passed,
        ranks,
        orders,
        to_cutoff(settings.since, "since") if settings.since else None,
        value=column,
    )
    return write_exports(settings.formats, scores, settings.out, order, people, refused=refused)


def _with_version(scores: pd.DataFrame, source: Any) -> pd.DataFrame:
    """Return a list of `cltv act` with the version, cutoff and horizon that actions.json next to it states; any other
    table as it is.
    """
    if "model_version" in scores or not isinstance(source, Path):
        return scores
    stated = source.with_name("actions.json")
    made = json.loads(stated.read_text(encoding="utf-8")) if stated.is_file() else {}
    if source.name not in [entry["file"] for entry in made.get("lists", ())]:
        return scores
    return scores.assign(**{name: made[name] for name in ("model_version", "cutoff", "horizon")})


def _with_value(scores: pd.DataFrame, column: str, settings: ExportSettings) -> pd.DataFrame:
    """Return the scores with the value to write; raise InputError if the lifetimes are of another day."""
    lifetimes = read_lifetimes(settings)
    if lifetimes is None:
        return scores
    days = [
        str(table["cutoff"].iloc[0])[:10] for table in (scores, lifetimes) if "cutoff" in table and len(table)
    ]
    if len(set(days)) > 1:
        raise InputError(
            f"the scores are dated {days[0]}, the lifetime values {days[1]}; run cltv lifetime again."
        )
    values = decisions.choose_value(lifetimes, settings.value, settings.basis)
    return scores.assign(**{column: values.reindex(scores.index)})


#: Share of a column's values that must be customers of the scores, to be taken for their ids.
_LEAST_KNOWN_IDS = 0.5

_CUSTOMERS = "a table with customer_id and, for example, email, phone and opt_out"


def _test_of_version(scores: pd.DataFrame) -> tuple[bool, bool]:
    """Whether the model was within its bounds on its test, and ranks customers; True if that is not known.

    The model is that of the scores, or the champion if they name none.
    """
    named = "model_version" in scores and len(scores)
    try:
        number = int(scores["model_version"].iloc[0]) if named else registry.resolve()
        version = registry.read_version(number)
    except InputError:  # a store without it
        return True, True
    passed = not {"bias", "decile_mape"} <= set(version.tested) or bool(
        is_within_bounds(pd.Series(version.tested))
    )
    return passed, version.ranks is not False


def _by_customer(source: Any, meant: str, scored: pd.Index) -> pd.DataFrame:
    """Return a table, texts as written, indexed by the column with the scores' customers, whatever its heading.

    Raises
    ------
    InputError
        No column is surely theirs.
    """
    table = read_table(source, [], meant, key="", as_text=True)
    if table.index.name == "customer_id":
        return table
    ids, customer = scored.astype("str"), " ".join(SYNONYMS["customer_id"]).split()
    headed = [name for name in table if plain_heading(str(name)) in customer]
    known = {name: pd.Series(ids_among(table[name].dropna().astype("str"), ids)).mean() for name in table}
    surely = [name for name in headed if known[name] > 0]
    if len(surely) != 1 and not ids.str.fullmatch(r"\d{1,9}").all():  # ages may equal small numbers by chance
        surely = [name for name, share in known.items() if share > _LEAST_KNOWN_IDS]
    surely = surely or headed
    if len(surely) != 1:
        example = f", such as {ids[0]!r}" if len(ids) else ""
        raise InputError(
            f"no column clearly holds the customers of the scores{example}, so this cannot be used as "
            f"{meant}; name their column customer_id. Found {[str(name) for name in table]}."
        )
    return table.astype({surely[0]: "str"}).set_index(surely[0]).rename_axis("customer_id")


def _orders(settings: ExportSettings, scored: pd.Index) -> pd.DataFrame | None:
    """Return one row per order and customer, and every line without an order id."""
    if settings.orders is None:
        return None
    lines = read_order_dates(settings.orders, scored).sort_values("timestamp")
    return lines[lines["order_id"].isna() | ~lines.duplicated(["order_id", "customer_id"])]


@together()
def write_exports(
    formats: Sequence[str],
    scores: pd.DataFrame,
    out: Path,
    order: ExportOrder,
    customers: pd.DataFrame | None = None,
    *,
    refused: Mapping[str, str] | None = None,
) -> dict[str, ExportedFile | str]:
    """Write each format whose rules are met, and `manifest.json`; return, by format, its file or the broken rule.

    The file of an earlier call is deleted where a format is not written.

    Parameters
    ----------
    scores
        Indexed by customer_id, with `expected_value`.
    customers
        Identities (`email`, `phone`, ...) and opt-outs, indexed by customer_id.
    refused
        Formats that cannot be written, each with the reason.
    """
    everybody = _joined_table(scores, customers)
    if any(FORMATS[name].of_phones for name in formats):
        order = replace(order, phones=phone_numbers(everybody, order))
    unread = [] if customers is None else unread_columns(customers)
    written: dict[str, ExportedFile | str] = {**(refused or {})}
    for name in formats:
        if name in written:
            continue
        try:
            table, left_out = build_export(name, everybody, order)
        except InputError as error:
            written[name] = str(error)
            continue
        path = out / f"{name}.csv"
        write_table(table, path)
        lost = count_lost_phones(name, everybody, order)
        again = FORMATS[name].of_orders and not FORMATS[name].once and "horizon" in scores
        before = count_stated_before(table, order, int(scores["horizon"].iloc[0])) if again else 0
        written[name] = ExportedFile(path, len(table), left_out, unread, FORMATS[name].counted, lost, before)
    for name, entry in written.items():
        if isinstance(entry, str):  # an earlier call's file is out of date
            discard(out / f"{name}.csv")
    _write_manifest(written, scores, out, order)
    return written


def _joined_table(scores: pd.DataFrame, customers: pd.DataFrame | None) -> pd.DataFrame:
    for name, table in {"scores": scores, "customers": customers}.items():
        if table is not None and table.index.has_duplicates:
            twice = table.index[table.index.duplicated()][0]
            raise InputError(f"{name}: customer {twice!r} appears twice; give one row per customer.")
    if customers is None:
        return scores
    _check_ids_agree(scores.index, customers.index)
    both = [name for name in customers if name in scores]
    kept = {name: f"customer_{name}" for name in both if states_permission(name, customers[name])}
    return scores.join(
        customers.drop(columns=[name for name in both if name not in kept]).rename(columns=kept)
    )


def _check_ids_agree(scored: pd.Index, listed: pd.Index) -> None:
    """Raise InputError if no customer of the table has scores, or if ids differ only by case, spaces or zeros."""
    strange, alone = listed.difference(scored), scored.difference(listed)
    forms = {_plain_id(customer): customer for customer in alone}
    mismatch = next((customer for customer in strange if _plain_id(customer) in forms), None)
    if mismatch is not None:
        raise InputError(
            f"customers: {mismatch!r} is written {forms[_plain_id(mismatch)]!r} in the scores, so this "
            "customer's data, including opt-outs, would be lost; write customer_id as the scores do."
        )
    if len(scored) and len(listed) and len(strange) == len(listed):
        raise InputError(
            f"customers: none of its {len(listed):,} customers has a score. The scores hold ids such as "
            f"{scored[0]!r}, the table {listed[0]!r}; write customer_id as the scores do."
        )


def _plain_id(identifier: object) -> str:
    return str(identifier).strip().casefold().lstrip("0")


def _write_manifest(
    written: dict[str, ExportedFile | str], scores: pd.DataFrame, out: Path, order: ExportOrder
) -> None:
    """Write `manifest.json`: model version, cutoff, value, currency, and each format's rows or why it is missing."""
    facts = {
        name: str(scores[name].iloc[0])
        for name in ("model_version", "cutoff", "horizon")
        if name in scores and len(scores)
    }
    files = {
        name: {
            "file": entry.path.name,
            "rows": entry.rows,
            "counted": entry.counted,
            "left_out": entry.left_out,
            "unread": entry.unread,
            "lost_phones": entry.lost_phones,
            "stated_before": entry.stated_before,
        }
        if isinstance(entry, ExportedFile)
        else {"not_written": entry}
        for name, entry in written.items()
    }
    about = {**facts, "value": order.value, "currency": order.currency, "files": files}
    with atomic(out / "manifest.json") as path:
        path.write_text(json.dumps(about, indent=1), encoding="utf-8")
