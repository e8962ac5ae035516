"""Which source column is which: checked when given, proposed from names and types otherwise."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from cltv_ml.data.headings import NOT_THE_PURCHASE, SYNONYMS, plain_heading
from cltv_ml.errors import InputError
from cltv_ml.tables import TRANSACTIONS

_REQUIRED = ("customer_id", "timestamp", "amount")


def propose_mapping(
    kinds: Mapping[str, str], known: Mapping[str, str | None] | None = None
) -> dict[str, str]:
    """Return standard name -> source column, for what names and types make certain.

    Parameters
    ----------
    kinds
        What each source column's values look like: `"number"`, `"timestamp"`, `"text"`, `"rate"` (a number
        between 0 and 1) or `"empty"`.
    known
        Standard names already decided by the user; `None` or `""` says that there is no such column.

    Raises
    ------
    InputError
        Two columns are equally good for one name, or a required one has no column.

    >>> propose_mapping({"Cust": "text", "Order Date": "timestamp", "Qty": "number", "Price": "number"})
    {'customer_id': 'Cust', 'timestamp': 'Order Date', 'quantity': 'Qty', 'unit_price': 'Price'}
    """
    kinds = {column: "rate" if "%" in column else kind for column, kind in kinds.items()}
    chosen: dict[str, str] = {name: column for name, column in (known or {}).items() if column}
    free = [column for column in kinds if column not in chosen.values() and kinds[column] != "empty"]
    for name in SYNONYMS:
        if name in (known or {}):
            continue
        left = [column for column in free if column not in chosen.values()]
        found = _best(name, [column for column in left if _fits(name, kinds[column])])
        if name == "discount_rate" and not found and "discount" not in chosen:
            found = [column for column in _named("discount", left) if kinds[column] == "rate"]
        if not found and name in _REQUIRED:  # badly filled, but named so: `clean` says what is wrong with it
            found = _named(name, left)
        if len(found) > 1:
            raise InputError(
                f"columns {found} could each be the {name}; "
                f"say which in the mapping, for example {{{name!r}: {found[0]!r}}} or "
                f"--mapping {_flag(name, found[0])}."
            )
        if found:
            chosen[name] = found[0]
    return _settle(chosen, kinds, known or {})


def check_mapping(mapping: Mapping[str, str | None], columns: Sequence[str]) -> dict[str, str]:
    """Return `mapping` without its empty entries when each name is known and each column exists.

    Raises
    ------
    InputError
        A standard name is unknown, a column is not in the source, or one is given twice.

    >>> check_mapping({"customer_id": "cust"}, ["Cust", "day"])
    Traceback (most recent call last):
    InputError: mapping: column 'cust' for customer_id is not in the source. Found ['Cust', 'day'].
    """
    unknown = sorted(set(mapping) - set(SYNONYMS))
    if unknown:
        raise InputError(f"mapping: unknown name {unknown[0]!r}. Available: {sorted(SYNONYMS)}.")
    given = {name: str(column) for name, column in mapping.items() if column}
    for name, column in given.items():
        if column not in columns:
            raise InputError(
                f"mapping: column {column!r} for {name} is not in the source. Found {list(columns)}."
            )
    twice = [column for column in given.values() if list(given.values()).count(column) > 1]
    if twice:
        raise InputError(f"mapping: column {twice[0]!r} is given for more than one name; keep one of them.")
    return given


def is_complete(mapping: Mapping[str, str]) -> bool:
    """Whether every required name has a column or follows from others.

    >>> is_complete({"customer_id": "who", "timestamp": "when", "quantity": "n", "unit_price": "each"})
    True
    """
    return not _open(mapping)


def _open(mapping: Mapping[str, str]) -> list[str]:
    computed = {"amount"} if {"unit_price", "quantity"} <= set(mapping) else set()
    return [name for name in _REQUIRED if name not in mapping and name not in computed]


def read_mapping(path: str | Path) -> dict[str, str]:
    """Return the `[mapping]` table of a TOML file: standard name = "source column".

    Raises
    ------
    InputError
        The file is missing, is no TOML or holds no such table of texts.
    """
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"mapping file {str(path)!r} does not exist; check the path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"mapping file {str(path)!r} is no valid TOML: {error}.") from error
    table = content.get("mapping")
    if not isinstance(table, dict) or not all(isinstance(column, str) for column in table.values()):
        raise InputError(
            f"mapping file {str(path)!r} must hold a table [mapping] with lines such as "
            'customer_id = "CustomerID".'
        )
    return table


def write_mapping(mapping: Mapping[str, str], path: str | Path) -> None:
    """Save a mapping as the TOML file that `read_mapping` reads."""
    lines = [f"{name} = {_toml_text(column)}" for name, column in mapping.items()]
    Path(path).write_text("\n".join(["[mapping]", *lines, ""]), encoding="utf-8")


def is_open_name(column: str) -> bool:
    """Whether a column is called merely price or cost, which leaves open whether per item or per line.

    >>> is_open_name("Price"), is_open_name("unit price")
    (True, False)
    """
    return plain_heading(column) in ["price", "preis", "prix", "precio", "cost", "kosten", "coute"]


def ask(names: Sequence[str], column: str) -> str:
    """Return how to say which of several names a column has."""
    return "say " + " or ".join(f"--mapping {_flag(name, column)}" for name in names)


def _flag(name: str, column: str) -> str:
    """Return what stands after --mapping, quoted for a shell where it must be.

    >>> _flag("amount", "Net total"), _flag("amount", "net")
    ('"amount=Net total"', 'amount=net')
    """
    pair = f"{name}={column}"
    return pair if re.fullmatch(r"[\w=.-]+", pair) else f'"{pair}"'


def _toml_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda sign: f"\\u{ord(sign[0]):04x}", escaped) + '"'


def _fits(name: str, kind: str) -> bool:
    wanted = TRANSACTIONS.columns[name].kind if name in TRANSACTIONS.columns else None
    if name in ("unit_price", "unit_cost", "profit", "discount_rate"):
        wanted = "number"
    if wanted == "number":
        return kind == "number" or (kind == "rate" and name != "discount")
    return kind == "timestamp" if wanted == "timestamp" else True


def _named(name: str, columns: Sequence[str]) -> list[str]:
    """Return the columns on the most certain synonym that any column matches."""
    for step in SYNONYMS[name]:
        found = [column for column in columns if plain_heading(column) in step.split()]
        if found:
            return found
    return []


def _best(name: str, columns: Sequence[str]) -> list[str]:
    """Return the columns that a synonym names, else those whose name holds a telling word."""
    found = _named(name, columns)
    likely = [column for column in columns if not NOT_THE_PURCHASE.search(plain_heading(column))]
    if not found and name == "timestamp":
        return likely
    if not found and name == "amount":
        return [
            column for column in likely if re.search("amount|total|revenue|sales|spend|value", plain_heading(column))
        ]
    return found


def _settle(
    chosen: dict[str, str], kinds: Mapping[str, str], known: Mapping[str, str | None]
) -> dict[str, str]:
    """Return the mapping after what depends on several columns: a lone price is the amount."""
    weak = "amount" not in known and plain_heading(chosen.get("amount", "")) in SYNONYMS["amount"][-1].split()
    if weak and "quantity" in chosen:
        chosen["unit_price"] = chosen.pop("amount")
    for name in _open(chosen):
        also = " (or quantity and unit_price)" if name == "amount" else ""
        raise InputError(
            f"no column found for {name}{also}; name it in the mapping, for example {{{name!r}: '<column>'}} or "
            f"--mapping {name}=COLUMN. Found {list(kinds)}."
        )
    return {name: chosen[name] for name in SYNONYMS if name in chosen}
