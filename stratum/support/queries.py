"""Conversations as the team's page shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from stratum.lib.refusal import Missing
from stratum.support.models import Conversation, Message
from stratum.workspaces.models import Workspace

MOST_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Said:
    """`who` is a member's name, or Support."""

    who: str
    from_support: bool
    text: str
    at: datetime


def conversations(workspace: Workspace) -> Sequence[Conversation]:
    """Those with the newest message first."""
    return list(workspace.conversations.select_related("created_by").order_by("-last_at", "pk")[:MOST_SHOWN])


def conversation(workspace: Workspace, conversation_id: UUID) -> Conversation:
    found = workspace.conversations.filter(pk=conversation_id).first()
    if found is None:
        raise Missing("There is no conversation with that address in this workspace.")
    return found


def said(conversation: Conversation) -> list[Said]:
    rows = conversation.messages.select_related("author").order_by("id")
    return [Said(_who(row), row.from_support, row.text, row.at) for row in rows]


def _who(message: Message) -> str:
    return "Support" if message.from_support else str(message.author or "A former member")
