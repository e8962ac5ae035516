"""Terms that the user states for `cltv act`, and the results of its parts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from cltv_ml.counts import singular_of_many
from cltv_ml.errors import InputError
from cltv_ml.inline import Inline
from cltv_ml.money import format_money
from cltv_ml.windows import Window


@dataclass(frozen=True)
class PastCampaign:
    """A campaign of the past whose arms were drawn at random."""

    #: Columns `customer_id` and `arm` (the treatment of each customer); if the arms were not equally likely,
    #: `propensity`, the probability with which the arm was drawn.
    sent: pd.DataFrame
    #: First day of the campaign, and the number of days over which its effect is measured.
    window: Window
    #: The arm without treatment.
    control: str = "control"


@dataclass(frozen=True)
class Terms:
    """Figures of the business that the user states; missing figures are never invented.

    Raises
    ------
    InputError
        `uplift` or `upsell_share` is above 1, such as a share in percent.
    """

    #: Share of revenue left after costs.
    margin_rate: float | None = None
    #: Share of revenue left after costs by category, where it is another than `margin_rate`.
    category_margins: Mapping[str, float] | None = None
    #: Share of the value at risk that a treatment saves.
    uplift: float | None = None
    #: Share by which showing a product raises the probability of its purchase.
    cross_sell_uplift: float | None = None
    #: Share of customers who take the more expensive product when it is shown to them.
    upsell_share: float | None = None
    #: Cost of treating one customer.
    cost: float | None = None
    #: Highest total cost of a list.
    budget: float | None = None
    #: Cost of winning one customer: one figure, or one per customer by `customer_id`.
    acquisition_cost: float | pd.Series | None = None
    #: Notes on these figures.
    acquisition_notes: tuple[str, ...] = ()
    #: Protected columns of the log, which no part may use.
    protected: tuple[str, ...] = ()
    #: Products and categories that no list may show.
    exclude: tuple[str, ...] = ()
    #: Currency shown in figures.
    currency: str = ""
    #: Column of the log or of the table of customers by whose levels segments are divided.
    split_by: str = ""
    #: `customers.csv` of an earlier call, or earlier scores of `cltv score`, indexed by customer_id.
    before: pd.DataFrame | None = None
    #: A past randomised campaign to learn from.
    campaign: PastCampaign | None = None
    #: The value that tiers and lists go by: "horizon", "remaining" or "lifetime", in "revenue" or "profit".
    value: str = "horizon"
    basis: str = "revenue"
    #: What `cltv lifetime` wrote, indexed by customer_id: where another value than the horizon's revenue counts.
    lifetimes: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        """Raise InputError where a share of a whole is above 1, such as one in percent."""
        for name in ("uplift", "upsell_share"):
            share = getattr(self, name)
            if share is not None and not share <= 1:
                raise InputError(f"{name} must be at most 1 (0.1 is 10%), got {share:g}.")


@dataclass
class Actions(Inline):
    """Decision tables by name, rules to store by name, sections of the report, refused parts by name.

    `candidates` holds by list all customers who could be on it, with `cost` and `expected_profit`. `rates` are the
    customers' margin rates, those of `cltv lifetime`, None where no margin is known. `deleted` names
    the files of lists that an earlier call had written and this one did not write again. `changed` holds the changes
    since earlier scores. `notes` are sentences to read first.
    """

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    rules: dict[str, Any] = field(default_factory=dict)
    sections: list[dict[str, Any]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    candidates: dict[str, pd.DataFrame] = field(default_factory=dict)
    rates: pd.Series | None = None
    deleted: list[str] = field(default_factory=list)
    changed: str = ""
    notes: list[str] = field(default_factory=list)

    def _parts(self) -> dict[str, Any]:
        rows = {name: f"{len(table):,} rows" for name, table in self.tables.items()}
        return {"tables": rows, "left_out": self.refused}


def still_needed(subject: str, terms: Mapping[str, tuple[object, str]]) -> str:
    """Return a sentence on the inputs that a part lacks, with the options for them; empty if nothing is missing.

    Parameters
    ----------
    terms
        By option: what was stated, None where nothing was, and what it is.

    >>> still_needed("a list", {"--cost": (0.5, "a cost"), "--uplift": (None, "an effect")})
    'a list needs an effect; state it with --uplift.'
    >>> still_needed("a list", {"--cost": (None, "a cost"), "--uplift": (None, "an effect")})
    'a list needs a cost and an effect; state them with --cost and --uplift.'
    """
    missing = {option: meaning for option, (stated, meaning) in terms.items() if stated is None}
    if not missing:
        return ""
    pronoun = "it" if len(missing) == 1 else "them"
    return (
        f"{subject} needs {enumerated([*missing.values()])}; state {pronoun} with {enumerated([*missing])}."
    )


def enumerated(names: Sequence[str]) -> str:
    """Return names as a sentence lists them.

    >>> enumerated(["tea", "milk", "sugar"]), enumerated(["tea"])
    ('tea, milk and sugar', 'tea')
    """
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def stated_terms(terms: Terms, lists: Collection[str], *, rate_counts: bool = True) -> list[str]:
    """Return a sentence on the stated margins, effects and costs that the lists are based on.

    Parameters
    ----------
    lists
        Names of the lists' tables: effects of other lists are left out.
    rate_counts
        Whether some line has no cost of its own, so that a stated margin counts.

    >>> stated_terms(Terms(margin_rate=0.4, uplift=0.125, cost=0.5, currency="EUR"), ["retention_list"])
    ['a margin of 40%', '12.5% of the value at risk saved', 'a cost of 0.50 EUR per customer']
    """
    percentages = {
        "a margin of {:g}%": terms.margin_rate if rate_counts else None,
        "{:g}% of the value at risk saved": terms.uplift if "retention_list" in lists else None,
        "{:g}% more buyers of a product that is shown": terms.cross_sell_uplift
        if "cross_sell_list" in lists
        else None,
        "{:g}% who take the more expensive product": terms.upsell_share if "upsell_list" in lists else None,
    }
    shares = [text.format(round(100 * share, 6)) for text, share in percentages.items() if share is not None]
    rates = ["a margin by category"] if terms.category_margins is not None and rate_counts else []
    cost = (
        [] if terms.cost is None else [f"a cost of {format_money(terms.cost, terms.currency)} per customer"]
    )
    return [*rates, *shares, *cost]


#: How the refusal of a list ends if no customer is worth the cost.
NO_PROFIT = "a lower cost would change that."


def nobody_pays(terms: Terms) -> str:
    """Return why a list is empty.

    >>> nobody_pays(Terms(cost=2.0, currency="EUR"))
    'no customer is expected to earn the cost of 2.00 EUR; a lower cost would change that.'
    """
    cost = format_money(terms.cost or 0.0, terms.currency)
    return f"no customer is expected to earn the cost of {cost}; {NO_PROFIT}"


def worth_the_cost(offers: pd.DataFrame, listed: int, terms: Terms, people: str = "customers") -> str:
    """Return a phrase with the number of offers worth their cost and, if the budget ends the list, those it covers.

    >>> offers = pd.DataFrame({"expected_profit": [3.0, 2.0, 1.0, -1.0]})
    >>> worth_the_cost(offers, 2, Terms(cost=0.5, budget=1.0))
    '3 of 4 customers are worth the cost of 0.50 each; the budget of 1.00 pays for 2 of them'
    >>> worth_the_cost(offers, 3, Terms(cost=0.5))
    '3 of 4 customers are worth the cost of 0.50 each'
    >>> worth_the_cost(offers - 5, 0, Terms(cost=0.5))
    'None of the 4 customers is worth the cost of 0.50'
    """
    worth = int((offers["expected_profit"] > 0).sum())
    cost = format_money(terms.cost or 0.0, terms.currency)
    if not worth:
        return f"None of the {len(offers):,} {people} is worth the cost of {cost}"
    text = singular_of_many(f"{worth:,} of {len(offers):,} {people} are worth the cost of {cost} each")
    if listed < worth:
        text += (
            f"; the budget of {format_money(terms.budget or 0.0, terms.currency)} pays for {listed:,} of them"
        )
    return text
