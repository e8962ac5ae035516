"""Prefect: every Monday at five, for as long as `python prefect_weekly.py` runs."""

from __future__ import annotations

import os
import subprocess

from prefect import flow, task

CLTV = os.environ.get("CLTV", "/srv/shop/.venv/bin/cltv")
FOLDER = os.environ.get("CLTV_FOLDER", "/srv/shop")


@task(retries=1, retry_delay_seconds=600, timeout_seconds=6 * 3600)
def week() -> str:
    """Score customers, monitor the champion, train again where that is due."""
    status = subprocess.run([CLTV, "weekly", "--config", "shop.toml"], cwd=FOLDER, check=False).returncode
    if status not in (0, 3, 4):  # 3 and 4 are results of monitoring, no failures
        raise RuntimeError(f"cltv weekly failed with status {status}")
    return {0: "ok", 3: "watch", 4: "retrain"}[status]


@flow(name="cltv_weekly")
def cltv_weekly() -> str:
    """Return what monitoring says: ok, watch or retrain."""
    return week()


if __name__ == "__main__":
    cltv_weekly.serve(name="weekly", cron="0 5 * * 1")
