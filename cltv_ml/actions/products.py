"""Cross-selling and upselling: products new to a customer, and more expensive alternatives."""

from __future__ import annotations

from functools import partial

import pandas as pd

from cltv_ml import decisions
from cltv_ml.actions.shop import Shop, about, bounded, draw_untreated, list_title, margin_rates, margins_known
from cltv_ml.actions.terms import Actions, nobody_pays, still_needed, worth_the_cost
from cltv_ml.data import doubt_products
from cltv_ml.decisions.associations import ProductLevel
from cltv_ml.decisions.product_tables import insert_names, label_products
from cltv_ml.errors import InputError
from cltv_ml.log import Log
from cltv_ml.money import format_exactly, format_money
from cltv_ml.reporting import plots
from cltv_ml.reporting.report import section
from cltv_ml.tables import ids_among
from cltv_ml.windows import Window


def add_cross_sell(shop: Shop, actions: Actions) -> None:
    """Add the items that each customer is likely to buy for the first time, by expected margin if margins are known."""
    past = Window(shop.window.cutoff - pd.Timedelta(days=shop.window.horizon), shop.window.horizon)
    level, judged, doubts = _judged_recommenders(shop.log, past)
    personal = beats_popular(judged)
    margins = actions.tables.get("margins_by_product" if level == "product_id" else "margins_by_category")
    actions.tables["cross_sell_quality"] = judged
    table = decisions.recommend_next(
        shop.log,
        shop.window,
        level=level,
        recommender=str(judged.index[0]) if personal else "most_popular",
        margin_per_purchase=None if margins is None else decisions.margin_per_purchase(margins),
        p_active=decisions.probability_to_buy(shop.predictions),
        shown=decisions.Shown(exclude=shop.terms.exclude),
    )
    table = decisions.vary_leaders(table)
    if level == "product_id" and "category" in shop.log.columns:
        table.insert(
            table.columns.get_loc("item") + 1, "category", table["item"].map(_categories(shop.log.frame))
        )
    table["because"] = label_products(table["because"], shop.product_names)
    actions.tables["cross_sell"] = table = insert_names(table, "item", shop.product_names)
    pairs = decisions.find_associations(shop.log, level)
    actions.tables["cross_sell_pairs"] = pairs
    leading = _leading(table, costs_known="cost" in shop.log.columns)
    by_segment = _by_segment(shop, actions, level) if leading or not personal else {}
    actions.sections.append(
        section(
            "What to offer next",
            [
                _describe_recommender(judged, past.horizon),
                "Products are ranked by expected margin."
                if margins is not None
                else "Products are ranked by probability, because margins are unknown.",
                *_list_cross_sell(shop, actions),
            ],
            warnings=[
                *doubts,
                *doubt_products(shop.log),
                *leading,
                *(_CHOOSE if leading and by_segment else ()),
            ],
            tables=by_segment,
            figures={
                "How often two products share an order, as a multiple of chance": plots.cross_sell_matrix(
                    _labelled(pairs, shop)
                )
            }
            if len(pairs)
            else {},
        )
    )


def _describe_recommender(judged: pd.DataFrame, days: int) -> str:
    """Return a sentence on the chosen recommender and how well it predicted customers' first purchases.

    >>> judged = pd.DataFrame({"verdict": ["not shown to beat popular items (+1%)"]}, index=["similar_items"])
    >>> _describe_recommender(judged, 91).split("91 days. ")[1]
    'The best of them, similar items, is not shown to beat popular items (+1%).'
    """
    name, verdict = str(judged.index[0]), str(judged["verdict"].iloc[0])
    if beats_popular(judged):
        return (
            f"Each customer is shown products that customers with similar purchases bought (method: "
            f"{name.replace('_', ' ')}). Tested on what customers bought for the first time in the last {days} days, "
            f"this {verdict}."
        )
    sentence = (
        "There is nothing personal to recommend, so each customer is shown the most popular items that they "
        "have not bought yet. Recommendations from a customer's own purchases did not predict better what "
        f"customers bought for the first time in the last {days} days."
    )
    return (
        sentence
        if name == "most_popular"
        else f"{sentence} The best of them, {name.replace('_', ' ')}, is {verdict}."
    )


def beats_popular(judged: pd.DataFrame) -> bool:
    """Return whether the best recommender predicts new purchases significantly better than the most popular items."""
    return str(judged["verdict"].iloc[0]).startswith("beats")


