"""Reports of the newest training, written again from what MLflow stores: `cltv report`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from cltv_ml import decisions
from cltv_ml.actions.terms import enumerated
from cltv_ml.errors import InputError
from cltv_ml.evaluation.progress import Progress, silent
from cltv_ml.files import check_folder, read_earlier_json
from cltv_ml.models import Spread
from cltv_ml.money import name_currency
from cltv_ml.pipelines.earlier_files import check_once_each
from cltv_ml.pipelines.inputs import read_account, read_scores, read_table, written_scores
from cltv_ml.pipelines.notebook import with_bar
from cltv_ml.pipelines.pages import write_page
from cltv_ml.pipelines.redaction import as_wanted
from cltv_ml.remote import as_path
from cltv_ml.reporting import glance, sections
from cltv_ml.reporting.report import RENDERERS
from cltv_ml.reporting.training_summary import add_scores, with_answer
from cltv_ml.serving.batch_targets import manifest_of
from cltv_ml.settings import Report, Settings
from cltv_ml.tracking import registry, runs

_REPORT_FORMATS = {"html": "html", "markdown": "md", "json": "json"}


@with_bar
def report(
    settings: Settings | None = None, *, progress: Progress = silent, **options: Any
) -> tuple[str, Path | None]:
    """Return the newest training's report and the file it was written to; None as the file if `out` is "-".

    Raises
    ------
    InputError
        There is no training, or the scores are not a table of scores.
    """
    settings = Report.of(settings, options)
    folder = as_path("out" if settings.out == "-" else settings.out)
    check_folder(folder)
    newest = written_scores(folder / "scores.parquet") if settings.scores is None else settings.scores
    before = _newest_earlier(newest) if settings.before is None else settings.before
    _check_redacted(settings, newest)
    progress("reading the newest training", 0.0)
    there = settings.scores is not None or newest.is_file()
    needed = there or before is not None or settings.lookup or settings.redact
    now = read_scores(newest) if needed else None
    earlier = None if before is None else read_scores(before)
    summary, currency = _in_its_currency(runs.latest_summary(settings.experiment), settings.currency)
    if now is not None and _holds_everybody(_read_manifest(newest)):
        summary = glance.with_newer_scores(summary, now, _spread_of_total(now), currency)
    if now is not None and (earlier is not None or settings.lookup):
        progress("comparing with the scores", 0.4)
        summary = add_scores(summary, now, before=earlier, lookup=settings.lookup, currency=currency)
    made = settings.actions or folder / "actions" / "actions.json"
    lists = _lists(made, wanted=settings.actions is not None)
    if lists is not None and not lists["lists"]:
        none = f"cltv act made no list on {lists['cutoff']}."
        summary = with_answer(summary, glance.FIRST, [none, *lists["unprofitable"]])
    elif lists is not None:
        ordered = summary.get("ordered", True)
        answers = glance.with_lists(lists["lists"], lists["currency"] or currency, ordered=ordered)
        terms = enumerated(lists.get("terms", [])) or "the margin, effect and cost given to cltv act"
        of = f"These lists are dated {lists['cutoff']} and assume {terms}."
        summary = with_answer(summary, glance.FIRST, [*answers, of])
        summary = _with_terms_of_lists(summary, lists, made.with_name("customers.csv"), currency)
    summary = _with_forecast(summary, settings.forecast or folder / "forecast.csv", settings, currency)
    summary = _with_lifetime(summary, folder / "lifetime.parquet", settings, currency)
    summary = as_wanted(summary, settings.redact, () if now is None else now.index)
    progress("writing the report", 0.8)
    if settings.out == "-":
        return RENDERERS[settings.format](summary), None
    target = folder / f"report.{_REPORT_FORMATS[settings.format]}"
    text = write_page(summary, target, render=RENDERERS[settings.format], private=bool(settings.lookup))
    return text, target


def _spread_of_total(scores: pd.DataFrame) -> tuple[float, float] | None:
    """Return the 90% interval of the true total divided by its forecast, from the model of the scores."""
    if not {"model_version", "horizon"} <= set(scores) or not len(scores):
        return None
    try:
        spreads = registry.read_version(int(scores["model_version"].iloc[0])).spreads
    except InputError:  # deleted since
        return None
    spread = spreads.get(str(scores["horizon"].iloc[0]))
    return Spread(*spread).interval(1.0) if spread else None


def _check_redacted(settings: Report, scores: Path | pd.DataFrame) -> None:
    """Raise InputError if a redacted page would look customers up, or if the ids it must not show are unknown."""
    if settings.redact and settings.lookup:
        raise InputError(
            "--lookup finds customers by their ids, but --redact leaves ids out; choose one of the two."
        )
    if settings.redact and isinstance(scores, Path) and not scores.is_file():
        raise InputError(
            f"--redact needs the scores for the customers' ids, but there is no file {scores}; run cltv "
            "score, or give its file with --scores."
        )


def _in_its_currency(stored: dict[str, Any], stated: str) -> tuple[dict[str, Any], str]:
    """Return a training's summary with the currency of its amounts, and that currency: its own, else the stated one.

    Raises
    ------
    InputError
        The training stated another currency.
    """
    own = name_currency(stored.get("currency", ""), "")
    if own and stated and own != stated:
        raise InputError(
            f"the amounts of the newest training are in {own}, not {stated}; leave out --currency, or train with "
            f"--currency {stated}."
        )
    return name_currency(stored, own or stated), own or stated


def _with_forecast(
    summary: dict[str, Any], file: Path, settings: Report, currency: str = ""
) -> dict[str, Any]:
    """Return a summary with the revenue of new customers next to that of existing ones, if it was forecast."""
    if not file.is_file():
        if settings.forecast is not None:
            raise InputError(f"no file {file}; give the table that cltv forecast wrote.")
        return summary
    table = read_table(file, _FORECAST, "a table that `cltv forecast` wrote", key="")
    known = next((entry for entry in summary["facts"] if entry["name"] == glance.KNOWN), None)
    fact = glance.customers_to_come(table, currency, known)
    if fact is None:
        return summary
    facts = [glance.with_days(entry) for entry in summary["facts"]]
    headlines = [entry for entry in facts if entry.get("headline")]
    return {**summary, "facts": [*headlines, fact, *facts[len(headlines) :]]}


def _with_lifetime(summary: dict[str, Any], default: Path, settings: Report, currency: str) -> dict[str, Any]:
    """Return a summary with customers' lifetime value, if it was computed."""
    account, source = read_account(settings, default), settings.lifetimes or default
    chosen = settings.lifetimes is not None or (settings.value, settings.basis) != ("horizon", "revenue")
    if not chosen and not account:
        return summary
    meant = "the table of `cltv lifetime`"
    table = read_table(source, ["remaining_value", "lifetime_value"], meant)
    check_once_each(table, str(source) if isinstance(source, Path) else "the table", meant)
    if "totals" not in account:
        raise InputError(
            f"there is no {default.with_suffix('.json').name} with totals next to the table of cltv lifetime; "
            "run it again."
        )
    column = decisions.value_column(settings.value, settings.basis)
    label = {"horizon": f"expected {settings.basis}"}.get(
        settings.value, f"{settings.value} {settings.basis}"
    )
    currency = currency or account.get("currency", "")
    # Tiers by the horizon's revenue are on the page already.
    by_default = (settings.value, settings.basis) == ("horizon", "revenue")
    values = None if by_default else decisions.choose_value(table, settings.value, settings.basis)
    first = next((entry for entry in summary["facts"] if entry["name"].startswith(glance.KNOWN)), None)
    doubts = sections.against_headline(account, first, currency) if first else []
    account = {**account, "notes": [*doubts, *account.get("notes", ())]}
    added = sections.lifetime_section(account, values, label, currency=currency)
    parts = [*summary["sections"][:2], added, *summary["sections"][2:]]
    # The revenue of the horizon is at the top already.
    facts = [] if settings.value == "horizon" else [sections.lifetime_fact(account, column, label, currency)]
    return {**summary, "sections": parts, "facts": [*summary["facts"], *facts]}


