"""/api/v1/notifications: who is told what and when, what became of it, and Slack."""

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from stratum.lib.paging import LIMIT, paged, refuse_unknown_filters
from stratum.lib.routes import route
from stratum.lib.serializers import Problem, StrictSerializer
from stratum.notifications import queries
from stratum.notifications.models import Message, NotificationSettings, Subscription
from stratum.notifications.registry import Kind, ordered_kinds
from stratum.notifications.services import preferences, sending
from stratum.notifications.services.preferences import Wanted, WantedKind
from stratum.workspaces.authentication import ApiRequest
from stratum.workspaces.conditional import TaggedView
from stratum.workspaces.models import Workspace

TAGS = ["Notifications"]
PROBLEMS = {401: Problem, 403: Problem}
PAGING = [OpenApiParameter("limit", LIMIT, description="At most 200."), OpenApiParameter("cursor", str)]
PLAIN = ("minimum_severity", "time_zone", "critical_at_once", "summary_hour", "report_weekday")


class QuietHoursBody(StrictSerializer):
    until = serializers.IntegerField(min_value=0, max_value=23)

    def get_fields(self) -> dict[str, Any]:
        """`from` is no name that Python lets a class have."""
        return {"from": serializers.IntegerField(min_value=0, max_value=23), **super().get_fields()}


class KindBody(StrictSerializer):
    """Any of the fields; those that are left out stay."""

    kind = serializers.CharField(max_length=40)
    slack = serializers.BooleanField(required=False)
    members = serializers.ListField(
        child=serializers.IntegerField(), required=False, max_length=100, help_text="Ids of those who get an e-mail."
    )
    options = serializers.ListField(child=serializers.CharField(max_length=40), required=False, max_length=40)


class NotificationsPatch(StrictSerializer):
    """Any of the fields; those that are left out stay, and so do kinds that are not named."""

    minimum_severity = serializers.ChoiceField(choices=NotificationSettings.Severity.choices, required=False)
    time_zone = serializers.CharField(max_length=64, required=False)
    quiet_hours = QuietHoursBody(required=False, allow_null=True)
    critical_at_once = serializers.BooleanField(required=False)
    summary_hour = serializers.IntegerField(min_value=0, max_value=23, required=False)
    report_weekday = serializers.IntegerField(min_value=0, max_value=6, required=False, help_text="From Monday, 0.")
    kinds = KindBody(many=True, required=False)


class KindShape(serializers.Serializer[Any]):
    kind = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    slack = serializers.BooleanField()
    members = serializers.ListField(child=serializers.IntegerField())
    options = serializers.ListField(child=serializers.CharField())
    known_options = serializers.ListField(child=serializers.CharField())


class SlackShape(serializers.Serializer[Any]):
    connected = serializers.BooleanField()
    hint = serializers.CharField(allow_null=True, help_text="The last characters of the webhook's address.")
    problem = serializers.CharField(allow_null=True, help_text="Why nothing arrives any more.")


class NotificationsShape(serializers.Serializer[Any]):
    minimum_severity = serializers.ChoiceField(choices=NotificationSettings.Severity.choices)
    time_zone = serializers.CharField()
    quiet_hours = QuietHoursBody(allow_null=True)
    critical_at_once = serializers.BooleanField()
    summary_hour = serializers.IntegerField()
    report_weekday = serializers.IntegerField()
    kinds = KindShape(many=True)
    slack = SlackShape()


class MessageShape(serializers.ModelSerializer[Message]):
    kind = serializers.CharField(source="announcement.kind")
    title = serializers.CharField(source="announcement.title")

    class Meta:
        model = Message
        fields = [
            *("id", "kind", "title", "channel", "email", "state", "attempts", "next_attempt_at", "repeated"),
            *("reason", "created_at", "sent_at"),
        ]


