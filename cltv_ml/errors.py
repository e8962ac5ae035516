"""The one exception that means: the user can fix this."""


class InputError(ValueError):
    """Something the user gave cannot be used: data, a setting, or a request.

    Its message is one sentence with what was wrong, the value seen, what is allowed and the way out. The command line
    prints that sentence and ends with status 2, and the served model answers HTTP 400. Any other exception is a fault
    of the program and keeps its stack trace. It is a `ValueError`, so Python callers may catch either.
    """
