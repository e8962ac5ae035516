"""Proposal of a mapping from headings, types and values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from cltv_ml.columns.candidates import find_columns, look_at_levels, may_be, net_of, of_lines, offer
from cltv_ml.columns.cents import read_shown_cents
from cltv_ml.columns.currency import find_currency, pair_currency
from cltv_ml.columns.customers import doubt_customer, doubt_rows, excluded_column
from cltv_ml.columns.date_parts import replace_blank_time, settle_time
from cltv_ml.columns.discounts import settle_discount
from cltv_ml.columns.glance import Glance
from cltv_ml.columns.guesses import offer_item_price, rank_columns
from cltv_ml.columns.headings import SYNONYMS, plain_heading
from cltv_ml.columns.kinds import first_lines, look, look_further
from cltv_ml.columns.ledger import Journal, find_journal, settle_sides
from cltv_ml.columns.levels import LEVEL_NAMES, NO, YES
from cltv_ml.columns.mapping import (
    REQUIRED,
    check_divided,
    check_mapping,
    flag,
    is_complete,
    name_columns,
    open_names,
)
from cltv_ml.columns.odd_products import tell_of_odd_products
from cltv_ml.columns.orders import (
    add_order_number,
    choose_order,
    doubt_documents,
    is_no_order,
)
from cltv_ml.columns.overlooked import look_over
from cltv_ml.columns.paid import doubt_price
from cltv_ml.columns.periods import ask_for_rows, offer_products, tell_of_periods
from cltv_ml.columns.questions import Question, QuestionsError, ask_which
from cltv_ml.columns.recognition import recognise_source
from cltv_ml.columns.references import read_reference
from cltv_ml.columns.scale import settle_scale, settle_units
from cltv_ml.columns.source_columns import id_text
from cltv_ml.columns.ties import Source, settle_tie
from cltv_ml.columns.version_column import find_version
from cltv_ml.engine import Relation

#: Names whose columns decide what counts as revenue: proposed even if the mapping is complete without them.
SAFETY = (*LEVEL_NAMES, "refunded", "returned_quantity", "cancelled_at", "currency", "cancels")

#: Kinds of columns offered if no heading names the customer, the time or the amount.
_ASKED_KINDS = {
    "customer_id": ("text", "number"),
    "timestamp": ("timestamp", "text", "number"),
    "amount": ("number", "rate"),
}

#: Names looked for after the others are known.
_OPTIONAL_NAMES = ("version", "credit", "time_of_day")


@dataclass(frozen=True)
class Proposal:
    """The proposed meaning of a source's columns."""

    #: Standard name -> source column.
    mapping: Mapping[str, str]
    #: Notes for the reader, one sentence each.
    notes: tuple[str, ...] = ()
    #: Questions that only the user can answer; their columns are not in the mapping.
    questions: tuple[Question, ...] = field(default=())
    #: Settings of `Rules` that suit a known export.
    rules: Mapping[str, Any] = field(default_factory=dict)
    #: Columns that could each be the order_id, by their headings.
    ties: tuple[str, ...] = ()


