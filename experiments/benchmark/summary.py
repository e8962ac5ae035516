"""Summary table with which every tutorial starts: one row per customer, in pandas, as tutorials write it."""

import pandas as pd


def summarise(log: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Return frequency, recency, T (days), monetary_value, spend and days_since_last of customers before the cutoff."""
    past = log[log["timestamp"] < cutoff]
    days = past.assign(day=past["timestamp"].dt.normalize()).groupby(["customer_id", "day"])["amount"].sum()
    days = days.reset_index()
    by = days.groupby("customer_id")
    X = by.agg(first=("day", "min"), last=("day", "max"), days=("day", "size"), spend=("amount", "sum"))
    first_spend = by["amount"].first()
    X["frequency"] = X["days"] - 1
    X["recency"] = (X["last"] - X["first"]).dt.days
    X["T"] = (cutoff - X["first"]).dt.days - 1
    repeats = X["frequency"].clip(lower=1)
    X["monetary_value"] = ((X["spend"] - first_spend) / repeats).where(X["frequency"] > 0, 0.0)
    X["days_since_last"] = (cutoff - X["last"]).dt.days
    return X.drop(columns=["first", "last", "days"])
