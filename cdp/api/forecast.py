"""/api/v1/cdp/segments/<id>/forecast and /history: where a segment is heading, and where it came from."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from cdp.models import SegmentDay
from cdp.queries import forecast as queries
from cdp.queries import segments
from cdp.services import forecast as services
from stratum.lib.paging import LIMIT, paged, refuse_unknown_filters
from stratum.lib.routes import route
from stratum.lib.serializers import Problem
from stratum.workspaces.authentication import ApiRequest

TAGS = ["Segments"]
PROBLEMS = {401: Problem, 403: Problem, 404: Problem}
PAGING = [OpenApiParameter("limit", LIMIT, description="At most 200."), OpenApiParameter("cursor", str)]


class SegmentDayShape(serializers.ModelSerializer[SegmentDay]):
    date = serializers.DateField(source="day")

    class Meta:
        model = SegmentDay
        fields = ("date", "size", "entered", "exited", "reconstructed")


class SegmentDayPageShape(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = SegmentDayShape(many=True)


class HistoryPointShape(serializers.Serializer[Any]):
    date = serializers.DateField()
    size = serializers.IntegerField()
    entered = serializers.IntegerField()
    exited = serializers.IntegerField()


class ForecastPointShape(serializers.Serializer[Any]):
    date = serializers.DateField()
    expected = serializers.FloatField()
    low80 = serializers.FloatField()
    high80 = serializers.FloatField()
    low95 = serializers.FloatField()
    high95 = serializers.FloatField()


class BacktestShape(serializers.Serializer[Any]):
    error = serializers.FloatField(help_text="Mean error of earlier trials, as a share of the size.")
    coverage80 = serializers.FloatField(allow_null=True, help_text="Share of trials inside their 80 % interval.")


class ForecastShape(serializers.Serializer[Any]):
    method = serializers.ChoiceField(["last_value", "net_flow", "constant_exit_rate", "cohorts"])
    low_confidence = serializers.BooleanField(help_text="Less than twice as many days of history.")
    history = HistoryPointShape(many=True)
    forecast = ForecastPointShape(many=True)
    entry_rate = serializers.FloatField(help_text="Entries a day, over the last 28 days.")
    exit_rate = serializers.FloatField(help_text="Share of members leaving on a day, over the last 28 days.")
    backtest = BacktestShape()


class SegmentForecastApi(APIView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        summary="Forecast the size of a segment",
        description="409 with the reason where there are fewer days of history than asked for.",
        parameters=[OpenApiParameter("days", int, enum=queries.HORIZONS, description="30 when left out.")],
        responses={200: ForecastShape, 422: Problem} | PROBLEMS,
    )
    def get(self, request: ApiRequest, segment_id: UUID) -> Response:
        refuse_unknown_filters(request, "days")
        horizon = queries.horizon_of(request.query_params.get("days", "30"))
        segment = segments.get(request.workspace, segment_id)
        row = services.kept(workspace=request.workspace, segment=segment, horizon=horizon, now=request.now)
        known = queries.history(request.workspace, segment, request.now)
        past = zip(known.size.tolist(), known.entered.tolist(), known.exited.tolist(), strict=True)
        return Response(
            {
                "method": row.method,
                "low_confidence": row.low_confidence,
                "history": [
                    {"date": known.date(day), "size": size, "entered": entered, "exited": exited}
                    for day, (size, entered, exited) in enumerate(past)
                ],
                "forecast": [{"date": one["day"], **{k: one[k] for k in one if k != "day"}} for one in row.points],
                "entry_rate": row.entry_rate,
                "exit_rate": row.exit_rate,
                "backtest": {name: row.backtest[name] for name in ("error", "coverage80")},
            }
        )


class SegmentHistoryApi(APIView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        summary="Read the daily size of a segment",
        description="The latest day first; today as it stands so far.",
        parameters=PAGING,
        responses={200: SegmentDayPageShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest, segment_id: UUID) -> Response:
        refuse_unknown_filters(request)
        found = queries.days(segments.get(request.workspace, segment_id))
        return paged(self, request, found, "-day", lambda rows: SegmentDayShape(rows, many=True).data)


HERE = "api/v1/cdp/segments/<uuid:segment_id>"
urlpatterns = [
    route(f"{HERE}/forecast", SegmentForecastApi.as_view(), "api_segment_forecast"),
    route(f"{HERE}/history", SegmentHistoryApi.as_view(), "api_segment_history"),
]
