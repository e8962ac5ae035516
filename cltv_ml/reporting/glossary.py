"""Glossary of the pages: every term that a reader may not know, explained once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

#: Terms and their meaning, for the pages and the glossary of the documentation.
TERMS = {
    "Age": "Days since a customer's first purchase; at the cutoff, T in formulas.",
    "Alias": "A name in the model registry that points to one version: champion, challenger or previous.",
    "AUC": "The probability that the model ranks a random buyer above a random non-buyer; 50% is chance.",
    "Bias": "Predicted over realised, minus one. At +10% the forecast is a tenth too high.",
    "Calibration window": "Everything before the cutoff: the data a model may see.",
    "Champion": "The model in use: cltv score and the server use its predictions.",
    "Cohort": "Customers grouped by their first purchase: its month, product or channel.",
    "Contribution margin": "Revenue minus the costs of what was sold.",
    "Control group": "Customers drawn at random who receive nothing, so that the effect of an action can be measured.",
    "Customer equity": "The contribution that today's customers and those to come will bring, discounted to today.",
    "Cutoff": "The first instant that a model may not see; the holdout begins here.",
    "Decile": "A tenth of the customers, sorted by predicted value, highest first.",
    "Decile error": "The size of the bias within each tenth of customers, averaged; 0% is perfect.",
    "Deviance": "The Tweedie deviance: an error that covers both ranking and level; 0 is perfect.",
    "Expected profit": "The margin that an action is expected to bring, minus its cost.",
    "Expected value": "Predicted mean spend over the horizon; a single customer may spend far more, or nothing.",
    "Frequency": "How often a customer bought, in purchase days; models leave out the first one (x in formulas).",
    "Gini": "How well a model ranks customers by spend: 1 is perfect, 0 is chance. Of revenue: 0 if all spend "
    "the same.",
    "Holdout": "The days from the cutoff to the end of the horizon, on which a model is tested.",
    "Horizon": "The length of the forecast, in days.",
    "In interval": "The share of customers whose spend lay within the interval of their prediction: coverage.",
    "Lifecycle": "New, active, at risk, lapsed or reactivated, by the customer's own rhythm. Segments compare "
    "customers with each other, so the two count different customers as new or at risk.",
    "Log": "The clean transactions: each row has a customer, a time and an amount; a purchase may have several "
    "rows.",
    "MAE": "The mean error per customer, in currency. It favours models that predict nothing for everyone.",
    "Monetary value": "Mean spend per repeat purchase day.",
    "Origin": "An earlier cutoff with a known outcome, from which models learn; its holdout ends by the test cutoff.",
    "P(alive)": "The probability that a customer has not left for good. It is not the probability of buying within the "
    "horizon.",
    "Pinball": "The mean quantile loss of the median and of both bounds of the interval, in currency.",
    "Quarantine": "Rows that were set aside, each with its row number and a reason. No row is dropped silently.",
    "Recency": "How recently a customer bought. Models count it as the age at the last purchase, not as the days since "
    "then.",
    "RMSE": "The root of the mean squared error per customer, in currency.",
    "Segment": "Customers with similar behaviour: how recently, how often and for how much they bought.",
    "Spearman": "The rank correlation of predicted and realised spend; 1 is perfect, 0 is chance.",
    "Stability index": "How much the distribution of a column has changed since training; 0.1 is a little, 0.25 a lot.",
    "Tier": "High, medium or low expected value, by cut points stored with the model.",
    "Top 10%": "The share of all spending that came from the tenth of customers ranked highest.",
    "Uplift": "What a treatment adds over doing nothing. Only an experiment with a control group measures it.",
    "Value at risk": "Expected value times the probability that the customer has left: the most a win-back can save.",
}


def used(summary: Mapping[str, Any]) -> dict[str, str]:
    """Return the terms that a summary's text uses, with their meaning.

    >>> list(used({"title": "Bias by tier", "subtitle": "", "sections": []}))
    ['Bias', 'Tier']
    """
    text = "\n".join(_texts_read(summary))
    return {
        term: meaning
        for term, meaning in TERMS.items()
        if re.search(rf"(?<!\w){re.escape(term)}(?!\w)", text, flags=re.IGNORECASE)
    }


def _texts_read(value: Any) -> Iterator[str]:
    """Yield every text of the page except those inside figures."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in ("figure", "inputs"):
                yield from _texts_read(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts_read(inner)
