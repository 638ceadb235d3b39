"""/api/v1/autopilot/rules: made, changed, tested over history, switched on and off."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from autopilot.api.actions import PAGING, PROBLEMS, TAGS
from autopilot.api.shapes import ObjectField, ObjectsField
from autopilot.models import Rule, RuleRun
from autopilot.queries import rules as queries
from autopilot.rules import definitions
from autopilot.rules.templates import TEMPLATES
from autopilot.services import rule_runs
from autopilot.services import rules as services
from stratum.lib.paging import paged, refuse_unknown_filters
from stratum.lib.routes import route
from stratum.lib.serializers import Problem, StrictSerializer
from stratum.workspaces.authentication import ApiRequest
from stratum.workspaces.conditional import TaggedView

WRITTEN = {404: Problem, 422: Problem} | PROBLEMS


class RuleBody(StrictSerializer):
    name = serializers.CharField(max_length=120)
    template = serializers.ChoiceField(choices=list(TEMPLATES), required=False, allow_blank=True)
    definition = ObjectField(
        required=False, help_text="scope, when, then, every; the template's own where it is left out."
    )


class RulePatch(StrictSerializer):
    """Any of the fields. `enabled` needs a test of this version."""

    name = serializers.CharField(max_length=120, required=False)
    definition = ObjectField(required=False)
    enabled = serializers.BooleanField(required=False)


class RuleShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    template = serializers.CharField(allow_null=True)
    definition = ObjectField()
    sentence = serializers.CharField()
    version = serializers.IntegerField()
    tested_version = serializers.IntegerField()
    enabled = serializers.BooleanField()
    conflicts = serializers.ListField(child=serializers.CharField(), help_text="Other rules that get in its way.")
    currencies = serializers.CharField(allow_null=True, help_text="What its amounts mean in accounts of several.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    last_run_at = serializers.DateTimeField(allow_null=True)
    next_run_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: Rule) -> dict[str, Any]:
        plain = ("name", "definition", "version", "tested_version", "enabled")
        times = ("created_at", "updated_at", "last_run_at", "next_run_at")
        return {
            "id": str(instance.pk),
            "template": instance.template or None,
            "sentence": definitions.sentence(definitions.parse(instance.definition)),
            "conflicts": queries.conflicts(instance, self.context.get("running")),
            "currencies": (self.context.get("is_mixed", True) and queries.currencies(instance)) or None,
            **{name: getattr(instance, name) for name in (*plain, *times)},
        }


class RulePageShape(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = RuleShape(many=True)


class RuleTestShape(serializers.Serializer[Any]):
    version = serializers.IntegerField()
    at = serializers.DateTimeField()
    looked_at = serializers.IntegerField(help_text="Entities in scope.")
    met = serializers.IntegerField(help_text="That meet the conditions now.")
    proposed = serializers.IntegerField(help_text="What it would have proposed in 30 days.")
    days = ObjectsField()
    entities = ObjectsField()
    assumes = serializers.ListField(child=serializers.CharField())
    problem = serializers.CharField(allow_null=True)

    def to_representation(self, instance: RuleRun) -> dict[str, Any]:
        plain = ("version", "at", "looked_at", "met", "proposed")
        history = instance.history or {}
        return {
            **{name: getattr(instance, name) for name in plain},
            **{name: history.get(name, []) for name in ("days", "entities", "assumes")},
            "problem": instance.problem or None,
        }


class RuleListApi(APIView):
    rights: ClassVar = {"GET": "view", "POST": "build"}

    @extend_schema(
        tags=TAGS,
        operation_id="autopilot_rules_list",
        summary="List rules",
        parameters=PAGING,
        responses={200: RulePageShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request)
        found, workspace = queries.find(request.workspace), request.workspace
        known = {"running": queries.enabled(workspace.pk), "is_mixed": queries.currencies_of(workspace) > 1}

        def told(rows: list[Rule]) -> Any:
            return RuleShape(rows, many=True, context=known).data

        return paged(self, request, found, ("-created_at", "-id"), told)

    @extend_schema(
        tags=TAGS,
        operation_id="autopilot_rules_create",
        summary="Make a rule",
        description="From a template with your scope and thresholds; other conditions need custom_autopilot_rules.",
        request=RuleBody,
        responses={201: RuleShape} | WRITTEN,
    )
    def post(self, request: ApiRequest) -> Response:
        body = RuleBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        template = given.get("template", "")
        usual = TEMPLATES[template].body if template else {}
        rule = services.create(
            workspace=request.workspace,
            by=request.actor,
            name=given["name"],
            template=template,
            body=given.get("definition", usual),
            now=request.now,
        )
        return Response(RuleShape(rule).data, status=201)


class RuleApi(TaggedView):
    passing = frozenset({"conflicts", "last_run_at", "next_run_at"})
    rights: ClassVar = {"GET": "view", "PATCH": "build", "DELETE": "build"}

    @extend_schema(
        tags=TAGS,
        operation_id="autopilot_rules_get",
        summary="Read a rule",
        responses={200: RuleShape, 404: Problem} | PROBLEMS,
    )
    def get(self, request: ApiRequest, rule_id: UUID) -> Response:
        return Response(RuleShape(queries.get(request.workspace, rule_id)).data)

    @extend_schema(
        tags=TAGS,
        operation_id="autopilot_rules_patch",
        summary="Change a rule, or switch it on or off",
        request=RulePatch,
        responses={200: RuleShape} | WRITTEN,
    )
    def patch(self, request: ApiRequest, rule_id: UUID) -> Response:
        body = RulePatch(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        same: dict[str, Any] = {"workspace": request.workspace, "by": request.actor, "rule_id": rule_id}
        same["now"] = request.now
        rule = services.change(name=given.get("name"), body=given.get("definition"), **same)
        if "enabled" in given:
            rule = services.switch(on=given["enabled"], **same)
        return Response(RuleShape(rule).data)

    @extend_schema(
        tags=TAGS,
        operation_id="autopilot_rules_archive",
        summary="Archive a rule",
        responses={204: None, 404: Problem} | PROBLEMS,
    )
    def delete(self, request: ApiRequest, rule_id: UUID) -> Response:
        services.archive(workspace=request.workspace, by=request.actor, rule_id=rule_id, now=request.now)
        return Response(status=204)


class RuleDryRunApi(APIView):
    right = "build"

    @extend_schema(
        tags=TAGS,
        operation_id="autopilot_rules_dry_run",
        summary="Test a rule over the last 30 days",
        description="Whom it would have touched on each day. Nothing is proposed.",
        request=None,
        responses={200: RuleTestShape, 404: Problem} | PROBLEMS,
    )
    def post(self, request: ApiRequest, rule_id: UUID) -> Response:
        found = rule_runs.over_history(workspace=request.workspace, by=request.actor, rule_id=rule_id, now=request.now)
        return Response(RuleTestShape(found).data)


ROOM = "api/v1/autopilot/rules"
urlpatterns = [
    route(ROOM, RuleListApi.as_view(), "api_rule_list"),
    route(f"{ROOM}/<uuid:rule_id>", RuleApi.as_view(), "api_rule"),
    route(f"{ROOM}/<uuid:rule_id>/dry-run", RuleDryRunApi.as_view(), "api_rule_dry_run"),
]
