"""From scores to actions: `cltv act`, `cltv act evaluate` when the outcome is known, `cltv act learn` from a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.markup import escape

from cltv_ml.cli.shared import (
    Config,
    Data,
    Horizon,
    Json,
    Mapping,
    Query,
    Rule,
    console,
    load,
    print_json,
    progress,
    settings_of,
    show_table,
)
from cltv_ml.errors import InputError
from cltv_ml.windows import Window

app = typer.Typer(invoke_without_command=True)

MarginRate = Annotated[float | None, typer.Option(help="Share of revenue left after costs, 0.3 is 30%.")]


@app.callback()
def act(
    context: typer.Context,
    data: Data = "",
    mapping: Mapping = None,
    query: Query = "",
    rule: Rule = None,
    out: Annotated[Path, typer.Option(help="Folder for the tables and actions.html.")] = Path("out/actions"),
    margin_rate: MarginRate = None,
    uplift: Annotated[
        float | None, typer.Option(help="Share of value at risk a treatment saves: your figure.")
    ] = None,
    cost: Annotated[
        float | None, typer.Option(help="What treating one customer costs, its discount included.")
    ] = None,
    budget: Annotated[float | None, typer.Option(help="Most to spend on the retention list.")] = None,
    category_margins: Annotated[
        Path | None,
        typer.Option(help="A file with category and margin_rate, for categories that earn otherwise."),
    ] = None,
    cross_sell_uplift: Annotated[
        float | None, typer.Option(help="Share by which showing a product raises its sales: your figure.")
    ] = None,
    upsell_share: Annotated[
        float | None, typer.Option(help="Share who take a more expensive product when shown it: your figure.")
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(help="A product or category that no list may show, such as FUEL; may be repeated."),
    ] = None,
    acquisition_cost: Annotated[
        float | None, typer.Option(help="What winning one customer cost: adds profit and the payback month.")
    ] = None,
    campaign: Annotated[
        Path | None,
        typer.Option(
            help="A past randomised campaign: a file with customer_id, arm and, if known, propensity."
        ),
    ] = None,
    campaign_start: Annotated[str, typer.Option(help="Its first day.")] = "",
    campaign_days: Annotated[str, typer.Option(help="For how long its effect is read.")] = "28",
    control: Annotated[str, typer.Option(help="The arm that was sent nothing.")] = "control",
    protected: Annotated[
        str, typer.Option(help="Columns divided by commas that nothing here may use, such as channel.")
    ] = "",
    before: Annotated[
        Path | None, typer.Option(help="customers.csv of an earlier call: what has changed?")
    ] = None,
    currency: Annotated[str, typer.Option(help="Written on the figures, such as EUR.")] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Turn the champion's scores into segments, margins, a win-back list, recommendations and offers.

    Example: `cltv act --data orders.csv --margin-rate 0.3 --uplift 0.1 --cost 0.5 --budget 5000`
    """
    if context.invoked_subcommand:
        return
    earlier = _read(before, ["tier", "expected_value"]) if before else None
    rates = _read_rates(category_margins) if category_margins else None
    sent = _read(campaign, ["arm"], "a table with customer_id and arm") if campaign else None
    if sent is not None and not campaign_start:
        raise InputError("a past campaign needs its first day; state it with --campaign-start 2026-03-01.")
    with progress("acting") as done:
        cleaned = load(settings_of(config, mapping, rule, query=query, data=data), done)
        from cltv_ml.pipelines import act as room

        terms = room.Terms(
            margin_rate=margin_rate,
            category_margins=rates,
            uplift=uplift,
            cross_sell_uplift=cross_sell_uplift,
            upsell_share=upsell_share,
            exclude=tuple(exclude or ()),
            cost=cost,
            budget=budget,
            acquisition_cost=acquisition_cost,
            protected=tuple(name.strip() for name in protected.split(",") if name.strip()),
            currency=currency,
            before=earlier,
            campaign=None
            if sent is None
            else room.PastCampaign(sent.reset_index(), Window(campaign_start, campaign_days), control),
        )
        found = room.act(cleaned, terms, out, done)
    if as_json:
        files = [{"file": out / f"{name}.csv", "rows": len(table)} for name, table in found.tables.items()]
        print_json({"tables": files, "left_out": found.refused, "report": out / "actions.html"})
        return
    for name, table in found.tables.items():
        console.print(f"{name + '.csv':<28} {len(table):>9,} rows")
    for name, sentence in found.refused.items():
        console.print(f"Left out  {name}: {escape(sentence)}")
    console.print(f"Actions   [bold]{out / 'actions.html'}[/bold]")


