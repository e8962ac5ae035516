"""Open questions asked in the terminal, and their answers as settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import typer
from rich.markup import escape

from cltv_ml.cli.printing import console
from cltv_ml.settings import Check

T = TypeVar("T")


def ask_until_settled(settings: Check, run: Callable[[Check], T]) -> tuple[T, Check]:
    """Return the result of `run` once all its questions are answered, and the settings with the answers.

    The answers and the mapping are written as TOML, to be used with `--config`.
    """
    from cltv_ml.columns.questions import QuestionsError

    settings = settings.model_copy(update={"save_mapping": settings.save_mapping or Path("mapping.toml")})
    while True:
        try:
            return run(settings), settings
        except QuestionsError as error:
            questions = error.questions
        for number, question in enumerate(questions, start=1):
            console.print(
                f"\n[bold]{number} of {len(questions)}[/bold]  {escape(question.text)}", soft_wrap=True
            )
            for place, answer in enumerate(question.answers, start=1):
                console.print(f"  {place:>2}  {escape(answer)}")
            settings = _answer(settings, question.answers)


def _answer(settings: Check, answers: tuple[str, ...]) -> Check:
    """Return the settings with the user's answers: numbers or values of answers, or name=value, joined by commas."""
    from cltv_ml.data import answer

    while True:
        typed = typer.prompt("Answer (number, or name=value)").split(",")
        chosen = [_offered(one.strip(), answers) for one in typed]
        wrong = [one for one in chosen if "=" not in one]
        if not wrong:
            break
        console.print(
            f"{escape(wrong[0])!r} is not one of the answers; write a number from the list or name=value."
        )
    mapping, rules = answer(chosen, settings.mapping, settings.rules)
    return settings.model_copy(update={"mapping": mapping, "rules": rules})


def _offered(typed: str, answers: tuple[str, ...]) -> str:
    """Return the answer that a number or a value means, or the input itself if it is neither.

    >>> answers = ("customer_id=Card no", "customer_id=Time")
    >>> _offered("2", answers), _offered("card no", answers), _offered("customer_id=Till", answers)
    ('customer_id=Time', 'customer_id=Card no', 'customer_id=Till')
    """
    if typed.isdigit() and 0 < int(typed) <= len(answers):
        return answers[int(typed) - 1]
    named = [one for one in answers if one.partition("=")[2].casefold() == typed.casefold()]
    return named[0] if len(named) == 1 else typed
