from pathlib import Path

import pandas as pd
import pytest


@pytest.fixture(scope="session")
def weeks():
    """The published sample of CDNOW: frequency, recency and T in weeks."""
    table = pd.read_csv(
        Path(__file__).parents[1] / "references" / "cdnow_sample.csv", index_col="customer_id"
    )
    return table.assign(recency=table["recency"] / 7, T=table["T"] / 7)