def _judged_recommenders(log: Log, past: Window) -> tuple[ProductLevel, pd.DataFrame, list[str]]:
    """Return the level to recommend, each recommender's quality on `past`, and reasons if it is not products."""
    levels: list[ProductLevel] = [level for level in ("product_id", "category") if level in log.columns]
    if not levels:
        raise InputError(
            "recommendations need products: map the article number to product_id, or a product group to "
            "category."
        )
    try:
        return levels[0], decisions.evaluate_cross_sell(log, past, level=levels[0]), []
    except InputError as error:
        if levels[0] == levels[-1]:
            raise
        judged = decisions.evaluate_cross_sell(log, past, level=levels[-1])
        reason = str(error).partition(";")[0] + "; a longer log contains more."
        return levels[-1], judged, [f"Categories instead of products: {reason}"]


def _categories(log: pd.DataFrame) -> pd.Series:
    """Return the category of each product, the latest where it moved."""
    products = log.dropna(subset=["product_id", "category"]).drop_duplicates("product_id", keep="last")
    return products.set_index("product_id")["category"]


_CHOOSE = ("Or choose by segment, as the table below shows.",)

#: An item that leads more lists than this share makes them the same for most customers.
_LEADS = 0.5


def _leading(table: pd.DataFrame, *, costs_known: bool = False) -> list[str]:
    """Return a sentence about an item that still leads most customers' lists; empty if there is none."""
    first = table[table["rank"] == 1]
    counts = first["item"].value_counts()
    if not len(first) or counts.iloc[0] <= _LEADS * len(first):
        return []
    item = str(counts.index[0])
    leader = str(_item_labels(first[first["item"] == item].head(1)).iloc[0])
    return [
        f"The lists differ little: {leader} ranks first for {counts.iloc[0] / len(first):.0%} "
        "of the customers, far ahead of anything else. "
        + (
            "Leave the item out with the option `--exclude`."
            if costs_known
            else "Leave the item out, or state the margin of its category: `cltv act --help` names both options."
        )
    ]


def _by_segment(shop: Shop, actions: Actions, level: ProductLevel) -> dict[str, pd.DataFrame]:
    """Add the items that a segment prefers, and return them as a table for the page."""
    favourites = decisions.favourites_by_segment(
        shop.log, actions.tables["customers"]["segment"], shop.window, level=level
    )
    actions.tables["favourites_by_segment"] = insert_names(favourites, "item", shop.product_names)
    shown = pd.DataFrame(
        {
            "Segment": favourites["segment"],
            "Item": label_products(favourites["item"], shop.product_names),
            "Bought by": [f"{share:.0%}" for share in favourites["share"]],
            "Multiple of everyone's part": [f"{lift:.1f}" for lift in favourites["lift"]],
        }
    )
    return (
        {"What takes a larger part in a segment's purchases than in everyone's": shown}
        if len(favourites)
        else {}
    )


def _list_cross_sell(shop: Shop, actions: Actions) -> list[str]:
    """Add the list of customers to show products to, where the user states the uplift, with its expected profit."""
    terms, table = shop.terms, actions.tables["cross_sell"]
    needed = still_needed(
        "a list of customers to show products to",
        {
            "--margin-rate": (True if "expected_margin" in table else None, "margins"),
            "--cross-sell-uplift": (
                terms.cross_sell_uplift,
                "by what share showing a product raises the chance that it is bought",
            ),
            "--cost": (terms.cost, "the cost of showing them, per customer"),
        },
    )
    if terms.cross_sell_uplift is None or needed:
        actions.refused["cross-sell list"] = needed
        return []
    of_each = table.groupby("customer_id")
    offers = pd.DataFrame(
        {
            "cost": terms.cost,
            "expected_profit": terms.cross_sell_uplift * of_each["expected_margin"].sum() - terms.cost,
            "p_buy": 1 - (1 - table["probability"]).groupby(table["customer_id"]).prod(),
        }
    )
    return _add_list(
        "cross_sell_list", "show products", offers, terms.cross_sell_uplift * offers["p_buy"], shop, actions
    )


