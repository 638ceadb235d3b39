"""Computed traits to start from: the tutorial's examples, as it prints them."""

from collections.abc import Mapping
from dataclasses import dataclass

TOTAL_SPEND = """\
Name: total_spend_30d
Type: Aggregation
Aggregation: SUM
Event: purchase
Property: revenue
Time Window: 30 days
Update Frequency: Daily
"""
PURCHASE_FREQUENCY = """\
Name: purchase_frequency_30d
Type: Aggregation
Aggregation: COUNT
Event: purchase
Time Window: 30 days
"""
FAVORITE_CATEGORY = """\
Name: favorite_category
Type: Most Frequent
Event: purchase
Property: category
Time Window: 90 days
"""
DAYS_SINCE_PURCHASE = """\
Name: days_since_purchase
Type: Last
Event: purchase
Property: timestamp
Calculation: DAYS_SINCE
"""
AVERAGE_ORDER_VALUE = """\
Name: average_order_value
Type: Aggregation
Aggregation: AVG
Event: purchase
Property: revenue
Time Window: All time
"""


@dataclass(frozen=True, slots=True)
class Template:
    """`yaml` as the tutorial prints it, `label` what people read instead of the name."""

    name: str
    label: str
    sentence: str
    yaml: str


TEMPLATES: Mapping[str, Template] = {
    template.name: template
    for template in (
        Template(
            "total_spend_30d",
            "Total Spend (30 Days)",
            "What each customer spent in the last 30 days, counted anew every day.",
            TOTAL_SPEND,
        ),
        Template(
            "purchase_frequency_30d",
            "Purchase Frequency",
            "How often each customer bought in the last 30 days.",
            PURCHASE_FREQUENCY,
        ),
        Template(
            "favorite_category",
            "Favorite Product Category",
            "The category each customer bought from most often in the last 90 days.",
            FAVORITE_CATEGORY,
        ),
        Template(
            "days_since_purchase",
            "Days Since Last Purchase",
            "How long ago each customer bought last, in days.",
            DAYS_SINCE_PURCHASE,
        ),
        Template(
            "average_order_value",
            "Average Order Value",
            "What an order of each customer came to on average, of all time.",
            AVERAGE_ORDER_VALUE,
        ),
    )
}
