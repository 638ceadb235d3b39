"""What there is to change: entities of the chosen ad accounts."""

from dataclasses import dataclass

from django.db.models import Case, IntegerField, Value, When

from integrations.models import AdAccount, AdEntity
from stratum.workspaces.models import Workspace

MOST_CHOICES = 300


@dataclass(frozen=True, slots=True)
class Choice:
    id: int
    label: str
    account: str


def any_account(workspace: Workspace) -> bool:
    return AdAccount.objects.filter(workspace=workspace, chosen=True).exists()


def choices(workspace: Workspace, search: str = "") -> list[Choice]:
    """Campaigns first, then ad sets, then creatives."""
    level = Case(When(kind="campaign", then=Value(0)), When(kind="adset", then=Value(1)), default=Value(2))
    rows = AdEntity.objects.filter(workspace=workspace, account__chosen=True).exclude(status="removed")
    if search:
        rows = rows.filter(name__icontains=search)
    rows = rows.annotate(level=Case(default=level, output_field=IntegerField()))
    ordered = rows.select_related("account").order_by("level", "account__name", "name", "pk")[:MOST_CHOICES]
    return [
        Choice(
            row.pk,
            f"{row.get_kind_display()}: {row.name} ({row.get_status_display().lower()})",
            f"{row.account.name}, {row.account.currency}",
        )
        for row in ordered
    ]
