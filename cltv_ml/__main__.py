"""The program `cltv`, also `python -m cltv_ml`: its version at once, everything else by the command line."""

import gc
import os
import signal
import sys
from types import FrameType

import cltv_ml

#: New objects between two searches for unreachable ones (Python's 700): imports make a million that stay.
_OBJECTS_BETWEEN_COLLECTIONS = 50_000


def main() -> None:
    """Print the version without loading the command line, or run that."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"cltv_ml {cltv_ml.__version__}\n")
        return
    if sys.flags.optimize > 1:
        sys.stderr.write(
            "cltv: Python runs without docstrings (-OO or PYTHONOPTIMIZE=2), which XGBoost and the help texts need; "
            "use -O or PYTHONOPTIMIZE=1.\n"
        )
        sys.exit(2)
    # OpenBLAS's threads spin while they wait, and sums of several threads end in other last digits.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, _leave)  # until the command line, once it is loaded, has its own
    from cltv_ml import cli

    cli.main()


def _leave(number: int, _: FrameType | None) -> None:
    sys.stderr.write("cltv: stopped before it began.\n")
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
