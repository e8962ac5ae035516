"""Features: declared once, built from the calibration window only.

To add a feature, add one `*feature(...)` to `FEATURES` in the file of its theme. Nothing else changes: the catalogue,
the models' default set, the version and the leakage tests follow from the declaration. `grains.py` lists the columns
that an expression may read, `macros.py` the `@` abbreviations.
"""

from cltv_ml.features.build import build_features, build_labels
from cltv_ml.features.catalogue import (
    CATALOGUE,
    FIRST_ORDER,
    absent_features,
    available,
    catalogue_page,
    catalogue_table,
    default_features,
    describe,
    feature_version,
    is_text,
    model_input,
    text_features,
)
from cltv_ml.features.customer import attribute_columns, attribute_names
from cltv_ml.features.declare import Feature, feature
from cltv_ml.features.engines import DuckDB
from cltv_ml.features.source import Source
from cltv_ml.features.spark import Spark
from cltv_ml.features.warehouse import warehouse_sql
from cltv_ml.features.write import read_features, write_features

__all__ = [
    "CATALOGUE",
    "FIRST_ORDER",
    "DuckDB",
    "Feature",
    "Source",
    "Spark",
    "absent_features",
    "attribute_columns",
    "attribute_names",
    "available",
    "build_features",
    "build_labels",
    "catalogue_page",
    "catalogue_table",
    "default_features",
    "describe",
    "feature",
    "feature_version",
    "is_text",
    "model_input",
    "read_features",
    "text_features",
    "warehouse_sql",
    "write_features",
]
