"""Airflow 3: every Monday at five. Copy it into the DAG folder; CLTV names the program in an environment of its own."""

from __future__ import annotations

import os
import subprocess
from datetime import datetime, timedelta

from airflow.sdk import dag, task

CLTV = os.environ.get("CLTV", "/srv/shop/.venv/bin/cltv")
FOLDER = os.environ.get("CLTV_FOLDER", "/srv/shop")


@dag(schedule="0 5 * * 1", start_date=datetime(2026, 1, 5), catchup=False, max_active_runs=1, tags=["cltv"])
def cltv_weekly():
    """Score customers, monitor the champion, train again where that is due."""

    @task(retries=1, retry_delay=timedelta(minutes=10), execution_timeout=timedelta(hours=6))
    def week() -> str:
        """Return what the weekly call came to: ok, watch or retrain."""
        status = subprocess.run([CLTV, "weekly", "--config", "shop.toml"], cwd=FOLDER, check=False).returncode
        if status not in (0, 3, 4):  # 3 and 4 are results of monitoring, no failures
            raise RuntimeError(f"cltv weekly failed with status {status}")
        return {0: "ok", 3: "watch", 4: "retrain"}[status]

    week()


cltv_weekly()
