"""Generated exports with known truth: `python -m tests.fuzz_exports --cases 1000 --seed 1`.

Each case is a small made-up shop written as some shop might export it: another language, encoding, decimal sign,
date, layout, way to give money back, kind of identifier. What was read is compared with the truth in customers,
orders, days and money. A difference must be told (a note, the verdict or the quarantine accounts for it) or asked;
where a question was asked, its answer must lead to the truth. A silent difference is a fault.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cltv_ml.data import change_rules, clean, judge, read
from cltv_ml.errors import InputError
from tests.fuzz_shops import Order, draw_orders
from tests.fuzz_writing import Export, write_export

#: Rules that set aside what cannot be used: their money was told.
_ACCOUNTED = ("bad_amount", "bad_date", "missing_customer", "future_date", "broken_line", "exact_duplicate")


@dataclass
class Outcome:
    """What came of one case: `none`, `told`, `asked`, or else `silent` or `fault`, with the reason."""

    kind: str
    detail: str = ""
    questions: list[str] = field(default_factory=list)


def truth_of(orders: Iterable[Order]) -> dict[str, object]:
    """Return what is right: customers, orders, days and money of sales that stand."""
    standing = [order for order in orders if order.net > 0 and order.customer is not None]
    return {
        "customers": len({order.customer for order in standing}),
        "orders": len({order.number for order in standing}),
        "days": (min(order.when for order in standing).date(), max(order.when for order in standing).date()),
        "money": round(sum(order.net for order in standing), 2),
    }


def examine(export: Export, truth: dict[str, object]) -> Outcome:
    """Return what comes of reading an export, and of reading it again with its questions answered."""
    try:
        return _compare(export, truth, {}, {})
    except InputError as question:
        asked = str(question)
    try:
        answered = _compare(export, truth, export.mapping, export.rules)
    except InputError as question:
        return Outcome("asked", f"asked again: {question}", [asked])
    if answered.kind in ("none", "told"):
        return Outcome("asked", questions=[asked])
    return Outcome(answered.kind, f"after the answer: {answered.detail}", [asked])


def _compare(
    export: Export, truth: dict[str, object], mapping: dict[str, str], rules: dict[str, object]
) -> Outcome:
    raw = read(export.source, mapping)
    cleaned = clean(raw, change_rules(raw.rules, rules) if rules else None)
    log, report = cleaned.log, cleaned.report
    orders = log["order_id" if "order_id" in log else "timestamp"]
    found = {
        "customers": log["customer_id"].nunique(),
        "orders": orders.nunique(),
        "days": (log["timestamp"].min().date(), log["timestamp"].max().date()) if len(log) else None,
        "money": round(report.money_kept, 2),
    }
    if "order_id" not in log and "order_id" not in export.mapping:
        del found["orders"]  # without order ids a customer's orders of one day are one
    different = {name: (truth[name], found[name]) for name in found if truth[name] != found[name]}
    if not different:
        return Outcome("none")
    said = [*report.notes, *judge(log, None, report).reasons]
    aside = {rule.rule: (rule.rows, round(rule.money, 2)) for rule in report.rules.itertuples() if rule.rows}
    detail = f"{different}; mapping {dict(report.mapping)}; aside {aside}; said {said}"
    return Outcome("told" if _is_told(export, different, said, aside) else "silent", detail)


def _is_told(export: Export, different: dict, said: list[str], aside: dict[str, tuple[int, float]]) -> bool:
    """Whether a note names what the export plays with, or lines set aside make up for the difference."""
    patterns = [
        *export.telling,
        "cannot be read \\(about",
        "match no purchase",
        "map the column",
    ]
    if any(re.search(pattern, sentence, re.IGNORECASE) for pattern in patterns for sentence in said):
        return True
    if different["money"][1] == 0 if "money" in different else False:
        return True  # nothing is left, which the verdict says first
    if "money" not in different:
        return bool(set(aside) & set(_ACCOUNTED)) and "customers" not in different
    wanted, found = different["money"]
    missing = wanted - found
    return any(abs(missing - aside[rule][1]) < 0.01 for rule in aside if rule in _ACCOUNTED)


def run(numbers: Iterable[int], seed: int, folder: Path) -> Iterator[tuple[int, Export, Outcome]]:
    """Yield the outcome of each case; a fault of the program is one too."""
    for number in numbers:
        draw = random.Random(f"{seed}-{number}")
        orders = draw_orders(draw)
        export = write_export(orders, draw, folder)
        try:
            outcome = examine(export, truth_of(orders))
        except Exception as error:  # noqa: BLE001, a fault of the program, listed with the others
            outcome = Outcome("fault", f"{type(error).__name__}: {error}")
        yield number, export, outcome


def main() -> int:
    """Run the cases of the command line; print what is wrong; return 1 where something is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="Number of the first case.")
    parser.add_argument("--show", action="store_true", help="Show each export and what came of it.")
    parser.add_argument("--questions", action="store_true", help="Show what was asked.")
    given = parser.parse_args()
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        numbers = range(given.first, given.first + given.cases)
        for number, export, outcome in run(numbers, given.seed, Path(folder)):
            counts[outcome.kind] += 1
            if given.show:
                print(export.text[:3000])
            if given.show or outcome.kind in ("silent", "fault") or (given.questions and outcome.questions):
                print(f"{number}: {outcome.kind} {export.about}")
                print(f"    {outcome.questions} {outcome.detail[:2000]}", flush=True)
    print(", ".join(f"{kind} {counts[kind]}" for kind in ("none", "told", "asked", "silent", "fault")))
    return int(counts["silent"] + counts["fault"] > 0)


if __name__ == "__main__":
    sys.exit(main())
