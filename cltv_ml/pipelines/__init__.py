"""The straight line of each command, callable from Python: train, tune, promote, monitor, act, plot."""

import cltv_ml.tracking  # noqa: F401 - sets what MLflow reads while it is imported