def complete(table: Relation, explicit: Mapping[str, str | None]) -> Proposal:
    """Return the user's mapping, completed with the columns whose meaning is certain.

    A known export is mapped by its format. If the user's names suffice, only columns that decide what counts as revenue
    are added (`SAFETY`). Whatever only the user knows becomes a question of the proposal.
    """
    beginning = first_lines(table)
    first, kinds = look_further(table, beginning, look(beginning))
    check_mapping(explicit, list(kinds))
    check_divided(list(kinds))
    recognised = recognise_source(table, kinds, explicit)
    if recognised:
        declined = dict.fromkeys(set(SYNONYMS) - {*SAFETY, *_OPTIONAL_NAMES} - set(recognised.mapping), "")
        explicit = {**declined, **recognised.mapping, **explicit}
    mapped = check_mapping(explicit, list(kinds))
    journal = find_journal(beginning, kinds, explicit)
    if journal:
        kinds = {column: kind for column, kind in kinds.items() if column != journal.account}
    wanted = (
        SAFETY if is_complete(mapped) else tuple(name for name in SYNONYMS if name not in _OPTIONAL_NAMES)
    )
    levels = look_at_levels(table, kinds)
    settle, rank = partial(settle_tie, Source(kinds, levels, first, table)), partial(rank_columns, first)
    proposal = propose_mapping(kinds, explicit, levels, wanted, settle, rank)
    mapping, questions = dict(proposal.mapping), proposal.questions
    left = kinds
    while wrong := excluded_column(first, mapping, explicit):
        left = {column: kind for column, kind in left.items() if column != wrong}
        proposal = propose_mapping(left, explicit, levels, wanted, settle, rank)
        mapping, questions = dict(proposal.mapping), proposal.questions
    notes = [*(recognised.notes if recognised else ()), *proposal.notes]
    if not recognised:
        notes += replace_blank_time(first, kinds, mapping, explicit)
        # of a return, before it may be the order's
        if plain_heading(mapping.get("product_id", "")) == "reference":
            notes += read_reference(table, first, kinds, mapping, explicit)
        notes += _settle_order(first, kinds, mapping, explicit, proposal.ties)
        notes += read_reference(table, first, kinds, mapping, explicit)
        new_notes, doubted = doubt_customer(first, kinds, mapping, explicit)
        notes += new_notes
        questions += (
            *doubted,
            *doubt_rows(table, kinds, mapping, explicit),
            *doubt_documents(first, kinds, mapping, explicit),
            *doubt_price(kinds, mapping, explicit),
        )
    if "currency" not in {*mapping, *explicit}:
        notes += find_currency(first, table, kinds, mapping)
    notes += settle_time(first, kinds, mapping, explicit)
    currency_notes, local = ([], "") if recognised else pair_currency(first, kinds, mapping, explicit)
    notes += currency_notes
    mapping, later_questions = _settle_later(table, kinds, mapping, explicit, journal)
    mapping, amount_notes, amount_questions = _settle_amounts(table, kinds, mapping, explicit)
    notes += amount_notes
    questions += (*later_questions, *amount_questions)
    rules = recognised.rules if recognised else {}
    if recognised:
        unused = [name for name, kind in kinds.items() if kind == "text" and name not in mapping.values()]
        notes += tell_of_odd_products(Glance(table, list(kinds)), {**mapping, **explicit}, unused)
    else:
        counts = {f"returned_quantity={column}": column for column in kinds}
        settled = {counts.get(answer) for question in questions for answer in question.answers} | {local}
        overlooked = look_over(
            table, {column: kinds[column] for column in kinds if column not in settled}, mapping, explicit
        )
        mapping |= overlooked.mapping
        if "amount" in overlooked.mapping:  # instead of the one that these notes name
            notes = [note for note in notes if "could each be the amount" not in note]
        if "type" in overlooked.mapping:  # which says what is a return
            notes += read_reference(table, first, kinds, mapping, explicit)
        questions += tuple(overlooked.questions)
        unit, new_notes = read_shown_cents(first, mapping)
        rules = {"levels": overlooked.levels, **unit}
        notes += [*overlooked.notes, *new_notes]
    questions = tuple(
        offer_products(first, kinds, offer_item_price(first, mapping, question)) for question in questions
    )
    return Proposal(mapping, tuple(notes), questions, rules)


def _settle_order(
    first: Relation,
    kinds: Mapping[str, str],
    mapping: dict[str, str],
    explicit: Mapping[str, str | None],
    ties: Sequence[str],
) -> list[str]:
    """Add an order id that no heading settles to the mapping; return notes."""
    named_so = mapping.get("order_id", "")
    if named_so and "order_id" not in explicit and is_no_order(first, named_so, mapping.get("customer_id")):
        del mapping["order_id"]
    if {"order_id", "cancels"} & {*mapping, *explicit}:
        return []
    ties = [column for column in ties if not is_no_order(first, column, mapping.get("customer_id"))]
    if ties:
        if chosen := choose_order(first, ties, mapping.get("customer_id")):
            mapping["order_id"] = chosen
            return []
        return [
            f"Columns {list(ties)} could each be the order_id; none was used. To choose one, pass --mapping "
            f"{flag('order_id', ties[0])}."
        ]
    product = mapping.get("product_id", "")
    referring = [product] if plain_heading(product) == "reference" and "product_id" not in explicit else []
    unused = [column for column in kinds if column not in mapping.values()]
    return add_order_number(first, kinds, mapping, unused, referring)


