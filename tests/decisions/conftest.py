import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def data_dir() -> Path:
    folder = os.environ.get("CLTV_DATA_DIR")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs the shared data: set CLTV_DATA_DIR to their folder")
    return Path(folder)


@pytest.fixture
def shop() -> pd.DataFrame:
    """A simulated shop of 300 customers with every optional column; one product in six sells below cost."""
    rng = np.random.default_rng(7)
    lines = 4000
    product = rng.integers(0, 36, lines)
    price = 5.0 + product
    discount_rate = rng.choice([0.0, 0.1, 0.2], lines, p=[0.6, 0.3, 0.1])
    quantity = rng.integers(1, 4, lines)
    cost_rate = np.where(product % 6 == 0, 1.1, 0.6)
    customer = (300 * rng.beta(0.8, 2.0, lines)).astype(int)
    day = rng.integers(0, 365, lines)
    return pd.DataFrame(
        {
            "customer_id": [f"c{number:03d}" for number in customer],
            "timestamp": pd.Timestamp("2023-01-01") + pd.to_timedelta(day, unit="D"),
            "amount": (price * quantity * (1 - discount_rate)).round(2),
            "order_id": [f"{c}-{d}" for c, d in zip(customer, day, strict=True)],
            "product_id": [f"p{number:02d}" for number in product],
            "category": [f"k{number % 6}" for number in product],
            "quantity": quantity,
            "discount": (price * quantity * discount_rate).round(2),
            "cost": (price * quantity * cost_rate).round(2),
            "channel": rng.choice(["web", "shop"], lines),
        }
    )
