"""/api/v1/members and /api/v1/invitations: who is on the team, with which role, and who was asked to join."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from stratum.lib.paging import refuse_unknown_filters
from stratum.lib.serializers import Problem, StrictSerializer
from stratum.workspaces import queries, roles, services
from stratum.workspaces.api.workspace import PAGING, PROBLEMS, MemberPageShape, MemberShape, PageShape, listed, parsed
from stratum.workspaces.authentication import ApiRequest
from stratum.workspaces.conditional import TaggedView
from stratum.workspaces.models import Invitation

TAGS = ["Team"]
WRITTEN = {422: Problem} | PROBLEMS


class RoleBody(StrictSerializer):
    role = serializers.ChoiceField(choices=list(roles.ROLES))


class InvitationBody(RoleBody):
    email = serializers.EmailField(max_length=254)


class InvitationShape(serializers.ModelSerializer[Invitation]):
    role = serializers.ChoiceField(choices=list(roles.ROLES))

    class Meta:
        model = Invitation
        fields = ["id", "email", "role", "created_at", "expires_at", "accepted_at"]


class NewInvitationShape(InvitationShape):
    link = serializers.CharField(help_text="Mailed, shown now and never again.")

    class Meta(InvitationShape.Meta):
        fields = ["link", *InvitationShape.Meta.fields]


class InvitationPageShape(PageShape):
    results = InvitationShape(many=True)


class MembersView(APIView):
    right = "view"

    @extend_schema(
        responses={200: MemberPageShape, **PROBLEMS}, operation_id="members_list", parameters=PAGING, tags=TAGS
    )
    def get(self, request: ApiRequest) -> Response:
        """The team."""
        refuse_unknown_filters(request)
        return listed(request, self, request.workspace.members.select_related("user"), MemberShape)


class MemberView(TaggedView):
    rights: ClassVar = {"GET": "view", "PATCH": "manage", "DELETE": "manage"}

    @extend_schema(responses={200: MemberShape, 404: Problem, **PROBLEMS}, operation_id="members_get", tags=TAGS)
    def get(self, request: ApiRequest, member_id: int) -> Response:
        """One of the team."""
        return Response(MemberShape(queries.member(request.workspace, member_id)).data)

    @extend_schema(
        request=RoleBody,
        responses={200: MemberShape, 404: Problem, **WRITTEN},
        operation_id="members_change",
        tags=TAGS,
    )
    def patch(self, request: ApiRequest, member_id: int) -> Response:
        """Give another role. Only an owner makes or changes one, and the last one stays."""
        member = services.change_role(
            workspace=request.workspace,
            member_id=member_id,
            by=request.actor,
            now=request.now,
            **parsed(RoleBody, request),
        )
        return Response(MemberShape(member).data)

    @extend_schema(responses={204: None, 404: Problem, **PROBLEMS}, operation_id="members_remove", tags=TAGS)
    def delete(self, request: ApiRequest, member_id: int) -> Response:
        """Take them off the team; what they made stays."""
        services.remove_member(workspace=request.workspace, member_id=member_id, by=request.actor, now=request.now)
        return Response(status=204)


class InvitationsView(APIView):
    right = "manage"

    @extend_schema(
        responses={200: InvitationPageShape, **PROBLEMS}, operation_id="invitations_list", parameters=PAGING, tags=TAGS
    )
    def get(self, request: ApiRequest) -> Response:
        """Every invitation, accepted and lapsed ones too, without their links."""
        refuse_unknown_filters(request)
        return listed(request, self, request.workspace.invitations.all(), InvitationShape)

    @extend_schema(
        request=InvitationBody,
        responses={201: NewInvitationShape, **WRITTEN},
        operation_id="invitations_send",
        tags=TAGS,
    )
    def post(self, request: ApiRequest) -> Response:
        """Invite somebody by e-mail. It holds a place of the plan until it lapses after seven days."""
        invitation, link = services.invite(
            workspace=request.workspace, by=request.actor, now=request.now, **parsed(InvitationBody, request)
        )
        return Response({"link": link, **InvitationShape(invitation).data}, status=201)


class InvitationView(APIView):
    right = "manage"

    @extend_schema(responses={204: None, 404: Problem, **PROBLEMS}, operation_id="invitations_withdraw", tags=TAGS)
    def delete(self, request: ApiRequest, invitation_id: int) -> Response:
        """Withdraw it: its link opens nothing any more."""
        services.revoke_invitation(
            workspace=request.workspace, invitation_id=invitation_id, by=request.actor, now=request.now
        )
        return Response(status=204)