_MANIFEST = "the manifest of `cltv score`"
_FORECAST = ["span", "part", "measure", "expected", "lower_80", "upper_80", "start", "until"]


def _lists(file: Path, *, wanted: bool) -> dict[str, Any] | None:
    """Return the totals that `cltv act` wrote; None if there are none and none were requested."""
    if not file.is_file():
        if wanted:
            raise InputError(f"no file {file}; give the actions.json that cltv act wrote.")
        return None
    summary = read_earlier_json(file, "the lists of cltv act")
    try:
        return summary if summary["lists"] or summary.get("unprofitable") else None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file} does not contain the lists of cltv act; run cltv act again.") from error


def _with_terms_of_lists(
    summary: dict[str, Any], lists: dict[str, Any], file: Path, currency: str
) -> dict[str, Any]:
    """Return a summary whose campaign starts with the terms of the lists if these are of the summary's day.

    `file` is the table of customers that `cltv act` wrote next to the lists.
    """
    customers, terms = None, lists.get("win_back_terms")
    if terms and lists["cutoff"] == summary.get("as_of") and file.is_file():
        customers = read_table(file, ["segment", "expected_value"])
    told = [
        sections.tell_lists_apart(
            part, customers, terms, ordered=summary.get("ordered", True), currency=currency
        )
        for part in summary["sections"]
    ]
    return {**summary, "sections": told}


def _newest_earlier(scores: Path | pd.DataFrame) -> Path | None:
    """Return the newest scores in the same folder with an earlier cutoff and the same horizon, by their manifests."""
    now = _read_manifest(scores)
    if isinstance(scores, pd.DataFrame) or not now or not _holds_everybody(now):
        return None
    earlier = []
    for manifest in scores.parent.glob("*.manifest.json"):
        about = read_earlier_json(manifest, _MANIFEST)
        path = scores.with_name(Path(about.get("file", "")).name)
        comparable = (
            _holds_everybody(about)
            and about.get("horizon") == now.get("horizon")
            and about.get("cutoff", "9") < now["cutoff"]
        )
        if comparable and path.is_file() and path.suffix in (".parquet", ".csv"):
            earlier.append((about["cutoff"], path))
    return max(earlier)[1] if earlier else None


def _read_manifest(scores: Path | pd.DataFrame) -> dict[str, Any]:
    """Return the manifest next to a file of scores; empty if there is none."""
    if isinstance(scores, pd.DataFrame) or not (file := manifest_of(scores)).is_file():
        return {}
    return read_earlier_json(file, _MANIFEST)


def _holds_everybody(manifest: dict[str, Any]) -> bool:
    """Whether a batch contains all customers, not only those with new orders or the newest ones."""
    return not (manifest.get("since") or manifest.get("younger_than"))
