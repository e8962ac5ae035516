"""Customers: tables about them, from any source, as typed attributes and contacts matched to the log."""

from cltv_ml.customers.channels import channels_won, describe_channels
from cltv_ml.customers.costs import by_campaign, read_acquisition_costs, read_costs
from cltv_ml.customers.order_dates import read_order_dates
from cltv_ml.customers.tables import (
    CleanedShop,
    CustomerSources,
    CustomerTables,
    columns_behind,
    describe_attributes,
    describe_contacts,
    describe_scored,
    read_customers,
)

__all__ = [
    "CleanedShop",
    "CustomerSources",
    "CustomerTables",
    "by_campaign",
    "channels_won",
    "columns_behind",
    "describe_attributes",
    "describe_channels",
    "describe_contacts",
    "describe_scored",
    "read_acquisition_costs",
    "read_costs",
    "read_customers",
    "read_order_dates",
]
