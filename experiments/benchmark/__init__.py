"""Benchmarks that readers can repeat: quality, exactness and speed, measured on their own machine.

`python -m experiments quality | exactness | speed` from a checkout. Tasks are data (`tasks.toml`), models are
drop-in files (`models/`), results are rows that describe themselves (`rows.py`, `../results/*.csv`), and the pages
that show them are written from these rows (`pages.py`).
"""
