"""Checks of a log before any training: `cltv data check`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cltv_ml.customers import CleanedShop
from cltv_ml.data import DataVerdict, compare_customers, judge, write_mapping
from cltv_ml.evaluation.progress import Progress, silent
from cltv_ml.files import together, write_table
from cltv_ml.pipelines.inputs import chosen_horizon, load, read_scores, with_currency
from cltv_ml.pipelines.notebook import with_bar
from cltv_ml.pipelines.pages import write_page
from cltv_ml.pipelines.redaction import as_wanted
from cltv_ml.reporting.report import summarise
from cltv_ml.reporting.sections.data import check_facts, check_sections
from cltv_ml.settings import Check, Settings
from cltv_ml.windows import to_horizons


@with_bar
def check(
    settings: Settings | None = None, *, progress: Progress = silent, **options: Any
) -> tuple[CleanedShop, DataVerdict]:
    """Clean a log; return it with its report and the verdict on training, and write the requested files.

    Raises
    ------
    InputError
        The data or the settings cannot be used.
    """
    settings = Check.of(settings, options)
    to_horizons(settings.horizon)  # what cannot be is refused before the data are read
    cleaned = load(settings, progress)
    settings = with_currency(settings, cleaned)
    log = cleaned.transactions
    verdict = judge(log, chosen_horizon(settings.horizon, log.span), cleaned.report)
    if settings.scores is not None and len(cleaned.log):
        earlier = read_scores(settings.scores).index
        if unlike := compare_customers(log.customers, earlier):
            level = "caution" if verdict.level == "go" else verdict.level
            verdict = DataVerdict(level, (unlike, *verdict.reasons))
    with together():
        _write_files(cleaned, verdict, settings)
    return cleaned, verdict


def _write_files(cleaned: CleanedShop, verdict: DataVerdict, settings: Check) -> None:
    if settings.save_mapping:
        declined = {name: "" for name, column in settings.mapping.items() if not column}
        write_mapping({**declined, **cleaned.report.mapping}, settings.save_mapping, settings.rules)
    if settings.quarantine:
        write_table(cleaned.quarantine, settings.quarantine)
    if settings.html:
        _write_report(settings.html, cleaned, verdict, settings)


def _write_report(path: Path, cleaned: CleanedShop, verdict: DataVerdict, settings: Check) -> None:
    """Write the data report as one HTML file that opens offline."""
    summary = summarise(
        f"Data check: {verdict.level}",
        f"{cleaned.report.rows_in:,} lines of {cleaned.report.source}",
        check_sections(cleaned, verdict, currency=settings.currency),
        check_facts(cleaned, currency=settings.currency),
    )
    write_page(as_wanted(summary, settings.redact, cleaned), path)
