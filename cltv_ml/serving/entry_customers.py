"""The file that MLflow runs to build the model on features (models-from-code)."""

import mlflow

from cltv_ml.serving.requests import ServedModel

mlflow.models.set_model(ServedModel())