class MessagePageShape(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = MessageShape(many=True)


class SlackBody(StrictSerializer):
    url = serializers.CharField(max_length=400, help_text="https://hooks.slack.com/services/…; never told again.")


class NotificationsApi(TaggedView):
    rights: ClassVar = {"GET": "view", "PATCH": "connect"}

    @extend_schema(
        tags=TAGS,
        operation_id="notifications_get",
        summary="Read who is told what and when",
        responses={200: NotificationsShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        return Response(_told(request.workspace))

    @extend_schema(
        tags=TAGS,
        operation_id="notifications_change",
        summary="Change who is told what and when",
        request=NotificationsPatch,
        responses={200: NotificationsShape, 422: Problem} | PROBLEMS,
    )
    def patch(self, request: ApiRequest) -> Response:
        body = NotificationsPatch(data=request.data)
        body.is_valid(raise_exception=True)
        preferences.save(
            workspace=request.workspace,
            by=request.actor,
            wanted=_wanted(request.workspace, body.validated_data),
            by_kind=_by_kind(request.workspace, body.validated_data.get("kinds", [])),
            now=request.now,
        )
        return Response(_told(request.workspace))


class MessageListApi(APIView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        operation_id="notifications_messages",
        summary="What became of each message",
        description="The newest first; kept for 90 days.",
        parameters=PAGING,
        responses={200: MessagePageShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request)
        found = queries.messages(request.workspace)
        return paged(self, request, found, ("-created_at", "-id"), lambda rows: MessageShape(rows, many=True).data)


class SlackApi(APIView):
    rights: ClassVar = {"PUT": "connect", "DELETE": "connect"}

    @extend_schema(
        tags=TAGS,
        operation_id="slack_connect",
        summary="Connect Slack",
        description="An incoming webhook; a new address replaces the one before.",
        request=SlackBody,
        responses={200: SlackShape, 422: Problem} | PROBLEMS,
    )
    def put(self, request: ApiRequest) -> Response:
        body = SlackBody(data=request.data)
        body.is_valid(raise_exception=True)
        preferences.connect_slack(
            workspace=request.workspace, by=request.actor, url=body.validated_data["url"], now=request.now
        )
        return Response(_slack(request.workspace))

    @extend_schema(
        tags=TAGS,
        operation_id="slack_disconnect",
        summary="Disconnect Slack",
        description="Its address is forgotten.",
        responses={204: None, 404: Problem} | PROBLEMS,
    )
    def delete(self, request: ApiRequest) -> Response:
        preferences.disconnect_slack(workspace=request.workspace, by=request.actor, now=request.now)
        return Response(status=204)


class SlackTestApi(APIView):
    right = "connect"

    @extend_schema(
        tags=TAGS,
        operation_id="slack_test",
        summary="Send a test to Slack",
        request=None,
        responses={200: MessageShape, 404: Problem} | PROBLEMS,
    )
    def post(self, request: ApiRequest) -> Response:
        message = sending.send_test(workspace=request.workspace, by=request.actor, now=request.now)
        return Response(MessageShape(message).data)


def _told(workspace: Workspace) -> dict[str, Any]:
    row, chosen = queries.settings_of(workspace), queries.subscriptions(workspace)
    quiet = None if row.quiet_from is None else {"from": row.quiet_from, "until": row.quiet_until}
    return {
        **{name: getattr(row, name) for name in PLAIN},
        "quiet_hours": quiet,
        "kinds": [_kind(kind, chosen.get(kind.name)) for kind in ordered_kinds()],
        "slack": _slack(workspace),
    }


def _kind(kind: Kind, subscription: Subscription | None) -> dict[str, Any]:
    known = [value for value, _ in kind.options]
    return {
        "kind": kind.name,
        "label": kind.label,
        "slack": subscription is not None and subscription.slack,
        "members": sorted(member.pk for member in subscription.members.all()) if subscription else [],
        "options": subscription.options if subscription else known,
        "known_options": known,
    }


def _slack(workspace: Workspace) -> dict[str, Any]:
    connection = queries.slack_of(workspace)
    problem = connection.broken_reason if connection and connection.broken_at else None
    return {"connected": connection is not None, "hint": connection and connection.hint, "problem": problem}


def _wanted(workspace: Workspace, given: Mapping[str, Any]) -> Wanted:
    row = queries.settings_of(workspace)
    quiet = None if row.quiet_from is None or row.quiet_until is None else (row.quiet_from, row.quiet_until)
    if "quiet_hours" in given:
        hours = given["quiet_hours"]
        quiet = hours and (hours["from"], hours["until"])
    return Wanted(quiet=quiet, **{name: given.get(name, getattr(row, name)) for name in PLAIN})


def _by_kind(workspace: Workspace, given: list[Mapping[str, Any]]) -> dict[str, WantedKind]:
    """What is left out of a kind stays as it is."""
    present = {kind["kind"]: kind for kind in _told(workspace)["kinds"]}
    empty = {"slack": False, "members": [], "options": []}
    merged = {one["kind"]: {**present.get(one["kind"], empty), **one} for one in given}
    return {name: WantedKind(one["slack"], one["members"], one["options"]) for name, one in merged.items()}


urlpatterns = [
    route("api/v1/notifications", NotificationsApi.as_view(), "api_notifications"),
    route("api/v1/notifications/messages", MessageListApi.as_view(), "api_notification_messages"),
    route("api/v1/integrations/slack", SlackApi.as_view(), "api_slack"),
    route("api/v1/integrations/slack/test", SlackTestApi.as_view(), "api_slack_test"),
]
