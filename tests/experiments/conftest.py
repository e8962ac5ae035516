"""The experiments are run from the checkout, so its root is where they are imported from."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
