"""What a team asked support, and what was answered."""

import uuid

from django.conf import settings
from django.db import models

from stratum.workspaces.models import ApiKey, Workspace


class Conversation(models.Model):
    """A question of a workspace and all that was said about it. The whole team reads it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="conversations")
    subject = models.CharField(max_length=120)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    last_at = models.DateTimeField(help_text="Of the newest message.")
    waits_for_support = models.BooleanField(default=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["workspace", "-last_at"], name="conversation_by_workspace")]

    def __str__(self) -> str:
        return self.subject


class Message(models.Model):
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="messages")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    api_key = models.ForeignKey(ApiKey, models.SET_NULL, null=True, related_name="+", help_text="Of a program.")
    from_support = models.BooleanField(default=False)
    text = models.TextField(max_length=5_000)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["conversation", "id"], name="message_by_conversation")]

    def __str__(self) -> str:
        return self.text[:60]
