"""The program `cltv`, also `python -m cltv_ml`: its version at once, everything else by the command line."""

import sys

import cltv_ml


def main() -> None:
    """Print the version without loading the command line, or run that."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"cltv_ml {cltv_ml.__version__}\n")
        return
    from cltv_ml import cli

    cli.main()


if __name__ == "__main__":
    main()
