"""The sections of a training's report, one file each: results in, one section of the summary out."""

from cltv_ml.reporting.sections.attributes import attribute_account_section, by_attribute_section
from cltv_ml.reporting.sections.campaign import (
    NO_ORDER,
    campaign_section,
    lookup_table,
    tell_lists_apart,
    terms_in_words,
    unknown_campaign_section,
)
from cltv_ml.reporting.sections.certainty import groups_section
from cltv_ml.reporting.sections.change import TITLE as CHANGE
from cltv_ml.reporting.sections.change import change_section, tell_change, unknown_change_section
from cltv_ml.reporting.sections.customers import customers_section
from cltv_ml.reporting.sections.data import data_section, money_section
from cltv_ml.reporting.sections.diagnostics import diagnostics_section, explanation_section
from cltv_ml.reporting.sections.doubts import TrainingNotes, doubts_section
from cltv_ml.reporting.sections.horizons import horizons_section
from cltv_ml.reporting.sections.level import level_section
from cltv_ml.reporting.sections.lifetime import against_headline, lifetime_fact, lifetime_section
from cltv_ml.reporting.sections.monitoring import monitoring_answers, monitoring_facts, monitoring_sections
from cltv_ml.reporting.sections.products import products_section
from cltv_ml.reporting.sections.quality import comparison_table, quality_figures, quality_section

__all__ = [
    "CHANGE",
    "NO_ORDER",
    "TrainingNotes",
    "against_headline",
    "attribute_account_section",
    "by_attribute_section",
    "campaign_section",
    "change_section",
    "comparison_table",
    "customers_section",
    "data_section",
    "diagnostics_section",
    "doubts_section",
    "explanation_section",
    "groups_section",
    "horizons_section",
    "level_section",
    "lifetime_fact",
    "lifetime_section",
    "lookup_table",
    "money_section",
    "monitoring_answers",
    "monitoring_facts",
    "monitoring_sections",
    "products_section",
    "quality_figures",
    "quality_section",
    "tell_change",
    "tell_lists_apart",
    "terms_in_words",
    "unknown_campaign_section",
    "unknown_change_section",
]
