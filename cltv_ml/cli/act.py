"""Actions from scores: `cltv act`, `cltv act evaluate` for the outcome, `cltv act learn` from a table."""

from __future__ import annotations

from typing import Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from cltv_ml.cli.options import command
from cltv_ml.cli.printing import console, print_json, progress, show_table
from cltv_ml.settings import Act, Evaluate, Learn


class _ActOnData(TyperGroup):
    """The group of commands, which treats a first word that is not a command as the data."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `--data` before such a word, and parse the options."""
        named = args[:1] and not args[0].startswith("-") and args[0] not in self.commands
        return super().parse_args(ctx, ["--data", *args] if named else args)


app = typer.Typer(cls=_ActOnData, invoke_without_command=True)

_OUTCOME = ["tier", "treated", "control", "realised_profit", "expected_profit", "verdict"]
_LESSON = ["arm", "uplift", "qini", "qini_lower", "qini_upper", "verdict"]


@command(app.callback, Act)
def act(settings: Act) -> None:
    """Turn the champion's scores into segments, margins, a win-back list, recommendations and offers.

    Example: `cltv act --data orders.csv --margin-rate 0.3 --uplift 0.1 --cost 0.5 --budget 5000`
    """
    with progress("acting") as advance:
        from cltv_ml import pipelines

        actions = pipelines.act(settings, progress=advance)
    out = settings.out
    if settings.as_json:
        files = [{"file": out / f"{name}.csv", "rows": len(table)} for name, table in actions.tables.items()]
        left = {"left_out": actions.refused, "deleted": actions.deleted, "notes": actions.notes}
        print_json({"tables": files, **left, "report": out / "actions.html"})
        return
    for name, table in actions.tables.items():
        console.print(f"{name + '.csv':<28} {len(table):>9,} rows")
    for name, sentence in actions.refused.items():
        console.print(f"Left out  {name}: {escape(sentence)}")
    for note in actions.notes:
        console.print(f"Note      {escape(note)}")
    for name in actions.deleted:
        console.print(f"Deleted   {name}, a list of an earlier run that this run did not produce")
    console.print(f"Actions   [bold]{out / 'actions.html'}[/bold]")


@command(app.command, Evaluate)
def evaluate(settings: Evaluate) -> None:
    """Measure the effect of a campaign, treated against control, with intervals.

    Example: `cltv act evaluate --data orders.csv --actions retention_list.csv --start 2026-11-01 --margin-rate 0.3`
    """
    with progress("evaluating") as advance:
        from cltv_ml import pipelines

        table = pipelines.evaluate(settings, progress=advance).reset_index()
    if settings.as_json:
        print_json({"outcome": table, "file": settings.out})
        return
    show_table(table[_OUTCOME].round(2), f"{settings.horizon} from {settings.start}")
    console.print(f"Outcome   [bold]{settings.out}[/bold]")


@command(app.command, Learn)
def learn(settings: Learn) -> None:
    """Learn from the table of a past randomised campaign whom to contact, and what that earns; needs no log.

    Example: `cltv act learn --campaign mail.csv --features recency,history --outcome visit --worth 2 --cost 0.1`
    """
    with progress("learning") as advance:
        from cltv_ml import pipelines

        tables = pipelines.learn(settings, progress=advance)
    if settings.as_json:
        print_json({name: tables[name].reset_index() for name in tables if name != "campaign_uplift"})
        return
    show_table(tables["campaign_lesson"].reset_index()[_LESSON].round(4), "Arms")
    if "policy_value" in tables:
        policies = tables["policy_value"]
        robust = policies[policies["estimator"].isin(["logged", "doubly_robust"])]
        show_table(robust.drop(columns="estimator").round(4), "Profit per customer, doubly robust")
    else:
        console.print("Warning   The campaign does not look randomly drawn; see campaign_balance.csv.")
    console.print(f"Lesson    [bold]{settings.out / 'lesson.html'}[/bold]")
