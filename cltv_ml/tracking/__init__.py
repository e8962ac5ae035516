"""MLflow: the store, runs, and the model registry."""

import os

# MLflow reads these while it is imported: no telemetry, a model's requirements are ours to name, no remarks under
# the cell of a notebook, and a server that stopped answering is retried for half a minute, not for four.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOG_UV_FILES", "false")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "4")
