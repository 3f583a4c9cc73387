"""The bill: what a run used times AWS's prices, and the same for a month of pictures. Without free tiers and taxes."""

from typing import NamedTuple

PRICES_OF = "us-east-1; Lambda's of September 2026, the others list prices that may have changed since"
GB = 1024**3
MONTH_DAYS = 30


class Price(NamedTuple):
    usd: float
    per: float
    """So many units cost that."""
    unit: str
    source: str


PRICES = {
    "lambda-gb-s": Price(0.0000166667, 1, "GB-s", "aws.amazon.com/lambda/pricing"),
    "lambda-gb-s-arm64": Price(0.0000133334, 1, "GB-s", "aws.amazon.com/lambda/pricing"),
    "lambda-requests": Price(0.20, 1e6, "M", "aws.amazon.com/lambda/pricing"),
    "http-api": Price(1.00, 1e6, "M of 512 KB", "aws.amazon.com/api-gateway/pricing"),
    "sqs": Price(0.40, 1e6, "M of 64 KB", "aws.amazon.com/sqs/pricing"),
    "s3-put": Price(0.005, 1e3, "1,000", "aws.amazon.com/s3/pricing"),
    "s3-get": Price(0.0004, 1e3, "1,000", "aws.amazon.com/s3/pricing"),
    "s3-storage": Price(0.023, 1, "GB-month", "aws.amazon.com/s3/pricing"),
    "transfer-out": Price(0.09, 1, "GB", "aws.amazon.com/ec2/pricing/on-demand"),
    "logs": Price(0.50, 1, "GB", "aws.amazon.com/cloudwatch/pricing"),
}


class Used(NamedTuple):
    """A quantity that has a price. `monthly` is a month's, where it doesn't grow with the pictures as the rest does."""

    label: str
    price: str
    quantity: float
    monthly: float | None = None


class Line(NamedTuple):
    label: str
    price: Price
    quantity: float
    usd: float
    month_quantity: float
    month_usd: float


def lines(used: list[Used], pictures: int, month: int) -> list[Line]:
    """The bill of a run with so many pictures, and of a month with `month` of them."""
    made = []
    for each in used:
        price = PRICES[each.price]
        monthly = each.quantity / pictures * month if each.monthly is None else each.monthly
        cost, month_cost = (amount / price.per * price.usd for amount in (each.quantity, monthly))
        made.append(Line(each.label, price, each.quantity, cost, monthly, month_cost))
    return made


IDLE_POLLS_A_MONTH = 2 * 3 * 60 * 24 * MONTH_DAYS
"""Lambda keeps two pollers at an idle queue, each of which asks every 20 seconds."""
