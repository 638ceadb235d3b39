"""/api/v1/cdp/rfm: customers by recency, frequency and monetary value."""

from dataclasses import asdict
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from cdp.queries import rfm as queries
from cdp.queries.rfm import Report
from cdp.rfm.groups import NAMES, NO_PURCHASES
from cdp.rfm.scores import CutOffs
from cdp.services import rfm as services
from stratum.lib.paging import refuse_unknown_filters
from stratum.lib.routes import route
from stratum.lib.serializers import Problem
from stratum.workspaces.authentication import ApiRequest
from stratum.workspaces.conditional import TaggedView

TAGS = ["RFM"]
PROBLEMS = {401: Problem, 403: Problem}
METHODS = ["relative", "fixed"]


class RfmGroupShape(serializers.Serializer[Any]):
    group = serializers.CharField()
    size = serializers.IntegerField()
    rate = serializers.FloatField(help_text="Share of the customers.")
    revenue = serializers.CharField(help_text="A decimal, in `currency`.")
    revenue_share = serializers.FloatField()
    mean_recency_days = serializers.FloatField(allow_null=True)
    mean_orders = serializers.FloatField(allow_null=True)
    mean_spend = serializers.CharField(allow_null=True, help_text="A decimal, in `currency`.")
    action = serializers.CharField()


class RfmCellShape(serializers.Serializer[Any]):
    r = serializers.IntegerField()
    f = serializers.IntegerField()
    size = serializers.IntegerField()
    revenue = serializers.CharField(help_text="A decimal, in `currency`.")


class RfmMonthShape(serializers.Serializer[Any]):
    date = serializers.DateField(help_text="As the day began.")
    groups = serializers.DictField(child=serializers.IntegerField())
    is_whole = serializers.BooleanField(
        help_text="False where some orders that counted then have expired and nothing of them is kept."
    )


class RfmMoveShape(serializers.Serializer[Any]):
    before = serializers.CharField()
    after = serializers.CharField()
    size = serializers.IntegerField()


class RfmShape(serializers.Serializer[Any]):
    as_of = serializers.DateTimeField()
    look_back_days = serializers.IntegerField()
    currency = serializers.CharField()
    customers = serializers.IntegerField(help_text="Profiles with at least one purchase in the look-back.")
    no_purchases = serializers.IntegerField()
    method = serializers.ChoiceField(METHODS, help_text="Compared with each other, or by fixed cut-offs under 50.")
    left_out = serializers.IntegerField(help_text="Purchases in other currencies, whose amounts do not count.")
    groups = RfmGroupShape(many=True)
    grid = RfmCellShape(many=True)
    months = RfmMonthShape(many=True)
    moves_since = serializers.DateField()
    moves = RfmMoveShape(many=True)


class RfmCutOffsShape(serializers.Serializer[Any]):
    """What still earns 5, 4, 3 and 2."""

    recency = serializers.ListField(child=serializers.IntegerField(), help_text="Days at most, ascending.")
    orders = serializers.ListField(child=serializers.IntegerField(), help_text="At least, descending.")
    spend = serializers.ListField(child=serializers.FloatField(), help_text="At least, descending.")


class RfmApi(APIView):
    right = "view"

    @extend_schema(tags=TAGS, summary="Score the customers", responses={200: RfmShape, 503: Problem} | PROBLEMS)
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request)
        return Response(_shape(queries.report(request.workspace, now=request.now)))


class RfmCutOffsApi(TaggedView):
    rights: ClassVar = {"GET": "view", "PUT": "build"}

    @extend_schema(
        tags=TAGS,
        summary="Read the fixed cut-offs",
        description="They hold while there are fewer than 50 customers.",
        responses={200: RfmCutOffsShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        queries.require_feature(request.workspace)
        return _cut_offs(queries.cut_offs(request.workspace))

    @extend_schema(
        tags=TAGS,
        summary="Change the fixed cut-offs",
        request=RfmCutOffsShape,
        responses={200: RfmCutOffsShape, 422: Problem} | PROBLEMS,
    )
    def put(self, request: ApiRequest) -> Response:
        return _cut_offs(services.save_cut_offs(workspace=request.workspace, body=request.data, now=request.now))


def _cut_offs(told: CutOffs) -> Response:
    return Response({name: list(values) for name, values in asdict(told).items()})


def _amount(money: float) -> str:
    """As money is everywhere in the API: a decimal string."""
    return f"{money:.2f}"


def _shape(found: Report) -> dict[str, Any]:
    return {
        "as_of": found.as_of,
        "look_back_days": found.look_back,
        "currency": found.currency,
        "customers": found.customers,
        "no_purchases": found.others,
        "method": METHODS[not found.is_relative],
        "left_out": found.foreign,
        "groups": [
            {
                "group": line.name,
                "size": line.size,
                "rate": line.rate,
                "revenue": _amount(line.revenue),
                "revenue_share": line.revenue_share,
                "mean_recency_days": line.recency,
                "mean_orders": line.orders,
                "mean_spend": None if line.spend is None else _amount(line.spend),
                "action": line.action,
            }
            for line in found.groups
        ],
        "grid": [asdict(cell) | {"revenue": _amount(cell.revenue)} for cell in found.cells],
        "months": [
            {
                "date": month.day,
                "groups": dict(zip((name for name in NAMES if name != NO_PURCHASES), month.sizes, strict=True)),
                "is_whole": month.is_whole,
            }
            for month in found.months
        ],
        "moves_since": found.since,
        "moves": [asdict(move) for move in found.moves],
    }


urlpatterns = [
    route("api/v1/cdp/rfm", RfmApi.as_view(), "api_rfm"),
    route("api/v1/cdp/rfm/cut-offs", RfmCutOffsApi.as_view(), "api_rfm_cut_offs"),
]
