"""Checks of every entry of a catalogue in one test, which names the entries that fail."""

import functools
import inspect

import pytest


def for_each(names):
    """Return a decorator for a test whose first argument is a name: it runs once, for all of them."""

    def as_one_test(check):
        @functools.wraps(check)
        def test(**fixtures):
            faults = {}
            for name in names:
                try:
                    check(name, **fixtures)
                except Exception as error:  # noqa: BLE001, whatever fails is listed by its entry
                    faults[name] = error
            if faults:
                pytest.fail("\n\n".join(f"{name}: {error}" for name, error in faults.items()))

        _, *others = inspect.signature(check).parameters.values()
        test.__signature__ = inspect.Signature(others)
        return test

    return as_one_test
