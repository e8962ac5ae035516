"""Value beyond one horizon: `cltv lifetime | export`."""

from __future__ import annotations

from rich.markup import escape

from cltv_ml.cli.printing import amounts, console, print_json, progress, show_table
from cltv_ml.settings import Export, Lifetime


def lifetime(settings: Lifetime) -> None:
    """Compute every customer's lifetime value: to date, within the champion's horizon, and beyond.

    Example: `cltv lifetime --data orders.csv --horizons 30d,1y --margin-rate 0.3 --discount-rate 0.1`
    """
    with progress("lifetime") as advance:
        from cltv_ml import pipelines

        outcome = pipelines.lifetime(settings, progress=advance)
    totals = outcome.totals.reset_index()
    if settings.as_json:
        print_json(
            {"totals": totals, "notes": outcome.notes, "file": outcome.file, "customers": len(outcome.table)}
        )
        return
    shown = totals.assign(
        **{name: amounts(totals[name], settings.currency) for name in ("total", "lower", "upper")}
    )
    unit = f" ({settings.currency})" if settings.currency else ""
    show_table(shown, f"{len(outcome.table):,} customers{unit}, 90% intervals")
    for note in outcome.notes:
        console.print(f"Note      {escape(note)}")
    console.print(f"Lifetime  [bold]{escape(str(outcome.file))}[/bold]")


def export(settings: Export) -> None:
    """Write scores or a list as files for ad platforms and mailing tools, offline.

    Customers of a control group, protected customers and those who opted out are left out and counted in
    manifest.json.

    Example: `cltv export klaviyo,google_customer_match --scores out/scores.parquet --customers people.csv`
    """
    from cltv_ml import pipelines

    exported = pipelines.export(settings)
    if settings.as_json:
        print_json(
            {name: result if isinstance(result, str) else vars(result) for name, result in exported.items()}
        )
        return
    for name, result in exported.items():
        if isinstance(result, str):
            console.print(f"Left out  {name}: {escape(result)}")
            continue
        console.print(f"{name:<30} {result.rows:>9,} rows  [bold]{escape(str(result.path))}[/bold]")
        for reason, count in result.left_out.items():
            console.print(f"          {count:,} {result.counted} left out: {escape(reason)}")
        if result.lost_phones:
            console.print(
                f"          Phone numbers that lack digits or a country (--country-code): {result.lost_phones:,}"
            )
        if result.stated_before:
            console.print(
                f"          Orders of customers who also ordered within the horizon before: {result.stated_before:,}; "
                "if an earlier file stated their value, it counts twice"
            )
    unread = next((result.unread for result in exported.values() if not isinstance(result, str)), [])
    if unread:
        console.print(
            f"Not read  {escape(', '.join(unread))}: if one of them marks customers who must not be "
            "contacted, call it opt_out"
        )
