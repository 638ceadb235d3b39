"""Conversations as the team's page shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from stratum.lib.refusal import Missing
from stratum.support.models import Conversation, Message
from stratum.workspaces.models import Workspace

MOST_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Said:
    """`who` is a member's name, a program's, or Support."""

    who: str
    from_support: bool
    text: str
    at: datetime


def conversations(workspace: Workspace) -> Sequence[Conversation]:
    """Those that the page shows."""
    return list(conversation_list(workspace)[:MOST_SHOWN])


def conversation_list(workspace: Workspace) -> QuerySet[Conversation]:
    """Those with the newest message first."""
    return workspace.conversations.select_related("created_by").order_by("-last_at", "pk")


def conversation(workspace: Workspace, conversation_id: UUID) -> Conversation:
    found = workspace.conversations.filter(pk=conversation_id).first()
    if found is None:
        raise Missing("There is no conversation with that address in this workspace.")
    return found


def said(conversation: Conversation) -> list[Said]:
    rows = conversation.messages.select_related("author", "api_key").order_by("id")
    return [Said(_who(row), row.from_support, row.text, row.at) for row in rows]


def _who(message: Message) -> str:
    if message.from_support:
        return "Support"
    if message.api_key is not None:
        return f"API key {message.api_key.name}"
    return str(message.author or "A former member")