def _settle_later(
    table: Relation,
    kinds: Mapping[str, str],
    mapping: dict[str, str],
    explicit: Mapping[str, str | None],
    journal: Journal | None,
) -> tuple[dict[str, str], tuple[Question, ...]]:
    """Return the mapping with versions of orders and credits, without parents that are not orders, and questions."""
    mapping, cancels, order = dict(mapping), mapping.get("cancels", ""), mapping.get("order_id", "")
    own_ids = [column for column in kinds if plain_heading(column) == "id" and column not in mapping.values()]
    if cancels and not order and own_ids and "order_id" not in explicit:
        mapping["order_id"] = order = own_ids[0]
    parents = order and plain_heading(cancels).startswith("parent") and "cancels" not in explicit
    if parents and not table.holds(f"{id_text(cancels)} in (select {id_text(order)} from {table})"):
        del mapping["cancels"]
    if "version" not in explicit and (version := find_version(table, kinds, mapping)):
        mapping["version"] = version
    mapping, questions = settle_sides(table, kinds, mapping, explicit, journal)
    return mapping, tuple(questions)


def _settle_amounts(
    table: Relation, kinds: Mapping[str, str], mapping: dict[str, str], explicit: Mapping[str, str | None]
) -> tuple[dict[str, str], list[str], Sequence[Question]]:
    """Return the mapping with what the amounts count, in which unit and before which discount; notes and questions."""
    notes: list[str] = []
    steps = (
        partial(settle_units, table, kinds),
        partial(settle_scale, table),
        partial(settle_discount, table),
    )
    try:
        for settle in steps:
            mapping, new_notes = settle(mapping, explicit)
            notes += new_notes
    except QuestionsError as error:
        return mapping, notes, error.questions
    return mapping, notes, ()


def propose_mapping(
    kinds: Mapping[str, str],
    explicit: Mapping[str, str | None] | None = None,
    levels: Mapping[str, Sequence[str]] | None = None,
    wanted: Sequence[str] = tuple(SYNONYMS),
    settle: Callable[[str, Sequence[str]], tuple[str, str] | None] | None = None,
    rank: Callable[[str, Sequence[str]], list[str]] | None = None,
) -> Proposal:
    """Return standard name -> source column, for what headings, types and levels make certain.

    Parameters
    ----------
    kinds
        What each source column's values look like: `"number"`, `"timestamp"`, `"text"`, `"rate"` (a number
        between 0 and 1) or `"empty"`.
    explicit
        Standard names already decided by the user; `None` or `""` says that there is no such column.
    levels
        The different values of columns that may hold levels, such as those of a status.
    wanted
        The names to propose columns for.
    settle
        Chooses between several candidates for a name and explains the choice in a note; None if it cannot.
    rank
        Sorts the columns offered for a required name that no heading settles, the most likely by their values first.

    >>> dict(propose_mapping({"Cust": "text", "Order Date": "timestamp", "Qty": "number", "Price": "number"}).mapping)
    {'customer_id': 'Cust', 'timestamp': 'Order Date', 'quantity': 'Qty', 'unit_price': 'Price'}
    """
    explicit, levels = explicit or {}, levels or {}
    kinds = {column: "rate" if "%" in column else kind for column, kind in kinds.items()}
    chosen: dict[str, str] = {name: column for name, column in explicit.items() if column}
    notes: list[str] = []
    questions: list[Question] = []
    ties: list[str] = []
    for name in (name for name in SYNONYMS if name in wanted and name not in explicit):
        taken = [*chosen.values(), *(column for question in questions for column in _asked(question))]
        unmapped = [column for column in kinds if column not in taken and kinds[column] != "empty"]
        candidates = find_columns(name, unmapped, kinds, levels, chosen)
        if name == "amount" and (lines := of_lines(candidates)):
            notes.append(
                f"Columns {candidates} could each be the amount; {lines[0]!r}, the line total, was used."
            )
            candidates = lines
        if name == "amount" and (named_net := net_of(candidates, list(kinds))):
            notes.append(
                f"Columns {candidates} could each be the amount; {named_net[0]!r}, {named_net[1]}, was used."
            )
            candidates = [named_net[0]]
        if name == "refunded" and len(candidates) > 1:  # the amount, not a flag
            candidates = [
                column
                for column in candidates
                if kinds[column] == "number" and not {*map(str.lower, levels.get(column, "-"))} <= NO | YES
            ] or candidates
        if len(candidates) > 1 and settle and (settled := settle(name, candidates)):
            candidates = [settled[0]]
            notes.append(settled[1])
        if len(candidates) > 1 and (name in REQUIRED or name in SAFETY):
            questions.append(ask_which(name, candidates))
        elif len(candidates) > 1 and name == "order_id":
            ties = candidates
        elif len(candidates) > 1:
            notes.append(
                f"Columns {candidates} could each be the {name}; none was used. To choose one, pass --mapping "
                f"{flag(name, candidates[0])}."
            )
        elif candidates:
            chosen[name] = candidates[0]
    mapping, missing = _settle(chosen, kinds, explicit, questions, rank)
    return Proposal(mapping, tuple(notes), (*questions, *missing), ties=tuple(ties))


