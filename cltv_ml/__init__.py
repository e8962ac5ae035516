"""Customer lifetime value: probabilistic and machine-learning models, compared honestly."""

__version__ = "0.1.0"
