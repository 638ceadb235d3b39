"""/api/v1/support/conversations: what a team asks support, and what is answered."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from stratum.lib.paging import LIMIT, paged, refuse_unknown_filters
from stratum.lib.serializers import Problem, StrictSerializer
from stratum.support import queries, services
from stratum.support.models import Conversation
from stratum.workspaces.authentication import ApiRequest

TAGS = ["Support"]
PROBLEMS = {401: Problem, 403: Problem}
ONE = {404: Problem} | PROBLEMS
PAGING = [OpenApiParameter("limit", LIMIT, description="At most 200."), OpenApiParameter("cursor", str)]


class ReplyBody(StrictSerializer):
    text = serializers.CharField(max_length=services.LONGEST_TEXT)


class QuestionBody(ReplyBody):
    subject = serializers.CharField(max_length=services.LONGEST_SUBJECT)


class SaidShape(serializers.Serializer[Any]):
    who = serializers.CharField()
    from_support = serializers.BooleanField()
    text = serializers.CharField()
    at = serializers.DateTimeField()


class ConversationShape(serializers.ModelSerializer[Conversation]):
    created_by = serializers.CharField(allow_null=True, help_text="None for a program's.")

    class Meta:
        model = Conversation
        fields = ["id", "subject", "created_by", "created_at", "last_at", "waits_for_support", "closed_at"]


class WholeConversationShape(ConversationShape):
    messages = serializers.SerializerMethodField()

    class Meta(ConversationShape.Meta):
        fields = [*ConversationShape.Meta.fields, "messages"]

    @extend_schema_field(SaidShape(many=True))
    def get_messages(self, conversation: Conversation) -> Any:
        return SaidShape(queries.said(conversation), many=True).data


class ConversationPageShape(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ConversationShape(many=True)


class ConversationListApi(APIView):
    rights: ClassVar = {"GET": "view", "POST": "build"}

    @extend_schema(
        operation_id="conversations_list",
        tags=TAGS,
        summary="List conversations with support",
        description="Those with the newest message first.",
        parameters=PAGING,
        responses={200: ConversationPageShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request)
        found = queries.conversation_list(request.workspace)
        return paged(self, request, found, ("-last_at", "pk"), lambda rows: ConversationShape(rows, many=True).data)

    @extend_schema(
        operation_id="conversations_create",
        tags=TAGS,
        summary="Ask support",
        request=QuestionBody,
        responses={201: WholeConversationShape, 422: Problem} | PROBLEMS,
    )
    def post(self, request: ApiRequest) -> Response:
        parsed = QuestionBody(data=request.data)
        parsed.is_valid(raise_exception=True)
        asked = services.ask(workspace=request.workspace, by=request.actor, now=request.now, **parsed.validated_data)
        return Response(WholeConversationShape(asked).data, status=201)


class ConversationApi(APIView):
    right = "view"

    @extend_schema(
        operation_id="conversations_get",
        tags=TAGS,
        summary="Read a conversation",
        responses={200: WholeConversationShape} | ONE,
    )
    def get(self, request: ApiRequest, conversation_id: UUID) -> Response:
        refuse_unknown_filters(request)
        return Response(WholeConversationShape(queries.conversation(request.workspace, conversation_id)).data)


class ConversationReplyApi(APIView):
    right = "build"

    @extend_schema(
        operation_id="conversations_write",
        tags=TAGS,
        summary="Write to support again",
        description="Opens what was closed.",
        request=ReplyBody,
        responses={201: WholeConversationShape, 422: Problem} | ONE,
    )
    def post(self, request: ApiRequest, conversation_id: UUID) -> Response:
        parsed = ReplyBody(data=request.data)
        parsed.is_valid(raise_exception=True)
        held = services.reply(
            workspace=request.workspace,
            by=request.actor,
            conversation_id=conversation_id,
            text=parsed.validated_data["text"],
            now=request.now,
        )
        return Response(WholeConversationShape(held).data, status=201)


class ConversationCloseApi(APIView):
    right = "build"

    @extend_schema(
        operation_id="conversations_close",
        tags=TAGS,
        summary="Close a conversation",
        request=None,
        responses={200: WholeConversationShape} | ONE,
    )
    def post(self, request: ApiRequest, conversation_id: UUID) -> Response:
        held = services.close(
            workspace=request.workspace, by=request.actor, conversation_id=conversation_id, now=request.now
        )
        return Response(WholeConversationShape(held).data)