def _asked(question: Question) -> list[str]:
    """Return the columns that a question offers as answers; they are not proposed for another name."""
    return [answer.partition("=")[2] for answer in question.answers]


def _settle(
    chosen: dict[str, str],
    kinds: Mapping[str, str],
    explicit: Mapping[str, str | None],
    questions: Sequence[Question],
    rank: Callable[[str, Sequence[str]], list[str]] | None,
) -> tuple[dict[str, str], list[Question]]:
    """Return the mapping, with a vague price next to a quantity as the unit price, and questions on missing names."""
    weak = (
        "amount" not in explicit and plain_heading(chosen.get("amount", "")) in SYNONYMS["amount"][-1].split()
    )
    namesake = plain_heading(chosen.get("unit_price", "")) == plain_heading(chosen.get("amount", ""))
    if weak and "quantity" in chosen and not namesake:
        alone = chosen.pop("amount")
        chosen.setdefault("unit_price", alone)
    if by_period := ask_for_rows(kinds, chosen, explicit):
        return {name: chosen[name] for name in SYNONYMS if name in chosen}, [by_period]
    open_already = {answer.partition("=")[0] for question in questions for answer in question.answers}
    missing, offered, favourites = list[Question](), list[str](), list[str]()
    for name in open_names(chosen):
        if name in open_already:
            continue
        also = " (or quantity and unit_price)" if name == "amount" else ""
        used = [
            column for of, column in chosen.items() if name != "amount" or not re.search("cost|price", of)
        ]
        free = [column for column, kind in kinds.items() if kind != "empty" and column not in used]
        fit = [
            column for column in free if kinds[column] in _ASKED_KINDS.get(name, ()) and column not in offered
        ]
        fit = sorted(rank(name, fit) if rank else fit, key=favourites.__contains__)
        fit = [column for column in fit if may_be(name, column)]
        answers, remark = offer(name, fit or free, chosen)
        suggestion, _, likely = (answers if fit else [f"{name}=COLUMN"])[0].partition("=")
        text = (
            f"no column found for {name}{also}; name it in the mapping, for example {{{suggestion!r}: {likely!r}}} or "
            f"--mapping {flag(suggestion, likely)}. Found {name_columns(kinds)}."
            f"{remark * bool(fit or name == 'customer_id')}"
        )
        text += tell_of_periods(kinds, name)
        offered += fit if len(fit) == 1 else []
        favourites.append(likely)
        missing.append(Question(text, tuple(answers if fit or name == "amount" else ())))
    return {name: chosen[name] for name in SYNONYMS if name in chosen}, missing
