"""/api/v1/integrations/ad-platforms: connections, their accounts, syncing, and what was read."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from integrations.api.ad_platform_shapes import (
    AccountsBody,
    AdConnectionShape,
    AdConnectionsShape,
    AdEntityDetailShape,
    AdEntityPageShape,
    AdSyncRunsShape,
    ConnectBody,
    OfferedAccountsShape,
    connection_json,
    entity_json,
    run_json,
)
from integrations.models import AdEntity
from integrations.queries import ad_platforms as queries
from integrations.services import ad_connections as services
from stratum.lib.paging import LIMIT, paged, refuse_unknown_filters
from stratum.lib.refusal import Missing
from stratum.lib.routes import route
from stratum.lib.serializers import Problem
from stratum.workspaces.authentication import ApiRequest

TAGS = ["Ad platforms"]
PROBLEMS = {401: Problem, 403: Problem}
ONE = {404: Problem} | PROBLEMS
ASKED = {422: Problem, 503: Problem}  # what the platform refuses, or cannot answer
KINDS, STATUSES = ("campaign", "adset", "creative"), ("active", "paused", "removed")
FILTERS = ("account", "kind", "status", "search")


class AdPlatformListApi(APIView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        operation_id="v1_ad_platforms_list",
        summary="List connected ad platforms",
        responses={200: AdConnectionsShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request)
        cards = queries.connections(request.workspace, now=request.now)
        return Response({"results": [connection_json(card) for card in cards]})


class AdPlatformConnectApi(APIView):
    right = "connect"

    @extend_schema(
        tags=TAGS,
        summary="Connect an ad platform",
        description="The credentials are tried at once and stored encrypted. Choose accounts next.",
        request=ConnectBody,
        responses={201: AdConnectionShape} | PROBLEMS | ASKED,
    )
    def post(self, request: ApiRequest) -> Response:
        read = _read(ConnectBody, request)
        connection = services.connect(
            workspace=request.workspace,
            by=request.actor,
            platform=read.pop("platform"),
            credentials=read,
            now=request.now,
        )
        return _connection(request, connection.pk, status=201)


class AdConnectionApi(APIView):
    rights: ClassVar = {"GET": "view", "PUT": "connect", "DELETE": "connect"}

    @extend_schema(tags=TAGS, summary="Read a connection", responses={200: AdConnectionShape} | ONE)
    def get(self, request: ApiRequest, connection_id: int) -> Response:
        return _connection(request, connection_id)

    @extend_schema(
        tags=TAGS,
        summary="Replace the credentials of a connection",
        description="After a lost login or a disconnect. Accounts and what was read remain.",
        request=ConnectBody,
        responses={200: AdConnectionShape} | ONE | ASKED,
    )
    def put(self, request: ApiRequest, connection_id: int) -> Response:
        connection = services.get(request.workspace, connection_id)
        read = _read(ConnectBody, request)
        if read.pop("platform") != connection.platform:
            raise ValidationError({"platform": f"This connection is one of {connection.get_platform_display()}."})
        services.reconnect(
            workspace=request.workspace,
            by=request.actor,
            connection_id=connection_id,
            credentials=read,
            now=request.now,
        )
        return _connection(request, connection_id)

    @extend_schema(
        tags=TAGS,
        summary="Disconnect",
        description="The credentials are deleted; what was read stays.",
        responses={204: None} | ONE,
    )
    def delete(self, request: ApiRequest, connection_id: int) -> Response:
        services.disconnect(workspace=request.workspace, by=request.actor, connection_id=connection_id, now=request.now)
        return Response(status=204)


class AdAccountsApi(APIView):
    right = "connect"

    @extend_schema(
        tags=TAGS,
        operation_id="v1_ad_platforms_accounts",
        summary="List the accounts that a login reaches",
        responses={200: OfferedAccountsShape} | ONE | ASKED,
    )
    def get(self, request: ApiRequest, connection_id: int) -> Response:
        found = services.offered(workspace=request.workspace, by=request.actor, connection_id=connection_id)
        rows = [
            {
                "id": one.account.id,
                "name": one.account.name,
                "currency": one.account.currency,
                "time_zone": one.account.time_zone,
                "active": one.account.active,
                "chosen": one.chosen,
                "chosen_through": one.elsewhere or None,
            }
            for one in found
        ]
        return Response({"results": rows})

    @extend_schema(
        tags=TAGS,
        summary="Choose the accounts to sync",
        description="Exactly these. They count against the plan.",
        request=AccountsBody,
        responses={200: AdConnectionShape} | ONE | ASKED,
    )
    def put(self, request: ApiRequest, connection_id: int) -> Response:
        services.choose_accounts(
            workspace=request.workspace,
            by=request.actor,
            connection_id=connection_id,
            account_ids=_read(AccountsBody, request)["accounts"],
            now=request.now,
        )
        return _connection(request, connection_id)


class AdSyncApi(APIView):
    right = "connect"

    @extend_schema(
        tags=TAGS,
        summary="Sync now",
        request=None,
        responses={202: AdConnectionShape} | ONE,
    )
    def post(self, request: ApiRequest, connection_id: int) -> Response:
        services.sync_now(workspace=request.workspace, by=request.actor, connection_id=connection_id, now=request.now)
        return _connection(request, connection_id, status=202)


class AdSyncRunsApi(APIView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        operation_id="v1_ad_platforms_runs",
        summary="The last syncs of a connection",
        responses={200: AdSyncRunsShape} | ONE,
    )
    def get(self, request: ApiRequest, connection_id: int) -> Response:
        services.get(request.workspace, connection_id)
        runs = queries.runs(request.workspace, connection_id)
        return Response({"results": [run_json(run) for run in runs]})


class AdEntityListApi(APIView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        operation_id="v1_ad_entities_list",
        summary="List campaigns, ad sets and creatives",
        parameters=[
            OpenApiParameter("account", {"type": "integer", "minimum": 1, "maximum": 10**17}),
            OpenApiParameter("kind", str, enum=KINDS),
            OpenApiParameter("status", str, enum=STATUSES),
            OpenApiParameter("search", str, description="Part of the name."),
            OpenApiParameter("limit", LIMIT, description="At most 200."),
            OpenApiParameter("cursor", str),
        ],
        responses={200: AdEntityPageShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request, *FILTERS)
        found = AdEntity.objects.filter(workspace=request.workspace, **_filters(request))

        def told(rows: list[AdEntity]) -> list[dict[str, Any]]:
            return [entity_json(row) for row in queries.with_figures(rows, now=request.now)]

        return paged(self, request, found.select_related("account"), ("-id",), told)


class AdEntityApi(APIView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        operation_id="v1_ad_entities_read",
        summary="Read one with its last 90 days",
        responses={200: AdEntityDetailShape} | ONE,
    )
    def get(self, request: ApiRequest, entity_id: int) -> Response:
        entity = queries.entity(request.workspace, entity_id)
        if entity is None:
            raise Missing
        [row] = queries.with_figures([entity], now=request.now)
        days = [
            {
                "day": one.day,
                "spend": f"{one.spend:.2f}",
                "impressions": one.impressions,
                "clicks": one.clicks,
                "conversions": f"{one.conversions:f}",
                "revenue": f"{one.revenue:.2f}",
            }
            for one in queries.series(request.workspace, entity_id, now=request.now)
        ]
        return Response({**entity_json(row), "days": days})


def _read(body: type[ConnectBody | AccountsBody], request: ApiRequest) -> dict[str, Any]:
    read = body(data=request.data)
    read.is_valid(raise_exception=True)
    return dict(read.validated_data)


def _connection(request: ApiRequest, connection_id: int, status: int = 200) -> Response:
    card = queries.connection(request.workspace, connection_id, now=request.now)
    if card is None:
        raise Missing
    return Response(connection_json(card), status=status)


def _filters(request: ApiRequest) -> dict[str, object]:
    """Raises ValidationError."""
    asked, wrong = request.query_params, {}
    account = asked.get("account", "")
    if account and not (account.isascii() and account.isdigit() and 0 < len(account) <= 18):
        wrong["account"] = "Write the id of an account."
    for name, known in (("kind", KINDS), ("status", STATUSES)):
        if asked.get(name) and asked[name] not in known:
            wrong[name] = f"Choose of {', '.join(known)}."
    if "\x00" in asked.get("search", ""):
        wrong["search"] = "Text cannot hold a null character."
    if wrong:
        raise ValidationError(wrong)
    names = {"account": "account_id", "kind": "kind", "status": "status", "search": "name__icontains"}
    return {field: asked[name] for name, field in names.items() if asked.get(name)}


PLACE = "api/v1/integrations/ad-platforms"
urlpatterns = [
    route(PLACE, AdPlatformListApi.as_view(), "api_ad_platforms"),
    route(f"{PLACE}/connect", AdPlatformConnectApi.as_view(), "api_ad_platform_connect"),
    route(f"{PLACE}/entities", AdEntityListApi.as_view(), "api_ad_entities"),
    route(f"{PLACE}/entities/<int:entity_id>", AdEntityApi.as_view(), "api_ad_entity"),
    route(f"{PLACE}/<int:connection_id>", AdConnectionApi.as_view(), "api_ad_connection"),
    route(f"{PLACE}/<int:connection_id>/accounts", AdAccountsApi.as_view(), "api_ad_accounts"),
    route(f"{PLACE}/<int:connection_id>/sync", AdSyncApi.as_view(), "api_ad_sync"),
    route(f"{PLACE}/<int:connection_id>/runs", AdSyncRunsApi.as_view(), "api_ad_sync_runs"),
]
