"""Pipedrive's persons and deals as they were seen last (docs/pipedrive.md). `remote_id` is Pipedrive's."""

from django.db import models

from integrations.models.pipedrive import PipedriveConnection


class PipedrivePerson(models.Model):
    """The mirror: a person as Pipedrive showed it last, to find it without a call."""

    connection = models.ForeignKey(PipedriveConnection, models.CASCADE, db_index=False, related_name="persons")
    remote_id = models.BigIntegerField()
    name = models.CharField(max_length=300, blank=True)
    emails = models.JSONField(default=list, help_text="In lower case.")
    phones = models.JSONField(default=list, help_text="In E.164 where they can be read so.")
    profile_id = models.BigIntegerField(null=True, help_text="What our profile id field says.")
    values = models.JSONField(default=dict, help_text="By code of the mapped field.")
    labels = models.JSONField(default=list)
    update_time = models.DateTimeField(null=True)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "remote_id"], name="pipedrive_person_once")]
        indexes = [models.Index(fields=["connection", "profile_id"], name="pipedrive_person_profile")]

    def __str__(self) -> str:
        return self.name


class PipedriveAddress(models.Model):
    """By what a mirrored person is found: one row per e-mail address and phone number."""

    connection = models.ForeignKey(PipedriveConnection, models.CASCADE, db_index=False, related_name="+")
    kind = models.CharField(max_length=5, help_text="email or phone.")
    value = models.CharField(max_length=254)
    remote_id = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "kind", "value", "remote_id"], name="pipedrive_address_once")
        ]
        indexes = [models.Index(fields=["connection", "remote_id"], name="pipedrive_address_of")]
        verbose_name_plural = "pipedrive addresses"

    def __str__(self) -> str:
        return self.value


class PipedriveDeal(models.Model):
    """A deal as it was seen last, and the event that stands for it.

    `parked` says why there is none though the deal is won.
    """

    connection = models.ForeignKey(PipedriveConnection, models.CASCADE, db_index=False, related_name="deals")
    remote_id = models.BigIntegerField()
    title = models.CharField(max_length=300, blank=True)
    status = models.CharField(max_length=10)
    value = models.DecimalField(max_digits=20, decimal_places=6, default=0)
    currency = models.CharField(max_length=3, blank=True)
    won_at = models.DateTimeField(null=True)
    person_id = models.BigIntegerField(null=True)
    is_archived = models.BooleanField(default=False)
    is_deleted = models.BooleanField(default=False)
    update_time = models.DateTimeField(null=True)
    revision = models.PositiveIntegerField(default=0, help_text="Of its event; each correction has the next.")
    message_id = models.CharField(max_length=120, blank=True, help_text="Of the event that counts; empty for none.")
    told = models.JSONField(null=True, help_text="What that event says.")
    parked = models.CharField(max_length=300, blank=True)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "remote_id"], name="pipedrive_deal_once")]
        indexes = [models.Index(fields=["connection", "person_id"], name="pipedrive_deal_of")]

    def __str__(self) -> str:
        return self.title
