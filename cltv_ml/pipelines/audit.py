"""Audits of the customer base: tables that answer five questions, and a page: `cltv audit`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cltv_ml import decisions
from cltv_ml.decisions.audit import Audit
from cltv_ml.evaluation.progress import Progress, silent
from cltv_ml.files import check_folder
from cltv_ml.inline import Inline
from cltv_ml.pipelines.inputs import known_costs, load, with_currency
from cltv_ml.pipelines.left_out import describe_left_out
from cltv_ml.pipelines.notebook import with_bar
from cltv_ml.pipelines.pages import write_folder
from cltv_ml.pipelines.redaction import as_wanted
from cltv_ml.reporting.report import summarise
from cltv_ml.reporting.sections.audit import audit_facts, audit_notes, audit_sections
from cltv_ml.reporting.sections.shop_answers import audit_answers
from cltv_ml.settings import Audit as AuditSettings
from cltv_ml.settings import Settings


@dataclass(frozen=True)
class Audited(Inline):
    """The tables, sentences to read first, the tables' files by name, and the page."""

    audit: Audit
    notes: list[str]
    files: dict[str, Path]
    page: Path


@with_bar
def audit(settings: Settings | None = None, *, progress: Progress = silent, **options: Any) -> Audited:
    """Audit the customer base of a log; write every table as CSV and a self-explanatory page, and return both.

    Raises
    ------
    InputError
        The period is too short for the log, a cost is not known, or the folder cannot be written.
    """
    settings = AuditSettings.of(settings, options)
    check_folder(settings.out)
    cleaned = load(settings, progress)
    settings = with_currency(settings, cleaned)
    log = cleaned.transactions
    progress("auditing the customer base", 0.5)
    per = None if settings.per == "auto" else settings.per
    costs, log, cost_notes = known_costs(settings, log)
    tables = decisions.compute_audit(log, per, calendar=settings.calendar, costs=costs)
    told = audit_notes(tables, log.first, log.last)
    notes = [*describe_left_out(cleaned, settings.currency), *told, *cost_notes]
    page = settings.out / "audit.html"
    progress("writing the page", 0.8)
    sections = audit_sections(tables, currency=settings.currency)
    sections[0]["warnings"] = notes
    summary = summarise(
        "Customer-base audit",
        f"{log.first:%Y-%m-%d} to {log.last:%Y-%m-%d}, by {tables.per}",
        sections,
        audit_facts(tables, currency=settings.currency),
        audit_answers(tables, notes, settings.currency),
    )
    files = write_folder(tables.tables, as_wanted(summary, settings.redact, cleaned), page, settings.currency)
    return Audited(tables, notes, files, page)
