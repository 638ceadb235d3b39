"""/api/v1: the workspace, its keys and its jobs."""

from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from stratum.lib.paging import LIMIT, paged, refuse_unknown_filters
from stratum.lib.refusal import Refusal
from stratum.lib.serializers import Problem, StrictSerializer
from stratum.workspaces import jobs, limits, plans, queries, roles, services
from stratum.workspaces.authentication import ApiRequest
from stratum.workspaces.conditional import TaggedView
from stratum.workspaces.models import ApiKey, Job, Member, Workspace, WriteKey

PROBLEMS = {401: Problem, 403: Problem}
PAGING = [OpenApiParameter("limit", LIMIT, description="At most 200."), OpenApiParameter("cursor", str)]


class UsageShape(serializers.Serializer[Any]):
    meter = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    used = serializers.IntegerField()
    limit = serializers.IntegerField(allow_null=True)


class WorkspaceShape(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    plan = serializers.ChoiceField(choices=list(plans.PLANS))
    time_zone = serializers.CharField()
    currency = serializers.CharField()
    default_country = serializers.CharField()
    churn_days = serializers.IntegerField()
    holds_sample_data = serializers.BooleanField()
    features = serializers.ListField(child=serializers.CharField())
    usage = UsageShape(many=True)


class MemberShape(serializers.ModelSerializer[Member]):
    name = serializers.CharField(source="user.name")
    email = serializers.EmailField(source="user.email")
    role = serializers.ChoiceField(choices=list(roles.ROLES))

    class Meta:
        model = Member
        fields = ["id", "name", "email", "role", "joined_at"]


class ApiKeyShape(serializers.ModelSerializer[ApiKey]):
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=list(roles.SCOPES)))

    class Meta:
        model = ApiKey
        fields = ["id", "name", "prefix", "scopes", "created_at", "expires_at", "revoked_at", "last_used_at"]


class WriteKeyShape(serializers.ModelSerializer[WriteKey]):
    class Meta:
        model = WriteKey
        fields = ["id", "name", "prefix", "client_side", "created_at", "revoked_at"]


