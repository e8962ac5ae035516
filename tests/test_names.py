"""Names: a name at the top of a file means one thing in the whole package."""

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "cltv_ml"

#: Names that two files or more may define: the command and the pipeline behind it (`train`), its settings and what it
#: returns (`Audit`), declarations that a catalogue gathers (`FEATURES`), and a few that are not worth a longer name.
MOST_SHARED = 50


def defined(path):
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def test_few_names_are_defined_in_two_files_or_more():
    files = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        for name in defined(path):
            files[name].add(str(path.relative_to(PACKAGE)))
    shared = {name: sorted(places) for name, places in files.items() if len(places) > 1}
    assert len(shared) <= MOST_SHARED, shared
