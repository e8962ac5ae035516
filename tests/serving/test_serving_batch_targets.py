"""Where a batch of scores is written."""

import pandas as pd
import pyarrow as pa
import pytest

from cltv_ml.serving.batch_targets import Target


@pytest.mark.parametrize(("ending", "written"), [("csv", 7.3881), ("parquet", 7.388120444145785)])
def test_csv_shows_four_decimals_and_parquet_every_digit(tmp_path, ending, written):
    scores = pa.table({"customer_id": ["=ann"], "expected_value": [7.388120444145785], "purchases": [3]})
    target = Target(tmp_path / f"scores.{ending}")
    target.write(scores.schema, scores.to_batches())
    read = pd.read_csv if ending == "csv" else pd.read_parquet
    assert read(target.path)["expected_value"].tolist() == [written]
    if ending == "csv":
        assert target.path.read_text(encoding="utf-8").splitlines()[1] == "'=ann,7.3881,3"
