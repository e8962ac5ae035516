"""The file MLflow runs to build the model that answers on features (models-from-code)."""

import mlflow

from cltv_ml.serving.requests import ServedModel

mlflow.models.set_model(ServedModel())
