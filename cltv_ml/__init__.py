"""Customer lifetime value: probabilistic and machine-learning models, compared honestly."""

import os

# XGBoost's threads otherwise spin while they wait: on a shared or small machine a fit then takes ten times as
# long. The setting is read when its library is loaded, so it must stand before any import of it.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from cltv_ml.data import clean, read
from cltv_ml.features import build_features
from cltv_ml.windows import Window

__version__ = "0.1.0"

__all__ = ["Window", "__version__", "build_features", "clean", "read"]
