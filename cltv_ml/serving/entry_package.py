"""The file that stands for the package next to a stored model: it imports the package from the archive next to it.

A store takes and hands out one file per request, and the package has hundreds.
"""

import sys
from pathlib import Path

if __name__ == "cltv_ml":
    sys.path.insert(0, str(Path(__file__).with_name("package.zip")))
    del sys.modules[__name__]
    import cltv_ml  # noqa: F401  the one in the archive, which takes this module's place