@app.command()
def evaluate(
    actions: Annotated[Path, typer.Option(help="The list that was acted on, such as retention_list.csv.")],
    start: Annotated[str, typer.Option(help="First day of the campaign.")],
    margin_rate: Annotated[float, typer.Option(help="Share of revenue left after costs, 0.3 is 30%.")],
    data: Data = "",
    mapping: Mapping = None,
    query: Query = "",
    rule: Rule = None,
    horizon: Horizon = "",
    out: Annotated[Path, typer.Option(help="A .csv or .parquet file.")] = Path("out/outcome.csv"),
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Read what a campaign brought, treated against control, with intervals.

    Example: `cltv act evaluate --data orders.csv --actions retention_list.csv --start 2026-11-01 --margin-rate 0.3`
    """
    settings = settings_of(config, mapping, rule, query=query, data=data, horizon=horizon)
    window = Window(start, settings.horizon)
    listed = _read(actions, ["control", "cost"])
    with progress("evaluating") as done:
        cleaned = load(settings, done)
        from cltv_ml.pipelines import act as room

        table = room.evaluate(cleaned, listed.reset_index(), window, margin_rate, out)
    if as_json:
        print_json({"outcome": table.reset_index(), "file": out})
        return
    shown = table.reset_index()[
        ["tier", "treated", "control", "realised_profit", "expected_profit", "verdict"]
    ]
    show_table(shown.round(2), f"{window.horizon} days from {window.cutoff:%Y-%m-%d}")
    console.print(f"Outcome   [bold]{out}[/bold]")


@app.command()
def learn(
    campaign: Annotated[Path, typer.Option(help="A table with one row per customer: CSV or Parquet.")],
    features: Annotated[
        str,
        typer.Option(help="Columns known before the campaign, divided by commas: recency,history,channel."),
    ],
    outcome: Annotated[str, typer.Option(help="What each customer then did, such as visit or spend.")],
    worth: Annotated[
        float, typer.Option(help="What one unit of the outcome earns: of revenue the margin rate.")
    ],
    cost: Annotated[float, typer.Option(help="What treating one customer costs.")],
    arm: Annotated[str, typer.Option(help="The column that says what each was sent.")] = "arm",
    control: Annotated[str, typer.Option(help="The arm that was sent nothing.")] = "control",
    out: Annotated[Path, typer.Option(help="Folder for the tables and lesson.html.")] = Path("out/lesson"),
    as_json: Json = False,
) -> None:
    """Learn from a past randomised campaign in one table, without a log, whom it moves and what that earns.

    Example: `cltv act learn --campaign mail.csv --features recency,history --outcome visit --worth 2 --cost 0.1`
    """
    names = [name.strip() for name in features.split(",") if name.strip()]
    table = _read(campaign, [*names, arm, outcome], "a table with these columns", key="")
    if {arm, outcome} & set(names):
        raise InputError(
            f"{arm} and {outcome} are not known before the campaign; leave them out of --features."
        )
    from cltv_ml.actions.past_campaign_table import learn_from_table

    with progress("learning"):
        sent = table[arm].astype("str")
        tables = learn_from_table(
            table[names], sent, table[outcome].astype(float), out, control=control, worth=worth, cost=cost
        )
    if as_json:
        print_json({name: tables[name].reset_index() for name in tables if name != "campaign_uplift"})
        return
    lesson = tables["campaign_lesson"].reset_index()
    show_table(lesson[["arm", "uplift", "qini", "qini_lower", "qini_upper", "verdict"]].round(4), "Arms")
    if "policy_value" in tables:
        judged = tables["policy_value"]
        robust = judged[judged["estimator"].isin(["logged", "doubly_robust"])]
        show_table(robust.drop(columns="estimator").round(4), "Profit per customer, doubly robust")
    else:
        console.print("Warning   the campaign does not look drawn at random; see campaign_balance.csv.")
    console.print(f"Lesson    [bold]{out / 'lesson.html'}[/bold]")


def _read_rates(path: Path) -> dict[str, float]:
    """Return the margin rate of each category of a table."""
    table = _read(path, ["margin_rate"], "a table with category and margin_rate", key="category")
    return dict(table["margin_rate"].astype(float))


def _read(
    path: Path, wanted: list[str], meant: str = "a table that `cltv act` wrote", key: str = "customer_id"
) -> pd.DataFrame:
    """Return a table, such as of customers that an earlier call wrote, indexed by its key."""
    if not path.is_file():
        raise InputError(f"no file {path}; name {meant}.")
    text = dict.fromkeys(("customer_id", "arm", "category"), "str")
    if path.suffix == ".parquet":
        table = pd.read_parquet(path)
        table = table.astype({name: "str" for name in text if name in table})
    else:
        table = pd.read_csv(path, dtype=text)
    missing = [name for name in [*filter(None, [key]), *wanted] if name not in table]
    if missing:
        raise InputError(f"{path.name}: missing columns {missing}; name {meant}.")
    key = key or ("customer_id" if "customer_id" in table else "")
    return table.set_index(key) if key else table.rename_axis("row")
