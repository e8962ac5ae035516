"""What happened: any source becomes one valid transaction log, a quarantine and a report."""

from cltv_ml.data.account import Report
from cltv_ml.data.clean import Cleaned, clean
from cltv_ml.data.datasets import DATASETS
from cltv_ml.data.mapping import read_mapping, write_mapping
from cltv_ml.data.rules import REASONS, Rules
from cltv_ml.data.sources import Raw, read

__all__ = [
    "DATASETS",
    "REASONS",
    "Cleaned",
    "Raw",
    "Report",
    "Rules",
    "clean",
    "read",
    "read_mapping",
    "write_mapping",
]
