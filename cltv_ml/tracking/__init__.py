"""MLflow: the store, runs, and the model registry."""

import os

# MLflow reads these while it is imported: no telemetry, no inference of a model's requirements, which we name, no
# remarks under a notebook's cells, no links to a server's runs in front of the document of --json, and retries of a
# silent server for half a minute instead of four. It would record the names of variables in a set of the whole
# process, and fail where another thread reads one while it lists them.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOG_UV_FILES", "false")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "4")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
os.environ.setdefault("MLFLOW_RECORD_ENV_VARS_IN_MODEL_LOGGING", "false")
# S3's client tries each file three times by itself, which is too few where a tenth of the requests fails.
os.environ.setdefault("AWS_MAX_ATTEMPTS", "8")
