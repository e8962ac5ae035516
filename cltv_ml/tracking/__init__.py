"""MLflow: the store, runs, and the model registry."""

import os

# MLflow reads these while it is imported: no telemetry, no inference of a model's requirements, which we name, no
# remarks under a notebook's cells, and retries of a silent server for half a minute instead of four.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOG_UV_FILES", "false")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "4")