class PageShape(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class MemberPageShape(PageShape):
    results = MemberShape(many=True)


class ApiKeyPageShape(PageShape):
    results = ApiKeyShape(many=True)


class WriteKeyPageShape(PageShape):
    results = WriteKeyShape(many=True)


class NewApiKeyShape(ApiKeyShape):
    key = serializers.CharField(help_text="Shown now and never again.")

    class Meta(ApiKeyShape.Meta):
        fields = ["key", *ApiKeyShape.Meta.fields]


class NewWriteKeyShape(WriteKeyShape):
    key = serializers.CharField(help_text="Shown now and never again.")

    class Meta(WriteKeyShape.Meta):
        fields = ["key", *WriteKeyShape.Meta.fields]


class IssueApiKey(StrictSerializer):
    name = serializers.CharField(max_length=80)
    scopes = serializers.ListField(child=serializers.CharField(max_length=20), required=False, max_length=20)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class IssueWriteKey(StrictSerializer):
    name = serializers.CharField(max_length=80)
    client_side = serializers.BooleanField(default=False)


class JobShape(serializers.ModelSerializer[Job]):
    class Meta:
        model = Job
        fields = [
            "id",
            "kind",
            "state",
            "done",
            "total",
            "message",
            "result",
            "error",
            "created_at",
            "started_at",
            "finished_at",
        ]


class WorkspacePatch(StrictSerializer):
    """Any of the fields."""

    name = serializers.CharField(max_length=120, required=False)
    time_zone = serializers.CharField(max_length=64, required=False)
    currency = serializers.CharField(max_length=3, required=False)
    default_country = serializers.CharField(max_length=2, required=False)
    churn_days = serializers.IntegerField(min_value=1, max_value=3_650, required=False)


class WorkspaceView(TaggedView):
    rights: ClassVar = {"GET": "view", "PATCH": "connect"}
    passing = frozenset({"usage"})

    @extend_schema(responses={200: WorkspaceShape, **PROBLEMS}, operation_id="workspace_get", tags=["Workspace"])
    def get(self, request: ApiRequest) -> Response:
        """The workspace of the key or session, with its plan's features and meters."""
        return Response(WorkspaceShape(_workspace(request)).data)

    @extend_schema(
        request=WorkspacePatch,
        responses={200: WorkspaceShape, 422: Problem, **PROBLEMS},
        operation_id="workspace_change",
        tags=["Workspace"],
    )
    def patch(self, request: ApiRequest) -> Response:
        """Change its settings."""
        changes = parsed(WorkspacePatch, request)
        services.change_settings(workspace=request.workspace, by=request.actor, now=request.now, **changes)
        return Response(WorkspaceShape(_workspace(request)).data)


class ApiKeysView(APIView):
    right = "manage"

    @extend_schema(
        responses={200: ApiKeyPageShape, **PROBLEMS}, operation_id="api_keys_list", parameters=PAGING, tags=["Keys"]
    )
    def get(self, request: ApiRequest) -> Response:
        """Every API key, revoked ones too, without their secrets."""
        refuse_unknown_filters(request)
        return listed(request, self, request.workspace.api_keys.all(), ApiKeyShape)

    @extend_schema(
        request=IssueApiKey,
        responses={201: NewApiKeyShape, 422: Problem, **PROBLEMS},
        operation_id="api_keys_issue",
        tags=["Keys"],
    )
    def post(self, request: ApiRequest) -> Response:
        """Issue a key. The answer alone holds its text."""
        key, text = services.issue_api_key(
            workspace=request.workspace, by=request.actor, now=request.now, **parsed(IssueApiKey, request)
        )
        return Response({"key": text, **ApiKeyShape(key).data}, status=status.HTTP_201_CREATED)


class ApiKeyView(APIView):
    right = "manage"

    @extend_schema(responses={204: None, 404: Problem, **PROBLEMS}, operation_id="api_keys_revoke", tags=["Keys"])
    def delete(self, request: ApiRequest, key_id: int) -> Response:
        """Revoke a key at once and for good."""
        services.revoke_api_key(workspace=request.workspace, key_id=key_id, by=request.actor, now=request.now)
        return Response(status=status.HTTP_204_NO_CONTENT)


class RotateApiKey(StrictSerializer):
    overlap_hours = serializers.IntegerField(default=24, min_value=0, max_value=720)


class ApiKeyRotateView(APIView):
    right = "manage"

    @extend_schema(
        request=RotateApiKey,
        responses={201: NewApiKeyShape, 404: Problem, 422: Problem, **PROBLEMS},
        operation_id="api_keys_rotate",
        tags=["Keys"],
    )
    def post(self, request: ApiRequest, key_id: int) -> Response:
        """Issue a successor that may do the same. The old key works on for a while, so that programs can change."""
        hours = parsed(RotateApiKey, request)["overlap_hours"]
        key, text = services.rotate_api_key(
            workspace=request.workspace,
            key_id=key_id,
            by=request.actor,
            now=request.now,
            overlap=timedelta(hours=hours),
        )
        return Response({"key": text, **ApiKeyShape(key).data}, status=status.HTTP_201_CREATED)


class WriteKeysView(APIView):
    right = "manage"

    @extend_schema(
        responses={200: WriteKeyPageShape, **PROBLEMS}, operation_id="write_keys_list", parameters=PAGING, tags=["Keys"]
    )
    def get(self, request: ApiRequest) -> Response:
        """Every source's write key, revoked ones too, without their secrets."""
        refuse_unknown_filters(request)
        return listed(request, self, request.workspace.write_keys.all(), WriteKeyShape)

    @extend_schema(
        request=IssueWriteKey,
        responses={201: NewWriteKeyShape, 422: Problem, **PROBLEMS},
        operation_id="write_keys_issue",
        tags=["Keys"],
    )
    def post(self, request: ApiRequest) -> Response:
        """Issue a source's write key. The answer alone holds its text."""
        key, text = services.issue_write_key(
            workspace=request.workspace, by=request.actor, now=request.now, **parsed(IssueWriteKey, request)
        )
        return Response({"key": text, **WriteKeyShape(key).data}, status=status.HTTP_201_CREATED)


class WriteKeyView(APIView):
    right = "manage"

    @extend_schema(responses={204: None, 404: Problem, **PROBLEMS}, operation_id="write_keys_revoke", tags=["Keys"])
    def delete(self, request: ApiRequest, key_id: int) -> Response:
        """Revoke a write key at once and for good; what it sent stays."""
        services.revoke_write_key(workspace=request.workspace, key_id=key_id, by=request.actor, now=request.now)
        return Response(status=status.HTTP_204_NO_CONTENT)


class JobView(APIView):
    rights = {"GET": "view", "DELETE": "build"}

    @extend_schema(responses={200: JobShape, 404: Problem, **PROBLEMS}, operation_id="jobs_get", tags=["Jobs"])
    def get(self, request: ApiRequest, job_id: UUID) -> Response:
        """Progress and result of long work."""
        return Response(JobShape(queries.job(request.workspace, job_id)).data)

    @extend_schema(responses={200: JobShape, 404: Problem, **PROBLEMS}, operation_id="jobs_cancel", tags=["Jobs"])
    def delete(self, request: ApiRequest, job_id: UUID) -> Response:
        """Cancel it. 409 when it had ended already."""
        job = queries.job(request.workspace, job_id)
        if not jobs.cancel(workspace=request.workspace, job_id=job.pk, by=request.actor, now=request.now):
            raise Refusal("job_ended", f"This job has {job.state} already.")
        return Response(JobShape(queries.job(request.workspace, job_id)).data)


def _workspace(request: ApiRequest) -> dict[str, Any]:
    workspace: Workspace = request.workspace
    settings = ("slug", "name", "plan", "time_zone", "currency", "default_country", "churn_days", "holds_sample_data")
    return {
        **{name: getattr(workspace, name) for name in settings},
        "features": [flag for flag in plans.FEATURES if flag in plans.of(workspace).features],
        "usage": limits.usages(workspace, now=request.now),
    }


def parsed(shape: type[StrictSerializer], request: ApiRequest) -> dict[str, Any]:
    parsed = shape(data=request.data)
    parsed.is_valid(raise_exception=True)
    return dict(parsed.validated_data)


def listed(request: ApiRequest, view: APIView, rows: Any, shape: type[serializers.BaseSerializer[Any]]) -> Response:
    return paged(view, request, rows, "-id", lambda page: shape(page, many=True).data)
