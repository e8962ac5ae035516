"""A short mutation run: changes one operator or number at a time and prints the changes that no test notices.

    python -m tests.mutants --most 60 --seed 1
    python -m tests.mutants --only metrics --most 10

Each mutant is written into a copy of the package, and the tests named for its file run there until one fails. A
survivor is a question: is a test missing, or is the change without effect?
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]

PURCHASE_TESTS = [
    "tests/references/test_cdnow_published.py",
    "tests/models/test_models_probabilistic.py",
    "tests/models/test_models_exactness.py",
    "tests/models/test_models_purchases.py",
    "tests/references/test_lifetimes.py",
]

#: Files that are mutated, and the tests that must notice.
TARGETS = {
    "windows.py": ["tests/test_windows.py"],
    "evaluation/interval_metrics.py": [
        "tests/evaluation/test_metrics.py",
        "tests/contracts/test_contract_metrics.py",
    ],
    "evaluation/metrics.py": ["tests/evaluation/test_metrics.py", "tests/contracts/test_contract_metrics.py"],
    "models/likelihood.py": [
        "tests/models/test_models_likelihood.py",
        "tests/references/test_cdnow_published.py",
    ],
    "models/bg_nbd.py": PURCHASE_TESTS,
    "models/mbg_nbd.py": PURCHASE_TESTS,
    "models/beta_geometric.py": PURCHASE_TESTS,
    "models/pareto_nbd.py": PURCHASE_TESTS,
    "models/gamma_gamma.py": [
        "tests/models/test_models_gamma_gamma.py",
        "tests/references/test_cdnow_published.py",
    ],
    "models/value_curve.py": ["tests/models/test_models_value_curve.py"],
    "decisions/retention.py": ["tests/decisions/test_decisions_retention.py"],
    "decisions/cohorts.py": ["tests/decisions/test_decisions_cohorts.py"],
    "decisions/lifetime.py": ["tests/decisions/test_decisions_lifetime.py"],
    "decisions/control.py": ["tests/decisions/test_decisions_control.py"],
    "decisions/tiers.py": ["tests/decisions/test_decisions_tiers.py"],
    "decisions/audit.py": ["tests/decisions/test_decisions_audit.py"],
    "decisions/audit_periods.py": ["tests/decisions/test_decisions_audit.py"],
    "decisions/shop_plan.py": ["tests/decisions/test_decisions_shop_plan.py"],
    "decisions/customers_won.py": ["tests/decisions/test_decisions_acquisition.py"],
    "decisions/acquisition_value.py": ["tests/decisions/test_decisions_acquisition.py"],
    "decisions/payback.py": ["tests/decisions/test_decisions_payback.py"],
}

_SWAPS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


def mutants(source: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, change and new source of every mutant of a file; annotations and texts stay."""
    tree = ast.parse(source)
    for number, node in enumerate(ast.walk(tree)):
        for change, mutate in _changes(node):
            other = copy.deepcopy(tree)
            mutate(next(found for place, found in enumerate(ast.walk(other)) if place == number))
            yield getattr(node, "lineno", 0), change, ast.unparse(other)


def _changes(node: ast.AST) -> Iterator[tuple[str, object]]:
    if isinstance(node, (ast.BinOp, ast.BoolOp)) and type(node.op) in _SWAPS:
        new = _SWAPS[type(node.op)]
        yield f"{type(node.op).__name__} -> {new.__name__}", lambda found: setattr(found, "op", new())
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _SWAPS:
        new = _SWAPS[type(node.ops[0])]
        yield f"{type(node.ops[0]).__name__} -> {new.__name__}", lambda found: found.ops.__setitem__(0, new())
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield f"{node.value} -> {node.value + 1}", lambda found: setattr(found, "value", found.value + 1)


def survives(copy_root: Path, file: str, source: str, tests: list[str]) -> bool:
    """Return whether all tests pass with the mutant in place; the original is put back."""
    path = copy_root / "cltv_ml" / file
    original = path.read_text(encoding="utf-8")
    path.write_text(source, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "-m",
        "not slow and not spark",
        *tests,
        f"cltv_ml/{file}",
    ]
    # Compiled files are kept aside: one of a mutant is older than the next mutant, since each run takes seconds.
    env = os.environ | {"PYTHONPATH": str(copy_root), "PYTHONPYCACHEPREFIX": str(copy_root / "compiled")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        done = subprocess.run(command, cwd=copy_root, env=env, capture_output=True, timeout=300)
    except subprocess.TimeoutExpired:
        return False
    finally:
        path.write_text(original, encoding="utf-8")
    return done.returncode == 0


def main() -> None:
    """Try some mutants, drawn at random with the seed, and print those that survive."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=60, help="Mutants to try.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="Part of the names of the files to mutate.")
    given = parser.parse_args()
    drawn = [
        (file, *mutant)
        for file in TARGETS
        if given.only in file
        for mutant in mutants((ROOT / "cltv_ml" / file).read_text(encoding="utf-8"))
    ]
    random.Random(given.seed).shuffle(drawn)
    drawn = drawn[: given.most]
    alive = 0
    with tempfile.TemporaryDirectory(prefix="mutants_") as folder:
        for part in ("cltv_ml", "tests", "pyproject.toml"):
            source = ROOT / part
            (shutil.copytree if source.is_dir() else shutil.copy)(source, Path(folder) / part)
        for file, line, change, source in drawn:
            if survives(Path(folder), file, source, TARGETS[file]):
                alive += 1
                print(f"survived  cltv_ml/{file}:{line}  {change}", flush=True)
    print(f"{len(drawn)} mutants tried, {alive} survived")


if __name__ == "__main__":
    main()
