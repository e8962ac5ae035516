"""The tutorial followed word by word: every file written, every command run, its output put below it.

Run: python docs/run_tutorial.py [--check]. With --check the page stays as it is; a command that fails ends
the run with its status either way. The data come from the extra `retail` or the folder CLTV_DATA_DIR.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).with_name("tutorial.md")

#: A file to write, or commands with what they printed the last time.
_BLOCK = re.compile(
    r"```python title=\"(?P<name>[^\"]+)\"\n(?P<code>.*?)```\n"
    r"|```sh\n(?P<commands>.*?)```\n(?:\n```text\n.*?```\n)?",
    re.DOTALL,
)


def follow(page: str, folder: Path) -> str:
    """Return the page with the output of each block of commands, run in `folder`; raise where one fails."""
    return _BLOCK.sub(lambda block: _do(block, folder), page)


def _do(block: re.Match[str], folder: Path) -> str:
    if block["name"]:
        (folder / block["name"]).write_text(block["code"], encoding="utf-8")
        return block[0]
    script = f"set -euo pipefail\n{block['commands']}"
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False,
        env=os.environ | {"PATH": path, "NO_COLOR": "1", "COLUMNS": "100"},
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"tutorial: status {done.returncode} from\n{block['commands']}{done.stderr}")
    shown = "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines())
    output = f"\n```text\n{shown}\n```\n" if shown else ""
    return f"```sh\n{block['commands']}```\n{output}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        followed = follow(PAGE.read_text(encoding="utf-8"), Path(folder))
    if "--check" not in sys.argv:
        PAGE.write_text(followed, encoding="utf-8")