def add_upsell(shop: Shop, actions: Actions) -> None:
    """Add the next more expensive product to what each customer usually buys in a category, and the list for it.

    A switch earns the extra margin per unit times the units that the customer is expected to buy in the category
    within the horizon.
    """
    terms = shop.terms
    table = decisions.recommend_upsell(shop.log, shop.window.cutoff, exclude=terms.exclude, costs=shop.costs)
    actions.tables["upsell"] = table = insert_names(table, "product_id", shop.product_names)
    if table.empty:
        raise InputError(
            "no customer has a more expensive product to move up to: one that at least 20 customers bought, "
            "at 1.1 to 2 times the price the customer usually pays in a category they bought from twice."
        )
    needed = still_needed(
        "a list of customers to show more expensive products to",
        {
            "--margin-rate": (True if "extra_margin" in table else margins_known(actions), "margins"),
            "--upsell-share": (terms.upsell_share, "the share of customers who take them"),
            "--cost": (terms.cost, "the cost of showing them"),
        },
    )
    if terms.upsell_share is None or needed:
        actions.refused["upsell list"] = needed
        return
    if "extra_margin" not in table:
        rates = margin_rates(shop.X.index, actions).reindex(table["customer_id"]).to_numpy()
        table["extra_margin"] = (table["price"] - table["usual_price"]) * rates
    best = _best_upsell(table, shop)
    offers = pd.DataFrame(
        {
            "cost": terms.cost,
            "expected_profit": terms.upsell_share * best["gain"] - terms.cost,
            "p_buy": best["p_buy"],
            "reason": _upsell_reasons(best, shop.terms.currency),
        }
    )
    shown = best.reset_index()[["customer_id", "item"]].assign(rank=1)
    listed = _add_list(
        "upsell_list",
        "show the more expensive product",
        offers,
        terms.upsell_share * best["p_buy"],
        shop,
        actions,
        shown,
    )
    if listed:  # else the page says among what is missing why there is no list
        actions.sections.append(section("More expensive alternatives", listed))


def _best_upsell(table: pd.DataFrame, shop: Shop) -> pd.DataFrame:
    """Return each customer's alternative with the highest expected gain: its row with `gain`, `p_buy` and `item`."""
    buys = decisions.probability_to_buy(shop.predictions).reindex(table["customer_id"]).fillna(0.0).to_numpy()
    units = table["usual_units"] * shop.window.horizon / 365
    gain = table.assign(
        gain=table["extra_margin"] * units * buys,
        p_buy=buys,
        item=label_products(table["product_id"], shop.product_names),
    )
    best = gain.sort_values(["gain", "product_id"], ascending=[False, True]).drop_duplicates("customer_id")
    return best.set_index("customer_id")


def _upsell_reasons(best: pd.DataFrame, currency: str) -> list[str]:
    """Return a sentence per customer: the usual price, and the price and the extra margin of the product shown."""
    amount = partial(format_exactly, currency=currency)
    columns = ("usual_price", "category", "price", "extra_margin")
    return [
        f"pays {amount(usual)} per unit of {category}; the product shown costs {amount(price)} and earns "
        f"{amount(margin)} more margin per unit"
        for usual, category, price, margin in zip(*(best[name] for name in columns), strict=True)
    ]


def _add_list(
    name: str,
    action: str,
    offers: pd.DataFrame,
    gain: pd.Series,
    shop: Shop,
    actions: Actions,
    shown: pd.DataFrame | None = None,
) -> list[str]:
    """Add the list of customers worth the cost, with a control group; return sentences on its profit."""
    title = list_title(name)
    try:
        chosen = decisions.choose_customers(offers, shop.terms.budget)
    except InputError as error:
        actions.refused[title] = str(error)
        return []
    if chosen.empty:
        actions.refused[title] = nobody_pays(shop.terms)
        return []
    if "reason" not in chosen:
        chosen = chosen.assign(
            reason=[f"{chance:.0%} likely to buy one of the products anyway" for chance in chosen["p_buy"]]
        )
    base = float(chosen["p_buy"].mean())
    actions.candidates[name] = offers
    rates = bounded((base, base + float(gain[chosen.index].mean())))
    actions.tables[name] = decisions.build_campaign(
        chosen,
        shop.window,
        action=action,
        about=about(shop, actions),
        products=products_of(chosen.index, actions) if shown is None else shown,
        control=draw_untreated(chosen, rates, shop, actions, name=name),
        currency=shop.terms.currency,
    )
    earned = format_money(float(chosen["expected_profit"].sum()), shop.terms.currency)
    return [
        f"{worth_the_cost(offers, len(chosen), shop.terms)}. Their total expected profit is {earned} if the "
        f"effect is what you stated; compare them with the control group from {shop.window.end:%Y-%m-%d} on."
    ]


def products_of(customers: pd.Index, actions: Actions) -> pd.DataFrame | None:
    """Return the items to show each customer, with their names, as `build_campaign` takes them; None without any."""
    table = actions.tables.get("cross_sell")
    if table is None:
        return None
    bought = table[ids_among(table["customer_id"], customers)]
    return bought.assign(item=_item_labels(bought))


def _item_labels(table: pd.DataFrame) -> pd.Series:
    """Return recommended items, each followed by its name, else its category, where the table has one."""
    labels = table["item"]
    for column in ("category", "product_name"):
        if column in table:
            labels = (table["item"] + " (" + table[column] + ")").fillna(labels)
    return labels


def _labelled(pairs: pd.DataFrame, shop: Shop) -> pd.DataFrame:
    """Return pairs of products under their names."""
    both = ("bought", "also_bought")
    return pairs.assign(**{column: label_products(pairs[column], shop.product_names) for column in both})
