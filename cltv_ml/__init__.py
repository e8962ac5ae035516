"""Customer lifetime value: probabilistic and machine-learning models, compared honestly.

Rooms and the names below are imported when they are first used, so that `import cltv_ml` and `cltv --help` are quick.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cltv_ml.data import clean, read
    from cltv_ml.features import build_features
    from cltv_ml.log import Log
    from cltv_ml.windows import Window

# XGBoost's threads otherwise spin while they wait: on a shared or small machine a fit then takes ten times as
# long. The setting is read when its library is loaded, so it must stand before any import of it.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# tqdm, which our libraries import, asks for ipywidgets in every notebook; its bars are not ours.
warnings.filterwarnings("ignore", "IProgress not found")

__version__ = "0.2.0"

_HOMES = {"Log": "log", "Window": "windows", "build_features": "features", "clean": "data", "read": "data"}

__all__ = ["Log", "Window", "__version__", "build_features", "clean", "read"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"cltv_ml.{_HOMES[name]}"), name)
    try:
        return importlib.import_module(f"cltv_ml.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"cltv_ml.{name}":
            raise
    raise AttributeError(f"module 'cltv_ml' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *(room.name for room in pkgutil.iter_modules(__path__))})
