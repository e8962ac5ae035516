"""Simulated shops of any size, with each customer's true rate, lifetime, spend and response."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cltv_ml.errors import InputError

START = pd.Timestamp("2022-01-01")

#: Category -> share of its customers' lines, and margin on the undiscounted price.
CATEGORIES = {
    "coffee": (0.35, 0.30),
    "tea": (0.25, 0.45),
    "machines": (0.10, 0.20),
    "accessories": (0.20, 0.60),
    "gifts": (0.10, 0.50),
}
PRODUCTS_PER_CATEGORY = 40
CHANNELS = {"web": 0.6, "app": 0.3, "store": 0.1}

#: Pareto/NBD: rate ~ Gamma(R, 1 / ALPHA) orders per day, death ~ Gamma(S, 1 / BETA) per day.
R, ALPHA, S, BETA = 0.6, 30.0, 0.6, 150.0

#: Gamma-Gamma: an order is worth Gamma(P, 1 / nu) with nu ~ Gamma(Q, 1 / GAMMA).
P, Q, GAMMA = 6.0, 4.0, 20.0

#: Days between campaigns; each offers one of the discounts to a random half of the customers for a week.
CAMPAIGN_EVERY, CAMPAIGN_DAYS, DEPTHS = 90, 7, (0.1, 0.2, 0.3)

#: Customers simulated at a time. Each lot has its own random stream, so shops of any size fit into memory.
_LOT = 20_000


@dataclass(frozen=True)
class Simulation:
    """A simulated shop.

    Parameters
    ----------
    log
        A TRANSACTIONS table with all optional columns.
    truth
        Per customer: `joined`, `rate` (orders per day while alive), `death_rate` (per day), `ended` (when
        the customer left, perhaps after the log), `alive` (at the end of the log), `mean_spend` (per order
        before discounts) and `response` (by how much a campaign multiplies the rate, minus one). Never
        show it to a model.
    campaigns
        `campaign, start, days, depth`.
    offers
        `campaign, customer_id`: the customers who were offered it, drawn at random.
    """

    log: pd.DataFrame
    truth: pd.DataFrame
    campaigns: pd.DataFrame
    offers: pd.DataFrame

    def expected_value(self, horizon: int) -> pd.Series:
        """Return each customer's true expected spend in `horizon` days after the log, without campaigns."""
        truth = self.truth.set_index("customer_id")
        days_alive = -np.expm1(-truth["death_rate"] * horizon) / truth["death_rate"]
        return (truth["rate"] * truth["mean_spend"] * days_alive * truth["alive"]).rename("expected_value")


def simulate(customers: int = 5_000, days: int = 730, seed: int = 0) -> Simulation:
    """Return a simulated shop: the same arguments give the same shop.

    Customers join evenly over the first three quarters of `days`, with a first order. They then buy at a constant rate
    of their own until they leave (Pareto/NBD; Schmittlein, Morrison and Colombo, 1987); order values are Gamma-Gamma
    (Fader and Hardie, 2013). In a campaign's week, the customers who received the offer buy (1 + response) times as
    often, at the campaign's discount. Raises InputError for fewer than 1 customer or 30 days.

    >>> shop = simulate(customers=100)
    >>> sorted(shop.log.columns)
    ['amount', 'category', 'channel', 'cost', 'customer_id', 'discount', 'order_id', 'product_id', 'quantity',
    'timestamp']
    """
    if customers < 1 or days < 30:
        raise InputError(f"simulate needs at least 1 customer and 30 days, got {customers} and {days}.")
    lots = [_lot(first, min(_LOT, customers - first), days, seed) for first in range(0, customers, _LOT)]
    logs, truths, offers = ([lot[table] for lot in lots] for table in range(3))
    return Simulation(
        log=pd.concat(logs).sort_values(["timestamp", "order_id"], kind="stable", ignore_index=True),
        truth=pd.concat(truths, ignore_index=True),
        campaigns=_campaigns(days),
        offers=pd.concat(offers, ignore_index=True),
    )


def customers_of(name: str) -> int:
    """Return how many customers a name such as `synthetic:20000` asks for.

    >>> customers_of("synthetic"), customers_of("synthetic:300")
    (5000, 300)
    """
    size = name.partition(":")[2] or "5000"
    if not size.isdecimal() or int(size) < 1:
        raise InputError(
            f"{name!r}: write the number of customers after the colon, for example synthetic:20000."
        )
    return int(size)


def _campaigns(days: int) -> pd.DataFrame:
    starts = np.arange(CAMPAIGN_EVERY, days - CAMPAIGN_DAYS, CAMPAIGN_EVERY)
    return pd.DataFrame(
        {
            "campaign": [f"campaign {number + 1}" for number in range(len(starts))],
            "start": START + pd.to_timedelta(starts, unit="D"),
            "days": CAMPAIGN_DAYS,
            "depth": [DEPTHS[number % len(DEPTHS)] for number in range(len(starts))],
        }
    )


