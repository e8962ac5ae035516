"""Dagster: an asset for the scores and its schedule, every Monday at five. Load it with `dagster dev -f`."""

from __future__ import annotations

import os
import subprocess

from dagster import (
    AssetSelection,
    Definitions,
    Failure,
    MaterializeResult,
    ScheduleDefinition,
    asset,
    define_asset_job,
)

CLTV = os.environ.get("CLTV", "/srv/shop/.venv/bin/cltv")
FOLDER = os.environ.get("CLTV_FOLDER", "/srv/shop")


@asset
def customer_values() -> MaterializeResult:
    """Scores of every customer, monitored, and the lists of whom to contact."""
    status = subprocess.run([CLTV, "weekly", "--config", "shop.toml"], cwd=FOLDER, check=False).returncode
    if status not in (0, 3, 4):  # 3 and 4 are results of monitoring, no failures
        raise Failure(f"cltv weekly failed with status {status}")
    return MaterializeResult(metadata={"monitoring": {0: "ok", 3: "watch", 4: "retrain"}[status]})


job = define_asset_job("cltv_weekly", selection=AssetSelection.assets(customer_values))
defs = Definitions(
    assets=[customer_values], jobs=[job], schedules=[ScheduleDefinition(job=job, cron_schedule="0 5 * * 1")]
)
