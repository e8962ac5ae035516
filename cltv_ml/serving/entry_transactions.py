"""The file that MLflow runs to build the model on raw transactions (models-from-code)."""

import mlflow

from cltv_ml.serving.requests import ServedOnTransactions

mlflow.models.set_model(ServedOnTransactions())
