"""Settings of the commands that read a log and train nothing: `cltv data check` and `cltv features build`."""

from __future__ import annotations

from typing import ClassVar

from cltv_ml.settings.base import Currency, Days, File, HorizonsText, Names, TableInput, setting
from cltv_ml.settings.parts import CURRENCY, Customers, Printed, Redacted, Source


class Check(Printed, Redacted, Customers, Source):
    """Settings of `cltv data check`."""

    horizon: HorizonsText = setting(
        "13w", "Length of the forecast: 90, 13w, 6m or 1y (1m is 30.4375 days), or several: 30d,91d,1y."
    )
    save_mapping: File | None = setting(
        None,
        "TOML file for the mapping and the rules, to use with --config.",
        default_text="mapping.toml with --interactive",
    )
    scores: TableInput | None = setting(
        None, "Earlier scores, .parquet or .csv, whose customers should be in this log."
    )
    interactive: bool = setting(
        False, "Ask in the terminal about doubtful columns and rules, and save the answers."
    )
    quarantine: File | None = setting(
        None, "File for the lines that were set aside and their reasons, .csv or .parquet."
    )
    html: File | None = setting(None, "File for the report with figures.")
    currency: Currency = setting("", CURRENCY)


class Build(Customers, Source):
    """Settings of `cltv features build`."""

    needs_data: ClassVar = False

    cutoff: Names = setting(..., "First day that no feature sees; repeatable.")
    names: Names = setting(
        [],
        "Names of features, separated by commas, or all.",
        default_text="the numeric ones that stay comparable as customers age",
    )
    horizon: Days = setting(
        "",
        "Length of the window after each cutoff for which labels are added: 13w, 6m.",
        default_text="no labels",
    )
    clean_log: File | None = setting(
        None, "Clean log in Parquet instead of --data; may be larger than memory."
    )
    memory: str = setting("4GB", "Memory limit of the engine.")
    shards: int | None = setting(
        None, "Number of parts that the customers are split into.", default_text="by memory"
    )
    master: str = setting("", "Address of Spark to build on: local[2], spark://host:7077, sc://host.")
    out: File = setting(..., "Folder for cutoff=YYYY-MM-DD/part-*.parquet.")