def _lot(first: int, size: int, days: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return log, truth and offers of the customers numbered from `first`."""
    rng = np.random.default_rng([seed, first])
    joined = rng.uniform(0, 0.75 * days, size)
    truth = pd.DataFrame(
        {
            "customer_id": [f"S{number:07d}" for number in range(first, first + size)],
            "joined": START + pd.to_timedelta(joined, unit="D").floor("s"),
            "rate": rng.gamma(R, 1 / ALPHA, size),
            "death_rate": rng.gamma(S, 1 / BETA, size),
            "response": rng.exponential(1.0, size),
        }
    )
    left = np.minimum(joined + rng.exponential(1, size) / truth["death_rate"].to_numpy(), 36_500)
    truth["ended"] = START + pd.to_timedelta(left, unit="D").floor("s")
    truth["alive"] = left >= days
    spend_scale = 1 / rng.gamma(Q, 1 / GAMMA, size)
    truth["mean_spend"] = P * spend_scale
    who, when, depth, offered = _draw_orders(rng, truth, joined, left, days)
    value = np.maximum(rng.gamma(P, spend_scale[who]), 0.5)
    return _draw_lines(rng, truth, who, when, value, depth), truth, _offer_table(truth, offered, days)


def _draw_orders(
    rng: np.random.Generator, truth: pd.DataFrame, joined: np.ndarray, left: np.ndarray, days: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return per order its customer, day and discount depth, and which customers had which offers."""
    stop = np.minimum(left, days)
    rate = truth["rate"].to_numpy()
    who = np.repeat(np.arange(len(truth)), rng.poisson(rate * (stop - joined)))
    when = rng.uniform(joined[who], stop[who])
    who, when = np.concatenate([np.arange(len(truth)), who]), np.concatenate([joined, when])
    depth = np.zeros(len(who))
    campaigns = _campaigns(days)
    offered = rng.random((len(campaigns), len(truth))) < 0.5
    starts = (campaigns["start"] - START) / pd.Timedelta(days=1)
    for number, start in enumerate(starts):
        end = start + CAMPAIGN_DAYS
        at_risk = np.clip(np.minimum(stop, end) - np.maximum(joined, start), 0, None) * offered[number]
        more = np.repeat(np.arange(len(truth)), rng.poisson(rate * truth["response"].to_numpy() * at_risk))
        extra = rng.uniform(np.maximum(joined[more], start), np.minimum(stop[more], end))
        who, when = np.concatenate([who, more]), np.concatenate([when, extra])
        depth = np.concatenate([depth, np.zeros(len(more))])
        reached = (when >= start) & (when < end) & offered[number, who]
        depth[reached] = campaigns["depth"].iloc[number]
    return who, when, depth, offered


def _draw_lines(
    rng: np.random.Generator,
    truth: pd.DataFrame,
    who: np.ndarray,
    when: np.ndarray,
    value: np.ndarray,
    depth: np.ndarray,
) -> pd.DataFrame:
    """Return the orders' lines: an order's value is spread over one to several products."""
    order = np.repeat(np.arange(len(who)), 1 + rng.poisson(1.0, len(who)))
    weight = rng.exponential(1, len(order)) + 0.05
    gross = np.round(value[order] * weight / np.bincount(order, weight)[order], 2)
    share, margin = np.array(list(CATEGORIES.values())).T
    favourite = rng.choice(len(share), len(truth), p=share)[who[order]]
    category = np.where(rng.random(len(order)) < 0.5, favourite, rng.choice(len(share), len(order), p=share))
    product = category * PRODUCTS_PER_CATEGORY + (PRODUCTS_PER_CATEGORY * rng.random(len(order)) ** 2).astype(
        int
    )
    discount = np.round(gross * depth[order], 2)
    channel = rng.choice(len(CHANNELS), len(who), p=list(CHANNELS.values()))[order]
    customer = truth["customer_id"].to_numpy(dtype=object)[who[order]]
    return pd.DataFrame(
        {
            "customer_id": pd.array(customer, dtype="str"),
            "timestamp": (START + pd.to_timedelta(when[order], unit="D").floor("s")).astype("datetime64[us]"),
            "amount": np.round(gross - discount, 2),
            "order_id": pd.array(customer + "-" + order.astype(str).astype(object), dtype="str"),
            "product_id": pd.array(np.char.add("P", product.astype(str)).astype(object), dtype="str"),
            "category": pd.array(np.array(list(CATEGORIES), dtype=object)[category], dtype="str"),
            "quantity": rng.geometric(0.7, len(order)).astype(float),
            "discount": discount,
            "cost": np.round(gross * (1 - margin[category]), 2),
            "channel": pd.array(np.array(list(CHANNELS), dtype=object)[channel], dtype="str"),
        }
    )


def _offer_table(truth: pd.DataFrame, offered: np.ndarray, days: int) -> pd.DataFrame:
    number, customer = np.nonzero(offered)
    names = _campaigns(days)["campaign"].to_numpy(dtype=object)
    return pd.DataFrame(
        {
            "campaign": pd.array(names[number], dtype="str"),
            "customer_id": pd.array(truth["customer_id"].to_numpy(dtype=object)[customer], dtype="str"),
        }
    )
