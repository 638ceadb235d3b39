"""What ad platforms look like on the wire. Secrets go in and never come out."""

from typing import Any

from rest_framework import serializers

from integrations.models import AdSyncRun
from integrations.queries.ad_platforms import AccountCard, ConnectionCard, EntityRow, Figures
from stratum.lib.serializers import StrictSerializer


class ConnectBody(StrictSerializer):
    """Meta needs `access_token`; Google `client_id`, `client_secret` and `refresh_token`."""

    platform = serializers.ChoiceField(choices=["meta", "google"])
    access_token = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    client_id = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    client_secret = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    refresh_token = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    login_customer_id = serializers.CharField(required=False, allow_blank=True, max_length=20)
    developer_token = serializers.CharField(required=False, allow_blank=True, max_length=2000)


class AccountsBody(StrictSerializer):
    accounts = serializers.ListField(child=serializers.CharField(max_length=64), max_length=500)


class FiguresShape(serializers.Serializer[Any]):
    """Of the last 30 days. Money as decimal text in the account's currency."""

    spend = serializers.CharField()
    impressions = serializers.IntegerField()
    clicks = serializers.IntegerField()
    conversions = serializers.CharField()
    revenue = serializers.CharField()
    roas = serializers.CharField(allow_null=True)


class AdAccountShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    external_id = serializers.CharField()
    name = serializers.CharField()
    currency = serializers.CharField()
    time_zone = serializers.CharField()
    conversion_action = serializers.CharField(allow_blank=True)
    synced_until = serializers.DateField(allow_null=True)
    campaigns = serializers.IntegerField()
    last_30_days = FiguresShape()


class AdConnectionShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    platform = serializers.ChoiceField(choices=["meta", "google"])
    name = serializers.CharField()
    sandbox = serializers.BooleanField()
    state = serializers.ChoiceField(choices=["connected", "needs_attention", "disconnected"])
    problem = serializers.CharField(allow_null=True, help_text="A sentence, while something is wrong.")
    token_hint = serializers.CharField(allow_blank=True, help_text="The last four characters.")
    created_at = serializers.DateTimeField()
    last_sync_at = serializers.DateTimeField(allow_null=True)
    next_sync_at = serializers.DateTimeField(allow_null=True)
    waits_until = serializers.DateTimeField(allow_null=True)
    accounts = AdAccountShape(many=True)


class AdConnectionsShape(serializers.Serializer[Any]):
    results = AdConnectionShape(many=True)


class OfferedShape(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    currency = serializers.CharField()
    time_zone = serializers.CharField()
    active = serializers.BooleanField()
    chosen = serializers.BooleanField()
    chosen_through = serializers.CharField(allow_null=True, help_text="Another connection that has it.")


class OfferedAccountsShape(serializers.Serializer[Any]):
    results = OfferedShape(many=True)


class AdSyncRunShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=["running", "succeeded", "failed", "waiting"])
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    accounts = serializers.IntegerField()
    entities = serializers.IntegerField()
    days = serializers.IntegerField()
    error = serializers.CharField(allow_null=True)


class AdSyncRunsShape(serializers.Serializer[Any]):
    results = AdSyncRunShape(many=True)


class AdEntityShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    platform = serializers.ChoiceField(choices=["meta", "google"])
    account = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=["campaign", "adset", "creative"])
    external_id = serializers.CharField()
    parent = serializers.IntegerField(allow_null=True)  # type: ignore[assignment]
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=["active", "paused", "removed"])
    effective_status = serializers.CharField(allow_blank=True)
    budget = serializers.CharField(allow_null=True)
    budget_period = serializers.CharField(allow_blank=True)
    budget_shared_with = serializers.ListField(child=serializers.CharField())
    bid = serializers.CharField(allow_null=True)
    currency = serializers.CharField()
    learning = serializers.BooleanField()
    changed_at = serializers.DateTimeField(allow_null=True)
    seen_at = serializers.DateTimeField()
    last_30_days = FiguresShape()


class AdEntityPageShape(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = AdEntityShape(many=True)


class AdDayShape(serializers.Serializer[Any]):
    day = serializers.DateField()
    spend = serializers.CharField()
    impressions = serializers.IntegerField()
    clicks = serializers.IntegerField()
    conversions = serializers.CharField()
    revenue = serializers.CharField()


class AdEntityDetailShape(AdEntityShape):
    days = AdDayShape(many=True, help_text="The last 90.")


def connection_json(card: ConnectionCard) -> dict[str, Any]:
    one = card.connection
    return {
        "id": one.pk,
        "platform": one.platform,
        "name": one.name,
        "sandbox": one.sandbox,
        "state": one.state,
        "problem": one.problem or None,
        "token_hint": one.token_hint,
        "created_at": one.created_at,
        "last_sync_at": one.last_sync_at,
        "next_sync_at": one.next_sync_at,
        "waits_until": one.waits_until,
        "accounts": [_account_json(account) for account in card.accounts],
    }


def _account_json(card: AccountCard) -> dict[str, Any]:
    one = card.account
    return {
        "id": one.pk,
        "external_id": one.external_id,
        "name": one.name,
        "currency": one.currency,
        "time_zone": one.time_zone,
        "conversion_action": one.conversion_action,
        "synced_until": one.synced_until,
        "campaigns": card.entities,
        "last_30_days": figures_json(card.figures),
    }


def figures_json(figures: Figures) -> dict[str, Any]:
    return {
        "spend": f"{figures.spend:.2f}",
        "impressions": figures.impressions,
        "clicks": figures.clicks,
        "conversions": f"{figures.conversions:f}",
        "revenue": f"{figures.revenue:.2f}",
        "roas": None if figures.roas is None else f"{figures.roas:.4f}",
    }


def run_json(run: AdSyncRun) -> dict[str, Any]:
    return {
        "id": run.pk,
        "state": run.state,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "accounts": run.accounts,
        "entities": run.entities,
        "days": run.days,
        "error": run.error or None,
    }


def entity_json(row: EntityRow) -> dict[str, Any]:
    one = row.entity
    return {
        "id": one.pk,
        "platform": one.account.platform,
        "account": one.account_id,
        "kind": one.kind,
        "external_id": one.external_id,
        "parent": one.parent_id,
        "name": one.name,
        "status": one.status,
        "effective_status": one.effective_status,
        "budget": None if one.budget is None else f"{one.budget:.2f}",
        "budget_period": one.budget_period,
        "budget_shared_with": one.details.get("budget_shared_with", []),
        "bid": None if one.bid is None else f"{one.bid:.2f}",
        "currency": one.account.currency,
        "learning": one.learning,
        "changed_at": one.changed_at,
        "seen_at": one.seen_at,
        "last_30_days": figures_json(row.figures),
    }
