"""The one exception that means: the user can fix this."""

from collections.abc import Iterable
from difflib import get_close_matches

from cltv_ml.counts import singular


class InputError(ValueError):
    """Something the user gave cannot be used: data, a setting, or a request.

    Its message is one sentence with what was wrong, the value seen, what is allowed and the way out. The command line
    prints that sentence and ends with status 2, and the served model answers HTTP 400. Any other exception is a fault
    of the program and keeps its stack trace. It is a `ValueError`, so Python callers may catch either.
    """

    def __init__(self, message: str) -> None:
        super().__init__(singular(message))


def unknown_name(what: str, name: object, known: Iterable[str]) -> InputError:
    """Return the error for a name that is none of the known ones, with the most similar of them.

    >>> unknown_name("model", "tweedy", ["ziln", "tweedie"])
    InputError("Unknown model 'tweedy'; did you mean 'tweedie'? Available: ['tweedie', 'ziln'].")
    """
    return InputError(f"Unknown {what} {name!r}{among(name, known)}")


def as_share(written: float) -> str:
    """Return the end of a sentence about a share that is out of range: how a percentage is written.

    >>> as_share(30), as_share(-1.5), as_share(1)
    ('write 0.3 for 30%', 'write -0.015 for -1.5%', 'write 0.35 for 35%')
    """
    percent = written if 1 < abs(written) <= 100 else 35.0
    return f"write {percent / 100:g} for {percent:g}%"


def among(name: object, known: Iterable[str]) -> str:
    """Return the end of a sentence about a name that is none of the known ones: the most similar, and all of them.

    >>> among("hour", ["week", "month"])
    ". Available: ['month', 'week']."
    """
    names = sorted(known)
    similar = get_close_matches(str(name), names, n=1)
    question = f"; did you mean {similar[0]!r}?" if similar else "."
    return f"{question} Available: {names}."
