"""Raw tables: any file, frame, data set or database as one table, with a mapping of its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from cltv_ml.addresses import is_url, without_secrets
from cltv_ml.columns.cents import doubt_cents, doubt_parts, tell_of_cents
from cltv_ml.columns.currency import split_signs
from cltv_ml.columns.customers import join_places
from cltv_ml.columns.date_parts import join_date, join_items, join_name
from cltv_ml.columns.day_headings import join_day_headings, join_title_year
from cltv_ml.columns.document_kinds import split_dates, split_kind
from cltv_ml.columns.grouped import fill_down, split_labels
from cltv_ml.columns.mapping import is_complete, read_mapping
from cltv_ml.columns.namesakes import parts_of
from cltv_ml.columns.orders import join_receipts
from cltv_ml.columns.periods import join_headings, join_months
from cltv_ml.columns.proposal import Proposal, complete
from cltv_ml.columns.questions import Question, QuestionsError
from cltv_ml.columns.raw_table import Raw, Workspace
from cltv_ml.columns.references import NAMED, join_references
from cltv_ml.columns.refund_tables import add_refunds, split_refunds
from cltv_ml.columns.rules import Rules, change_rules, settle_rules
from cltv_ml.columns.summed import join_credits, join_returned
from cltv_ml.columns.values import open_questions
from cltv_ml.data.datasets import DATASETS, Dataset, read_dataset
from cltv_ml.engine import Relation, as_tabular, connect, lend
from cltv_ml.errors import InputError
from cltv_ml.money import Note
from cltv_ml.remote import address, as_path, fetch, is_remote
from cltv_ml.sources.folders import find
from cltv_ml.sources.frames import MARK, Part, SourceRows, read_frame, without_nan
from cltv_ml.sources.json_cells import open_cells
from cltv_ml.sources.lakes import lake_of, read_lake
from cltv_ml.sources.paths import read_file, read_with_refunds, readable
from cltv_ml.sources.records import flatten_records


def read(
    source: pd.DataFrame | pa.Table | str | Path,
    mapping: Mapping[str, str | None] | str | Path | None = None,
    *,
    table: str | None = None,
    header_row: int | None = None,
    rules: Rules | Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
    memory: str = "1GB",
) -> Raw:
    """Return a source's unchanged rows, with the mapping of its columns to the standard names.

    Parameters
    ----------
    source
        Path of a CSV file (any delimiter and encoding), an Excel workbook, JSON (records, also one a line) or
        a Parquet or Feather file, also in gz or zip; a folder or pattern of such files with the same columns; a pandas,
        Arrow or Spark table (the last is collected: write a larger one to Parquet); the name of a data set
        such as `"cdnow"`; or a database's URL, see `table`.
    mapping
        Standard name -> source column, or the path of a TOML file with a table `[mapping]`. None, or one
        that leaves required names open, is completed from the columns' names and types.
    table
        Name of the database table or a SELECT statement; sheet of a workbook; file of a folder or zip. Not needed
        when there is only one.
    header_row
        The row of a file that names its columns, from 1; None finds it, also below a report's title.
    rules
        Cleaning settings to use instead of the source's own, or some by name, as `changes`.
    changes
        Settings of the rules to change, as `change_rules` takes them.
    memory
        Memory limit of the engine; beyond it, the engine spills to a temporary folder.

    Raises
    ------
    InputError
        The source cannot be read, is empty, or its columns cannot be mapped; the message says why.

    >>> raw = read(pd.DataFrame({"cust": ["a"], "day": ["2024-01-31"], "paid": ["9.50"]}), {"amount": "paid"})
    >>> dict(raw.mapping)
    {'customer_id': 'cust', 'timestamp': 'day', 'amount': 'paid'}
    """
    columns = read_mapping(mapping) if isinstance(mapping, str | Path) else dict(mapping or {})
    opened = open_source(source, table=table, header_row=header_row, memory=memory)
    with readable(opened.table, opened.name):
        return _map_columns(opened, columns, rules, changes or {})


def _map_columns(
    opened: Opened,
    columns: Mapping[str, str | None],
    rules: Rules | Mapping[str, Any] | None,
    changes: Mapping[str, Any],
) -> Raw:
    """Return the rows of a source with the mapping of its columns, `columns` if given."""
    opened = _join_parts(opened, columns)
    given = {**opened.mapping, **{name: column for name, column in columns.items() if column != NAMED}}
    table, customer, told = (opened.table, {}, []) if opened.dataset else join_places(opened.table, given)
    opened, given = replace(opened, table=table, notes=(*opened.notes, *told)), {**given, **customer}
    made = parts_of(table, given.get("order_id") or "")
    proposal = complete(table, {**given, "order_id": made[-1]} if made else given)
    if receipts := join_receipts(opened.table, proposal.mapping, given):
        table, number, note = receipts
        opened = replace(opened, table=table, notes=(*opened.notes, note))
        proposal = complete(table, {**given, "order_id": number})
    if references := join_references(opened.table, proposal.mapping, given):
        table, note = references
        opened = replace(opened, table=table, notes=(*opened.notes, note))
        order = proposal.mapping["order_id"]
        proposal = complete(table, {**given, "order_id": order, "cancels": NAMED})
    suited = change_rules(opened.rules, proposal.rules)
    settled = change_rules(settle_rules(rules, suited), changes)
    opened = _add_refunds(opened, proposal.mapping)
    rows, notes, questions = _fill_down(opened, proposal, settled)
    raw = Raw(
        table=rows,
        broken=opened.broken,
        mapping=proposal.mapping,
        source=opened.name,
        read_at=pd.Timestamp.now(),
        rules=settled,
        workspace=opened.workspace,
        notes=tuple(
            Note(note)
            for note in (
                *opened.notes,
                *notes,
                *proposal.notes,
                *tell_of_cents(rows, proposal.mapping, settled),
            )
        ),
        starts=tuple(part.start for part in opened.parts),
        said=opened.said,
    )
    _check_answered((*proposal.questions, *questions, *_doubts(opened, proposal, settled)), raw)
    return raw


def _add_refunds(opened: Opened, mapping: Mapping[str, str]) -> Opened:
    """Return the source with the lines of tables of refunds next to or below its own."""
    table, below, title = split_refunds(opened.table, mapping)
    if not is_complete(mapping):  # asked about
        return opened
    notes = list(opened.notes)
    for name, refunds in {**opened.refunds, **({title: below} if below else {})}.items():
        table, note = add_refunds(table, refunds, name, mapping)
        notes.append(note)
    return replace(opened, table=table, notes=tuple(notes))


@dataclass(frozen=True)
class Opened:
    """The rows and the broken lines of a source, before its columns are mapped; see `Raw`."""

    table: Relation
    broken: Relation
    workspace: Workspace
    name: str
    notes: tuple[str, ...] = ()
    dataset: Dataset | None = None
    parts: tuple[Part, ...] = ()
    titles: tuple[Part, ...] = ()
    #: By name, tables of refunds next to the rows.
    refunds: Mapping[str, Relation] = field(default_factory=dict)

    @property
    def mapping(self) -> Mapping[str, str]:
        """The mapping of a named data set; empty for any other source."""
        return self.dataset.mapping if self.dataset else {}

    @property
    def said(self) -> tuple[Part, ...]:
        """Names and titles of the source and its parts; the number in `synthetic:2000` is no year."""
        own = () if self.dataset else (Part(self.name, 0),)
        return (*own, *self.parts, *self.titles)

    @property
    def rules(self) -> Rules:
        """The cleaning settings of a named data set; the defaults for any other source."""
        return self.dataset.rules if self.dataset else Rules()


#: Standard name -> what is put together for it from other columns.
_JOINS = (
    ("customer_id", split_labels),
    ("timestamp", join_day_headings),
    ("timestamp", join_months),
    ("timestamp", join_date),
    ("customer_id", join_name),
    ("amount", join_items),
    ("amount", join_credits),
    ("returned_quantity", join_returned),
    ("type", split_kind),
    ("timestamp", split_dates),
    ("currency", split_signs),
)


def _join_parts(opened: Opened, explicit: Mapping[str, str | None]) -> Opened:
    """Return the source with what stands in several columns, such as date and time, combined into one each."""
    table, notes = join_headings(opened.table, explicit)
    opened = replace(opened, table=table, notes=(*opened.notes, *notes))
    columns = {name.removeprefix(MARK) for name in opened.table.kinds}
    for name, join in _JOINS:
        if not opened.dataset and explicit.get(name) not in columns:
            table, notes = join(opened.table)
            opened = replace(opened, table=table, notes=(*opened.notes, *notes))
    said = [part.name for part in opened.said]
    table, notes = (opened.table, []) if opened.dataset else join_title_year(opened.table, said)
    return replace(opened, table=table, notes=(*opened.notes, *notes))


def _fill_down(
    opened: Opened, proposal: Proposal, rules: Rules
) -> tuple[Relation, list[str], tuple[Question, ...]]:
    """Return the rows with the customers of a grouped report filled down, notes, and questions."""
    try:
        return *fill_down(opened.table, proposal.mapping, rules.fill_down), ()
    except QuestionsError as error:
        return opened.table, [], error.questions


def _doubts(opened: Opened, proposal: Proposal, rules: Rules) -> list[Question]:
    """Return the questions whether some files, or all amounts, are in cents."""
    files = [(part.name, part.start) for part in opened.parts]
    return [
        *doubt_parts(opened.table, proposal.mapping, files, rules),
        *doubt_cents(opened.table, proposal.mapping, rules),
    ]


def _check_answered(questions: Sequence[Question], raw: Raw) -> None:
    """Raise QuestionsError if questions are open, including those that come up when reading the values."""
    if questions:
        raise QuestionsError((*questions, *open_questions(raw)))


def _refuse_unused(what: str, table: str | None, header_row: int | None) -> None:
    """Raise InputError if a source of this kind is read with an option that decides nothing there."""
    for flag, value in {"--query": table, "--header-row": header_row}.items():
        if value is not None:
            raise InputError(f"{what}, so {flag} {value} has no effect; leave it out.")


def open_source(
    source: pd.DataFrame | pa.Table | str | Path,
    *,
    table: str | None = None,
    header_row: int | None = None,
    memory: str = "1GB",
) -> Opened:
    """Return the unchanged rows of any source that `read` accepts.

    Raises
    ------
    InputError
        The source cannot be read or is empty; the message says why.
    """
    workspace = Workspace()
    con = connect(memory, workspace.path)
    source = as_tabular(source)
    refunds: dict[str, Relation] = {}
    name, ready = str(source) if isinstance(source, str | Path) else "", None
    if isinstance(source, pd.DataFrame | pa.Table):
        _refuse_unused("the data are one table", table, header_row)
        name, rows = f"a table of {len(source):,} rows", flatten_records(con, read_frame(con, source).table)
    elif name.partition(":")[0] in DATASETS:
        ready = DATASETS[name.partition(":")[0]]
        rows = read_dataset(con, name, ready, workspace.path, table)
        if Path(name).is_file():
            note = f"{name} was read as a public data set. To read the file of that name, use ./{name}."
            rows = replace(rows, notes=(*rows.notes, note))
    elif lake_of(name):
        _refuse_unused(f"{without_secrets(name)} is one table", table, header_row)
        rows = read_lake(con, name)
    elif is_remote(name):
        fetched = fetch(name, workspace.path)
        lake = lake_of(fetched) == "delta"  # an Iceberg table stores absolute paths of its files
        rows = read_lake(con, fetched) if lake else read_file(con, fetched, workspace.path, table, header_row)
        name = without_secrets(address(name))
    elif is_url(name):
        from cltv_ml.sources.databases import read_database  # imported late: SQLAlchemy is slow to import

        _refuse_unused("the data are in a database", None, header_row)
        rows = read_database(con, name, table)
        name = without_secrets(name)
    else:
        path = _existing(name)
        if table is None:
            rows, refunds = read_with_refunds(con, path, workspace.path, header_row)
        else:
            rows = read_file(con, path, workspace.path, table, header_row)
        name = path.name
    with readable(rows.table, name):
        rows = rows if ready else open_cells(con, rows)
        _check_rows(rows, name)
        present = without_nan(rows.table)
    return Opened(
        present,
        _broken_lines(con, rows),
        workspace,
        name,
        rows.notes,
        ready,
        rows.parts,
        rows.titles,
        refunds,
    )


def _existing(name: str) -> Path:
    """Return the path of a file, a folder or a pattern; raise InputError if there is no such file."""
    if not find(path := as_path(name)):
        what = f"{without_secrets(str(path))!r} is not a file, a folder with tables or the name of a data set"
        raise InputError(f"{what}; check the path. Data sets: {sorted(DATASETS)}.")
    return path


def _broken_lines(con: duckdb.DuckDBPyConnection, rows: SourceRows) -> Relation:
    """Return the broken lines as a relation, with the names of the columns that they should have."""
    numbers, lines = zip(*rows.broken, strict=True) if rows.broken else ((), ())
    columns = {"source_row": pa.array(numbers, pa.int64()), "line": pa.array(lines, pa.string())}
    found: dict[Any, Any] = {"columns": [name for name in rows.table.kinds if name.startswith(MARK)]}
    return replace(lend(con, "broken_lines", pa.table(columns)), found=found)


def _check_rows(rows: SourceRows, name: str) -> None:
    """Raise InputError if a source has no rows, or none that fits its header."""
    if rows.table.found.get("filled") or rows.table.holds("true"):
        return
    if not rows.broken:
        raise InputError(f"{name!r} contains no rows; check that the export is complete.")
    columns = [column.removeprefix(MARK) for column in rows.table.kinds if column.startswith(MARK)]
    [_, example] = min(rows.broken)
    raise InputError(
        f"{name!r}: none of its {len(rows.broken):,} lines has as many fields as the header, {columns[:8]} "
        f"(for example {example[:60]!r}). Check the delimiter and whether numbers contain it, or give the number of "
        "the header row (--header-row)."
    )
