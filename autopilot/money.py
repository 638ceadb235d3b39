"""Amounts as people read them. Pure."""

from decimal import ROUND_HALF_EVEN, Decimal

SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CAD": "CA$", "AUD": "A$", "CHF": "CHF "}
# Currencies without a minor unit: half a yen cannot be spent.
WHOLE = frozenset({"JPY", "KRW", "CLP", "COP", "CRC", "HUF", "ISK", "IDR", "PYG", "TWD", "VND"})


def smallest(currency: str) -> Decimal:
    return Decimal(1) if currency in WHOLE else Decimal("0.01")


def rounded(amount: Decimal, currency: str) -> Decimal:
    """To what the currency can hold."""
    return amount.quantize(smallest(currency), ROUND_HALF_EVEN)


def words(amount: Decimal | float | None, currency: str) -> str:
    """`$500`, `$512.50`, `500 SEK`."""
    if amount is None:
        return "none"
    value = rounded(Decimal(str(amount)), currency)
    shown = f"{abs(value):.0f}" if value == value.to_integral_value() else f"{abs(value):.2f}"
    minus = "-" if value < 0 else ""
    sign = SIGNS.get(currency)
    return f"{minus}{sign}{shown}" if sign else f"{minus}{shown} {currency}".strip()
