"""The picture of the report in README: its top in a desktop window, drawn by a headless Chromium.

Run: cltv demo, then python docs/picture.py [out/report.html] [docs/report.png]
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image  # comes with the extra dev

#: Wide enough for two answers in a row, long enough to show the first screen and the first section.
WINDOW = "1120,1250"
LARGEST = 300_000  # bytes that a clone should carry for a picture


def take(report: Path, picture: Path) -> None:
    """Write the picture of a report; end with a sentence where there is no browser or the file grows too large."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("picture: no chromium or google-chrome on the path.")
    subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--window-size={WINDOW}",
            "--virtual-time-budget=20000",
            f"--screenshot={picture.resolve()}",
            report.resolve().as_uri(),
        ],
        check=True,
        capture_output=True,
    )
    # 128 colours are enough for a page and take a third of the room.
    Image.open(picture).convert("P", palette=Image.Palette.ADAPTIVE, colors=128).save(picture, optimize=True)
    if picture.stat().st_size > LARGEST:
        sys.exit(f"picture: {picture} has {picture.stat().st_size:,} bytes, at most {LARGEST:,} are wanted.")


if __name__ == "__main__":
    given = [Path(word) for word in sys.argv[1:]]
    take(*(given or [Path("out/report.html"), Path("docs/report.png")]))
