"""Questions that only the user can answer, collected so that one run asks all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cltv_ml.columns.headings import SYNONYMS
from cltv_ml.columns.levels import LEVEL_NAMES, READINGS
from cltv_ml.columns.mapping import REQUIRED, flag
from cltv_ml.errors import InputError


@dataclass(frozen=True)
class Question:
    """One question.

    Parameters
    ----------
    text
        The ambiguity, the evidence, and the flags that resolve it.
    answers
        The possible answers, such as "amount=Net total" or "day_first=true"; empty if the text says what to write.
    """

    text: str
    answers: tuple[str, ...] = ()


class QuestionsError(InputError):
    """The data are ambiguous, and the user must answer the `questions`."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = tuple(questions)
        texts = [question.text for question in questions]
        if len(texts) > 1:
            numbered = "\n".join(f"{number}. {text}" for number, text in enumerate(texts, start=1))
            texts = [f"{len(texts)} questions are open:\n{numbered}"]
        super().__init__(texts[0])


def answer(
    chosen: Sequence[str], mapping: Mapping[str, str | None], rules: Mapping[str, Any]
) -> tuple[dict[str, str | None], dict[str, Any]]:
    """Return the mapping and rules with the chosen answers applied; one answer may settle several names.

    >>> answer(["status=State", "status=B7:counts", "refunded=", "day_first=true"], {}, {"decimal": ["."]})
    ({'status': 'State', 'refunded': ''}, {'decimal': ['.'], 'status': ['B7:counts'], 'day_first': ['true']})
    >>> answer(["refunded=refund"], {}, {})
    ({'refunded': 'refund'}, {})
    """
    columns, settings = dict(mapping), dict(rules)
    for assignment in (one for answered in chosen for one in re.split(r",(?=[a-z_]+=)", answered)):
        name, _, value = (side.strip() for side in assignment.partition("="))
        of_a_level = ":" in value and value.rpartition(":")[2] in READINGS
        if name in SYNONYMS and not of_a_level:
            columns[name] = value
        elif name in LEVEL_NAMES or name == "rates":
            earlier = settings.get(name, [])
            settings[name] = (
                {**earlier, value.rpartition(":")[0]: value.rpartition(":")[2]}
                if isinstance(earlier, Mapping)
                else [*earlier, value]
            )
        else:
            settings[name] = [value]
    return columns, settings


def ask_which(name: str, columns: Sequence[str]) -> Question:
    """Return the question of which of several columns has a standard name."""
    text = (
        f"columns {list(columns)} could each be the {name}. Choose one in the mapping, for example "
        f"{{{name!r}: {columns[0]!r}}} or --mapping {flag(name, columns[0])}."
    )
    none = () if name in REQUIRED else (f"{name}=",)
    return Question(text, (*(f"{name}={column}" for column in columns), *none))


def questions_of(error: InputError) -> tuple[Question, ...]:
    """Return the questions of an error, or the error itself as a question."""
    return error.questions if isinstance(error, QuestionsError) else (Question(str(error)),)
