"""What a workspace and a write key decide about reading."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

# Segment's e-commerce and e-mail specifications in both of their spellings, and the names that e-mail services use in
# their own exports (Klaviyo's metrics, Braze's Currents). Left out: names too general to mean one thing ("Open").
DEFAULT_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "Products Searched": "search",
        "Product List Viewed": "view_product_list",
        "Viewed Product Category": "view_product_list",
        "Product Clicked": "click_product",
        "Product Viewed": "view_content",
        "Viewed Product": "view_content",
        "Product Added": "add_to_cart",
        "Added Product": "add_to_cart",
        "Product Removed": "remove_from_cart",
        "Removed Product": "remove_from_cart",
        "Product Added to Wishlist": "add_to_wishlist",
        "Cart Viewed": "view_cart",
        "Checkout Started": "initiate_checkout",
        "Started Checkout": "initiate_checkout",
        "Payment Info Entered": "add_payment_info",
        "Order Completed": "purchase",
        "Completed Order": "purchase",
        "Order Refunded": "refund",
        "Order Cancelled": "order_cancelled",
        "Email Delivered": "email_delivered",
        "Received Email": "email_delivered",
        "users.messages.email.Delivery": "email_delivered",
        "Email Opened": "email_opened",
        "Opened Email": "email_opened",
        "users.messages.email.Open": "email_opened",
        "Email Link Clicked": "email_clicked",
        "Email Clicked": "email_clicked",
        "Clicked Email": "email_clicked",
        "users.messages.email.Click": "email_clicked",
        "Email Bounced": "email_bounced",
        "Bounced Email": "email_bounced",
        "users.messages.email.Bounce": "email_bounced",
        "Email Marked as Spam": "email_marked_as_spam",
        "Marked Email as Spam": "email_marked_as_spam",
    }
)


@dataclass(frozen=True, slots=True)
class Rules:
    """`aliases` is the whole table in force: `{**DEFAULT_ALIASES, **the workspace's own lines}`.

    `default_country` is an ISO 3166 code ("DE") by which phone numbers without a country are read; "" reads none.
    `client_side` says that the key's messages come from browsers and phones, whose clocks may be wrong.
    """

    aliases: Mapping[str, str]
    default_country: str
    retention_days: int
    client_side: bool
