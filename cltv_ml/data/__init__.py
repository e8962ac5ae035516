"""Data: any source becomes one valid transaction log, a quarantine and a report."""

from cltv_ml.columns.mapping import read_mapping, write_mapping
from cltv_ml.columns.product_names import read_product_names
from cltv_ml.columns.questions import Question, QuestionsError, answer
from cltv_ml.columns.raw_table import Raw
from cltv_ml.columns.rules import REASONS, Rules, change_rules
from cltv_ml.data.account import Report
from cltv_ml.data.clean import Cleaned, clean, clean_to_parquet
from cltv_ml.data.datasets import DATASETS, Dataset
from cltv_ml.data.earlier import compare_customers
from cltv_ml.data.fetch import fetch
from cltv_ml.data.quality import (
    compute_months,
    compute_seasonality,
    compute_summary,
    doubt_products,
)
from cltv_ml.data.raw import read
from cltv_ml.data.verdict import DataVerdict, judge
from cltv_ml.sources.synthetic import Simulation, simulate

__all__ = [
    "DATASETS",
    "REASONS",
    "Cleaned",
    "DataVerdict",
    "Dataset",
    "Question",
    "QuestionsError",
    "Raw",
    "Report",
    "Rules",
    "Simulation",
    "answer",
    "change_rules",
    "clean",
    "clean_to_parquet",
    "compare_customers",
    "compute_months",
    "compute_seasonality",
    "compute_summary",
    "doubt_products",
    "fetch",
    "judge",
    "read",
    "read_mapping",
    "read_product_names",
    "simulate",
    "write_mapping",
]
