"""How it runs every week: the only room with MLflow, Optuna and Spark."""
