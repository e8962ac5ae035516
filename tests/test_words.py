"""The word list: words that a reader stumbles over do not come back."""

import re
from pathlib import Path

import pytest

from cltv_ml.counts import PLURALS, WHICH
from cltv_ml.errors import InputError

ROOT = Path(__file__).parents[1]

#: Word or phrase and what to write instead.
INSTEAD = {
    r"mend(s|ed|ing)?": "fix",
    r"anew": "again",
    r"dearer": "more expensive",
    r"hardly": "barely, or unlikely to",
    r"beside": "next to, or besides",
    r"lately": "recently",
    r"fore(saw|see|sees|seen)": "predict",
    r"(he|his|him)": "they, their: customers are they",
    r"surest": "most certain",
    r'(?<!["/])promis(e|es|ed|ing)(?![".])': "predict, forecast: models promise nothing",
    r"likelier": "more likely",
    r"whereof|thereof|wherein": "of which, in which",
    r"likeliest|unlikeliest": "most likely",
    r"say --\w+": "use --option",
    r"so headed": "with these headings",
    r"merely": "only",
    r"next to (no|nobody|nothing|all)": "almost no, almost nobody, almost nothing, almost all",
    r"order of customers": "ranking of customers",
    r"customers to come": "new customers",
    r"divided by commas": "separated by commas",
    r"yardstick": "benchmark",
    r"unasked": "by default, at once",
    r"(?<=#: )so many": "number of, most, fewest: say what the number limits",
    r"in the mean(?!time)": "on average, in expectation",
    r"reckon(s|ed|ing)?": "compute, assume",
    r"of before": "earlier",
    r"as (it|they) stood": "as of",
    r"carr(y|ies|ied|ying) on": "continue",
    r"for ever": "without end",
    r"lets? expect": "expected from",
    r"brought to (a|the|one|its|their) (level|total)": "scaled to",
    r", for (it|they|he|she|we|nobody|everybody|there (is|are|was|were)) ": "because",
}


def written():
    """Return the files that readers see: the package, its formats, the documentation and the pages at the top."""
    yield from (ROOT / "cltv_ml").rglob("*.py")
    yield from (ROOT / "cltv_ml").rglob("*.js")
    yield from (ROOT / "cltv_ml").rglob("*.toml")
    yield ROOT / "Makefile"
    yield from (ROOT / "docs").rglob("*.md")
    yield from (path for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md")


def test_no_file_holds_a_word_of_the_list():
    pattern = re.compile(rf"\b({'|'.join(INSTEAD)})\b", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]!r}"
        for path in written()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        for match in pattern.finditer(line)
    ]
    if found:
        pytest.fail("words of the list (what to write stands in INSTEAD):\n" + "\n".join(found))


def test_module_headings_begin_with_a_noun():
    asking = re.compile(r'"""(What|Which|Whether|How|Who|Whom|Where|When)\b')
    found = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "cltv_ml").rglob("*.py")
        if asking.match(path.read_text())
    ]
    assert not found, "a heading names what the module holds"


def test_every_noun_after_a_number_has_its_singular():
    """A count of one is told in the singular by `counts.singular`, which must know the noun."""
    number = r"\{[^{}]*:,(?:\.0f)?\} "
    counted = re.compile(rf"{number}(?:(?:{WHICH}) )?([a-z]+s)\b")
    no_nouns = {"as", "times", "contains", "is", "seems"}
    unknown = {
        f"{path.relative_to(ROOT)}: {noun}"
        for path in (ROOT / "cltv_ml").rglob("*.py")
        for noun in counted.findall(path.read_text(encoding="utf-8"))
        if noun not in {*PLURALS, *no_nouns}
    }
    assert unknown == set()


def test_an_error_tells_one_of_a_thing_in_the_singular():
    assert str(InputError("1 customers have a value; 1 non-ASCII lines differ")) == (
        "1 customer has a value; 1 non-ASCII line differs"
    )
