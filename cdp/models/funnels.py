"""A saved funnel: a definition; its numbers come from the engine."""

import uuid

from django.conf import settings
from django.db import models

from stratum.workspaces.models import Workspace


class Funnel(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="funnels")
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    definition = models.JSONField(help_text="steps, mode, window, counting, exclusions: the shape of the API.")
    version = models.PositiveIntegerField(default=1, help_text="Grows with each change of the definition.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "name"], condition=models.Q(archived_at=None), name="one_funnel_of_a_name"
            )
        ]

    def __str__(self) -> str:
        return self.name
