"""What we knew at the cutoff: features declared once and built from the calibration window only."""

from cltv_ml.features.build import build_features
from cltv_ml.features.catalogue import (
    CATALOGUE,
    absent_features,
    available,
    default_features,
    feature_version,
)
from cltv_ml.features.declare import Feature, feature

__all__ = [
    "CATALOGUE",
    "Feature",
    "absent_features",
    "available",
    "build_features",
    "default_features",
    "feature",
    "feature_version",
]
