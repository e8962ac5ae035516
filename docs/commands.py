"""Commands of `cltv` with the words that call them, for the site and the tests of the command line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def commands(group: Any, words: tuple[str, ...] = ("cltv",)) -> Iterator[tuple[str, Any]]:
    """Yield every command below a group that does something, with the words that call it."""
    for name, command in group.commands.items():
        below = getattr(command, "commands", {})
        if not below or command.invoke_without_command:
            yield " ".join((*words, name)), command
        if below:
            yield from commands(command, (*words, name))
