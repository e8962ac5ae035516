"""The order id column when headings do not settle it: chosen among several, or detected by its values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cltv_ml.columns.collected import find_collected
from cltv_ml.columns.glance import find_places
from cltv_ml.columns.headings import plain_heading
from cltv_ml.columns.kinds import first_lines
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.namesakes import AND, are_numbered_apart, join_parts, parts_of
from cltv_ml.columns.order_numbers import are_whole_codes, find_numbering
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.questions import Question
from cltv_ml.columns.receipts import DAY, RESTART_AFTER, Receipts
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import quote
from cltv_ml.engine import Relation, show
from cltv_ml.sources.frames import MARK

#: Fewer orders of several lines than this show nothing.
_FEW_ORDERS = 3

#: The most unused columns that are compared with the purchases.
_COLUMNS_READ = 24

#: Of dates without a time, a customer may have several orders on one: at most this many times as many orders.
_MORE_ORDERS = 1.1


def choose_order(first: Relation, columns: Sequence[str], customer: str | None) -> str | None:
    """Return which of several candidates is the order id: the one whose groups contain those of all others.

    None if there is no such column, for example for two unrelated counters.
    """
    if not columns or not customer:
        return None
    owner = f"cast({quote(customer)} as varchar)"
    values = {column: quote(column) for column in columns}
    counts = {
        column: first.row(
            f"select count(distinct {value}), count(distinct ({value}, {owner})) filter ({value} is not null) "
            f"from {first}"
        )
        for column, value in values.items()
    }
    consistent = [column for column, (orders, owned) in counts.items() if orders and owned == orders]
    for column in sorted(consistent, key=lambda column: counts[column][0]):
        rivals = [rival for rival in columns if rival != column]
        pairs = (
            first.row(f"select count(distinct ({values[rival]}, {values[column]})) from {first}")
            for rival in rivals
        )
        if all(number <= max(counts[rival][0], 1) for (number,), rival in zip(pairs, rivals, strict=True)):
            return column
    return None


def is_no_order(first: Relation, column: str, customer: str | None) -> bool:
    """Whether a column contains words shared by several customers, such as kinds of transactions, not order numbers."""
    if not customer:
        return False
    text = f"cast({quote(column)} as varchar)"
    if not first.holds(rf"{text} <> '' and not regexp_matches({text}, '\d')"):
        return False
    if not first.holds(rf"regexp_matches({text}, '\d')") and first.holds(
        rf"regexp_matches({text}, '\p{{Ll}}{{3}}')"
    ):
        return True
    [words, rows] = first.row(
        r"select sum(n) filter (owners > 1 and not regexp_matches(value, '\d')), sum(n) from ("
        f"select {text} as value, count(*) as n, count(distinct {quote(customer)}) as owners from {first} "
        f"where {text} <> '' group by 1)"
    )
    return bool(words and words > 0.5 * rows)


def add_order_number(
    first: Relation,
    kinds: Mapping[str, str],
    mapping: dict[str, str],
    unused: Sequence[str],
    referring: Sequence[str],
) -> list[str]:
    """Add an order id that only the values show to the mapping, unless it is doubtful; return notes.

    Parameters
    ----------
    unused, referring
        The columns without a meaning, and those of products that may be references.
    """
    found = find_order(first, kinds, mapping, [*referring, *unused])
    column, note = found or _find_numbering_of_days(first, kinds, mapping, unused)
    if not column:
        return [*note, *doubt_totals(first, mapping)]
    mapping["order_id"] = column
    if column in referring:
        del mapping["product_id"]
    return note


def find_order(
    first: Relation, kinds: Mapping[str, str], mapping: Mapping[str, str], unused: Sequence[str]
) -> tuple[str, list[str]] | None:
    """Return a column that numbers orders despite its heading, with notes; None if no order id is needed.

    One is needed if lines of the same customer and time have the same amount, which may then be the order's, and differ
    in another column, or if most lines below 0 have a number with lines above 0, as exchanges do. The number changes
    with the customer and the time, and only with them.
    """
    names = [mapping.get(name, "") for name in ("customer_id", "timestamp", "amount")]
    if not all(names):
        return None
    customer, time, amount = map(quote, names)
    purchase = f"cast({customer} as varchar), cast({time} as varchar)"
    candidates = [column for column in unused if kinds[column] in ("text", "number")][:12]
    numbering = [column for column in candidates if _numbers_purchases(first, quote(column), purchase)]
    for column in (name for name in numbering if plain_heading(name) in ("id", "reference")):
        [again] = first.row(f"select count({quote(column)}) - count(distinct {quote(column)}) from {first}")
        if again >= _FEW_ORDERS or plain_heading(column) == "reference" or _holds_lists(first, kinds):
            return column, _tell_of_number(column)
    named = [column for name, column in mapping.items() if name in ("product_id", "quantity", "unit_price")]
    for column in numbering:
        compared = [name for name in [*named, *candidates][:12] if name != column]
        parts = [
            name for name in [*named, *candidates] if kinds[name] in ("number", "rate") and name != column
        ]
        if (
            _is_total(first, column, compared, amount)
            or _sums_up_parts(first, column, parts[:12], names[2])
            or _holds_returns(first, column, names[2])
        ):
            return column, _tell_of_number(column)
    return None


def _find_numbering_of_days(
    first: Relation, kinds: Mapping[str, str], mapping: Mapping[str, str], unused: Sequence[str]
) -> tuple[str, list[str]]:
    """Return a column that tells orders of one customer and day apart, and notes; no column if that is doubtful."""
    names = [mapping.get(name, "") for name in ("customer_id", "timestamp")]
    if not all(names):
        return "", []
    customer, time = map(quote, names)
    reading = Columns(first, Rules(), ask=False)
    day = reading.timestamp(names[1])
    columns = {
        column: quote(column)
        for column in unused[:_COLUMNS_READ]
        if kinds[column] == "text"
        or (kinds[column] == "number" and are_whole_codes(first, quote(column), day))
    }
    sold = f"{reading.number(mapping['amount'])} > 0" if "amount" in mapping else "true"
    found = find_numbering(first, customer, time, day, columns, sold)
    if not found:
        return "", []
    if found.of_lines and {"product_id", "quantity"} & set(mapping):
        return "", [
            f"Without an order_id, what a customer buys on a day is one order. {found.column!r} differs on each line; "
            f"if it numbers orders, not their lines, use --mapping {flag('order_id', found.column)}."
        ]
    return found.column, _tell_of_number(found.column)


def _holds_lists(first: Relation, kinds: Mapping[str, str]) -> bool:
    """Whether a column holds lists of objects, as records of whole orders do."""
    lists = (
        f"cast({quote(column)} as varchar) like '[{{%'" for column, kind in kinds.items() if kind == "text"
    )
    return first.holds(" or ".join((*lists, "false")))


def _tell_of_number(column: str) -> list[str]:
    return [
        f"Column {column!r} changes only with the customer and the time, and was read as order_id (--mapping order_id= "
        "turns this off)."
    ]


def _numbers_purchases(first: Relation, value: str, purchase: str) -> bool:
    """Whether a column changes with the customer and the time, and else at most rarely, as on a day with two orders."""
    groups, both, purchases = first.row(
        f"select count(distinct {value}), count(distinct ({value}, {purchase})) filter ({value} is not null), "
        f"count(distinct ({purchase})) from {first}"
    )
    return bool(groups == both and purchases <= groups <= _MORE_ORDERS * purchases)


def _is_total(first: Relation, order: str, compared: Sequence[str], amount: str) -> bool:
    """Whether lines of one order that differ in another column have one amount."""
    differ = [f"coalesce(min({quote(column)}) < max({quote(column)}), false)" for column in compared]
    per_order = ", ".join(f"{test} as differ_{place}" for place, test in enumerate(differ))
    counts = (
        first.row(
            "select "
            + ", ".join(
                f"count(*) filter (differ_{place}), count(*) filter (differ_{place} and same)"
                for place in range(len(compared))
            )
            + f" from (select {per_order}, min({amount}) = max({amount}) as same from {first} "
            f"where {quote(order)} is not null group by {quote(order)} having count(*) > 1)"
        )
        if compared
        else ()
    )
    return any(
        several >= _FEW_ORDERS and constant >= 0.95 * several
        for several, constant in zip(counts[::2], counts[1::2], strict=True)
    )


def _sums_up_parts(first: Relation, order: str, parts: Sequence[str], amount: str) -> bool:
    """Whether the one amount of each order of several lines is the sum of another number on these lines."""
    if not parts:
        return False
    columns = Columns(first, Rules(), ask=False)
    whole = columns.number(amount)
    totals = ", ".join(f"sum({columns.number(part)}) as total_{place}" for place, part in enumerate(parts))
    sums = ", ".join(
        f"count(*) filter (low = high and low > 0 and abs(total_{place} - low) < 0.011)"
        for place in range(len(parts))
    )
    several, *summed = first.row(
        f"select count(*), {sums} from (select min({whole}) as low, max({whole}) as high, {totals} from {first} "
        f"where {quote(order)} is not null group by {quote(order)} having count(*) > 1)"
    )
    return bool(several and max(summed) >= 0.95 * several)


def _holds_returns(first: Relation, order: str, amount: str) -> bool:
    """Whether most of several lines below 0 have the number of lines above 0."""
    value = Columns(first, Rules(), ask=False).number(amount)
    below, together = first.row(
        "select sum(n), sum(n) filter (high > 0) from (select count(*) filter (v < 0) as n, max(v) as high "
        f"from (select {quote(order)} as number, {value} as v from {first}) where number is not null group by number)"
    )
    return bool(below and below >= _FEW_ORDERS and (together or 0) > 0.5 * below)


def doubt_totals(first: Relation, mapping: Mapping[str, str]) -> list[str]:
    """Return a note if lines of one customer and time share an amount and there is no order id to tell why."""
    names = [mapping.get(name, "") for name in ("customer_id", "timestamp", "amount", "product_id")]
    if not all(names):
        return []
    customer, time, amount, product = map(quote, names)
    several, constant, kinds = first.row(
        f"with bought as (select count(distinct {product}) as n, count(distinct {amount}) as amounts, "
        f"    min({amount}) as a from {first} where contains(cast({time} as varchar), ':') "
        f"    group by {customer}, {time}"
        ") select count(*) filter (n > 1), count(*) filter (n > 1 and amounts = 1), count(distinct a) from bought"
    )
    if several < _FEW_ORDERS or constant < 0.95 * several or kinds < _FEW_ORDERS:
        return []
    return [
        f"A customer's lines at the same time have equal amounts in {constant:,} of {several:,} cases, "
        "although the products differ. If this amount is the order total, it counts several times; export a "
        "column with the order id."
    ]


def join_receipts(
    table: Relation, mapping: Mapping[str, str], explicit: Mapping[str, str | None]
) -> tuple[Relation, str, str] | None:
    """Return the table with numbers of orders that tell receipts of one number apart, their column, and a note.

    None unless receipt numbers restart, each day or in each till for example.
    """
    names = [mapping.get(name, "") for name in ("order_id", "customer_id", "timestamp")]
    saved = parts_of(table, explicit.get("order_id") or "")
    if not all(names) or ("order_id" in explicit and not saved):
        return None
    first = first_lines(table)
    day = Columns(first, Rules(), ask=False).timestamp(names[2])
    parts = saved[:-1] or _find_parts(first, mapping, day)
    if not parts:
        return None
    sql = {part: RESTART_AFTER.get(part) or quote(part) for part in parts}
    days = f"(select *, cast({day} as date) as {DAY} from {table})"
    view, made = join_parts(table, {**sql, names[0]: quote(names[0])}, f"({days})")
    view = show(table.con, "rows", f"select * exclude ({DAY}) from {view}")
    told = " and ".join(f"the {part}" if part in RESTART_AFTER else repr(part) for part in parts)
    note = (
        f"Numbers in {names[0]!r} restart, so {told} and the number together were read as order_id (--mapping "
        f"{flag('order_id', names[0])} takes the number alone)."
    )
    columns = [part for part in parts if part not in RESTART_AFTER]
    if columns and are_numbered_apart(first, quote(names[1]), quote(columns[0])):
        own = flag("customer_id", f"{columns[0]}{AND}{names[1]}")
        note += f" If each {columns[0]!r} numbers its own customers as well, use --mapping {own}."
    return view, made, note


def _find_parts(first: Relation, mapping: Mapping[str, str], day: str) -> list[str]:
    """Return what tells receipts of one number apart: a column or a period; nothing unless numbers restart."""
    receipts = Receipts(first, quote(mapping["order_id"]), quote(mapping["customer_id"]), day)
    restart, again = receipts.restart()
    if not restart:
        return []
    unused = [name.removeprefix(MARK) for name in first.kinds if name.startswith(MARK)]
    places = find_places(first, [column for column in unused if column not in mapping.values()])
    return receipts.find_parts({place: quote(place) for place in places}, again)


def doubt_documents(
    first: Relation, kinds: Mapping[str, str], mapping: Mapping[str, str], explicit: Mapping[str, str | None]
) -> list[Question]:
    """Ask which documents are the purchases if the invoices collect several earlier ones."""
    order, time = mapping.get("order_id", ""), mapping.get("timestamp", "")
    if not order or not time or {"order_id", "timestamp"} & set(explicit):
        return []
    reading, unused = Columns(first, Rules(), ask=False), set(kinds) - set(mapping.values())
    days = {name: reading.timestamp(name) for name in kinds if name in unused and kinds[name] == "timestamp"}
    numbers = {name: quote(name) for name in kinds if name in unused and kinds[name] in ("text", "number")}
    found = find_collected(first, quote(order), reading.timestamp(time), days, numbers) if days else None
    if not found:
        return []
    number, day = found
    text = (
        f"several {number!r} with a {day!r} of their own are in one {order!r}. Use --mapping "
        f"{flag('order_id', number)} --mapping {flag('timestamp', day)} if these are the purchases, or --mapping "
        f"{flag('order_id', order)} --mapping {flag('timestamp', time)} if the invoices are."
    )
    answers = (f"order_id={number},timestamp={day}", f"order_id={order},timestamp={time}")
    return [Question(text, answers)]
