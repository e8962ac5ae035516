"""Glossary of the pages: every term that a reader may not know, explained once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

#: Terms and what they mean, as the pages and the site's glossary tell it.
TERMS = {
    "Age": "Days from a customer's first purchase to the last day before the cutoff; written T in formulas.",
    "Alias": "A name in the model registry that points at one version: champion, challenger, previous.",
    "AUC": "The probability that a buyer was thought more likely to buy than a customer who did not; 50% is chance.",
    "Bias": "Predicted over realised, minus one. +10% is a tenth too much.",
    "Calibration window": "Everything before the cutoff: what a model may see.",
    "Champion": "The model that answers: served and used by cltv score.",
    "Cohort": "The customers won in the same month, quarter or campaign.",
    "Contribution margin": "Revenue less the costs of what was sold.",
    "Control group": "Customers drawn at random who get nothing, so that the effect of an action can be measured.",
    "Cutoff": "The first instant that a model may not see.",
    "Decile": "A tenth of the customers, here by predicted value, the first the highest.",
    "Decile error": "The size of the bias within each tenth of the customers, on average; 0% is perfect.",
    "Deviance": "The Tweedie deviance: an error that sees order and level together; 0 is perfect.",
    "Expected profit": "What an action is expected to bring in margin, less its cost.",
    "Expected value": "Predicted mean spend over the horizon; a single customer may spend far more, or nothing.",
    "Frequency": "Purchase days after the first one; written x in formulas.",
    "Gini": "How well a model puts customers in order of money; 1 is perfect, 0 is chance.",
    "Holdout": "The days from the cutoff on, as long as the horizon: what a model is tested on.",
    "Horizon": "How far ahead, in days.",
    "In interval": "The share of customers who spent an amount within the interval of their prediction.",
    "Log": "The clean transactions: one row per customer, time and amount that a purchase is made of.",
    "MAE": "The mean error per customer, in currency. It rewards expecting nothing of anybody.",
    "Monetary value": "Mean spend per repeat purchase day.",
    "Origin": "An earlier cutoff at which models with labels learn; its holdout ends by the test cutoff.",
    "P(alive)": "The probability that a customer has not left for good. Not the probability to buy in the horizon.",
    "Pinball": "The mean loss of the median and of both ends of the interval as quantiles, in currency.",
    "Quarantine": "Rows that were set aside, each with its number and a reason. They are never dropped silently.",
    "Recency": "Age at the last purchase, in days since the first one. Not the days since the last purchase.",
    "RMSE": "The root of the mean squared error per customer, in currency.",
    "Segment": "Customers who did alike: how recently, how often and for how much they bought.",
    "Spearman": "The rank correlation of predicted and realised spend; 1 is perfect, 0 is chance.",
    "Stability index": "How far a column's values have moved since the training; 0.1 is a little, 0.25 a lot.",
    "Tier": "High, medium or low expected value, at cut points stored with the model.",
    "Top 10%": "The share of all spending that came from the tenth of the customers ranked highest.",
    "Uplift": "What a treatment adds over doing nothing. Only an experiment with a control group measures it.",
    "Value at risk": "Expected value times the probability that the customer is gone: the most a win-back can save.",
}


def used(summary: Mapping[str, Any]) -> dict[str, str]:
    """Return the terms that a summary's text uses, with what they mean.

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
