"""Trained models in use: packaging, requests, batches, Spark, golden rows."""

import cltv_ml.tracking  # noqa: F401 - sets what MLflow reads while it is imported
