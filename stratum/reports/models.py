"""What people keep of what they saw: a page as they had set it, and tables as files."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models

from stratum.workspaces.models import ApiKey, Job, Workspace


class SavedView(models.Model):
    """A page with its whole state, under a name. Private to who made it unless shared with the team."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="saved_views")
    page = models.CharField(max_length=200, help_text="Its path, such as /dashboard/cdp/profiles.")
    name = models.CharField(max_length=120)
    query = models.TextField(blank=True, help_text="What follows the question mark.")
    shared = models.BooleanField(default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "page", "created_by", "name"],
                condition=models.Q(deleted_at=None),
                name="one_view_of_a_name",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def address(self) -> str:
        return f"{self.page}?{self.query}" if self.query else self.page


class Export(models.Model):
    """A table written to a file by a job; `rows`, `size` and `expires_at` are known once it is there."""

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        JSON = "json", "JSON"
        PDF = "pdf", "PDF"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="exports")
    job = models.OneToOneField(Job, models.CASCADE, related_name="export")
    exporter = models.CharField(max_length=60, help_text="A name of the registry.")
    parameters = models.JSONField(default=dict)
    format = models.CharField(max_length=4, choices=Format.choices)
    title = models.CharField(max_length=200)
    filename = models.CharField(max_length=200)
    rows = models.PositiveBigIntegerField(null=True)
    size = models.PositiveBigIntegerField(null=True, help_text="In bytes.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    api_key = models.ForeignKey(ApiKey, models.SET_NULL, null=True, related_name="+", help_text="Of a program.")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.filename

    def is_there(self, now: datetime) -> bool:
        return self.expires_at is not None and now < self.expires_at
