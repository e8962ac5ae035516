"""The file MLflow runs to build a served model (models-from-code)."""

import mlflow

from cltv_ml.ops.packaging import ServedModel

mlflow.models.set_model(ServedModel())
