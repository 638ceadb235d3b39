"""/dashboard/integrations/ad-platforms/entities: campaigns, ad sets and creatives with what they spent and brought."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from integrations.models import AdDay, AdEntity
from integrations.queries import ad_platforms as queries
from integrations.queries.ad_platforms import Asked, EntityRow
from integrations.views import ad_words
from integrations.views.ad_charts import course
from stratum.lib.refusal import Missing
from stratum.lib.routes import route
from stratum.lib.sheets import csv_lines
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest

COLUMNS = (
    "platform", "account", "kind", "id", "name", "parent", "status", "effective_status", "budget", "budget_period",
    "bid", "currency", "spend_30d", "impressions_30d", "clicks_30d", "conversions_30d", "revenue_30d", "roas_30d",
)  # fmt: skip
SERIES = 90  # days


@require_safe
@access.page("view")
def ad_entity_list(request: MemberRequest) -> HttpResponse:
    asked = asked_of(request)
    page = queries.page_of(queries.entities(request.workspace, asked, now=request.now), request.GET.get("page", "1"))
    parent = queries.entity(request.workspace, asked.parent) if asked.parent else None
    context = {
        "page": page,
        "rows": [shown(row) for row in queries.with_figures(page.object_list, now=request.now)],
        "asked": asked,
        "parent": parent,
        "accounts": queries.accounts(request.workspace),
        "tabs": [_tab(request, kind, words[0]) for kind, words in ad_words.KINDS.items()],
        "kind": ad_words.KINDS[asked.kind][0],
        "query": request.GET.urlencode(),
        "filtered": bool(asked.account or asked.status or asked.text or asked.parent),
        "may_export": request.actor.may("export"),
        "days": queries.DAYS,
    }
    template = "integrations/ad_platforms/entities.html"
    return render(request, f"{template}#rows" if request.htmx else template, context)


@require_safe
@access.page("export")
def ad_entity_csv(request: MemberRequest) -> StreamingHttpResponse:
    found = list(queries.entities(request.workspace, asked_of(request), now=request.now))
    rows = queries.with_figures(found, now=request.now)
    answer = StreamingHttpResponse(csv_lines(_lines(rows)), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="ad-entities.csv"'
    return answer


@require_safe
@access.page("view")
def ad_entity(request: MemberRequest, entity_id: int) -> HttpResponse:
    entity = queries.entity(request.workspace, entity_id)
    if entity is None:
        raise Missing
    [row] = queries.with_figures([entity], now=request.now)
    series = queries.series(request.workspace, entity_id, now=request.now, days=SERIES)
    currency = entity.account.currency
    context = {
        **shown(row),
        "children": _children(request, entity),
        "spec": course(series, currency) if series else None,
        "caption": _caption(series, currency),
        "series": [_day(one, currency) for one in reversed(series)],
        "days": queries.DAYS,
    }
    return render(request, "integrations/ad_platforms/entity.html", context)


def asked_of(request: MemberRequest) -> Asked:
    """What cannot be read counts as not asked."""
    given = request.GET
    return Asked(
        account=_number(given.get("account", "")),
        kind=given.get("kind", "") if given.get("kind") in ad_words.KINDS else "campaign",
        status=given.get("status", "") if given.get("status") in ad_words.ENTITIES else "",
        parent=_number(given.get("parent", "")),
        text=given.get("q", "").strip()[:100].replace("\x00", ""),
        sort=given.get("sort", "") if given.get("sort") in queries.SORTS else "spend",
    )


def shown(row: EntityRow) -> dict[str, Any]:
    entity, figures, currency = row.entity, row.figures, row.entity.account.currency
    return {
        "entity": entity,
        "mark": ad_words.ENTITIES[entity.status],
        "budget": ad_words.money(entity.budget, currency) if entity.budget is not None else "",
        "bid": ad_words.money(entity.bid, currency) if entity.bid is not None else "",
        "spend": ad_words.money(figures.spend, currency),
        "spend_number": ad_words.large(figures.spend, currency),
        "revenue_number": ad_words.large(figures.revenue, currency),
        "revenue": ad_words.money(figures.revenue, currency),
        "roas": ad_words.ratio(figures.roas),
        "cost": ad_words.money(figures.cost, currency),
        "conversions": ad_words.count(figures.conversions),
        "impressions": f"{figures.impressions:,}",
        "clicks": f"{figures.clicks:,}",
        "shared_with": ", ".join(entity.details.get("budget_shared_with", [])),
        "word": ad_words.KINDS[entity.kind][1],
    }


def _children(request: MemberRequest, entity: AdEntity) -> tuple[str, str] | None:
    """Words and query of the list of what is below."""
    below = {"campaign": "adset", "adset": "creative"}.get(entity.kind)
    if below is None:
        return None
    return ad_words.KINDS[below][0], urlencode({"kind": below, "parent": str(entity.pk)})


def _caption(series: list[AdDay], currency: str) -> str:
    spend = ad_words.money(sum((one.spend for one in series), Decimal(0)), currency)
    conversions = ad_words.count(sum((one.conversions for one in series), Decimal(0)))
    return f"{len(series)} days with delivery: {spend} spent, {conversions} conversions."


def _day(one: AdDay, currency: str) -> dict[str, Any]:
    return {
        "day": one.day,
        "spend": ad_words.money(one.spend, currency),
        "conversions": ad_words.count(one.conversions),
        "revenue": ad_words.money(one.revenue, currency),
        "impressions": one.impressions,
        "clicks": one.clicks,
    }


def _tab(request: MemberRequest, kind: str, label: str) -> dict[str, Any]:
    """Other filters stay; a parent belongs to one kind only."""
    kept: dict[str, str] = {
        name: str(request.GET[name]) for name in ("account", "status", "q", "sort") if request.GET.get(name)
    }
    kept["kind"] = kind
    return {"url": f"?{urlencode(kept)}", "label": label, "active": kind == asked_of(request).kind}


def _lines(rows: list[EntityRow]) -> Iterator[tuple[object, ...]]:
    yield COLUMNS
    for row in rows:
        one, sums = row.entity, row.figures
        yield (
            one.account.platform, one.account.name, one.kind, one.external_id, one.name,
            one.parent.name if one.parent else "", one.status, one.effective_status, one.budget, one.budget_period,
            one.bid, one.account.currency, sums.spend, sums.impressions, sums.clicks, sums.conversions, sums.revenue,
            None if sums.roas is None else round(sums.roas, 4),
        )  # fmt: skip


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0


PLACE = "dashboard/integrations/ad-platforms"
urlpatterns = [
    route(f"{PLACE}/entities", ad_entity_list, "ad_entity_list"),
    route(f"{PLACE}/entities.csv", ad_entity_csv, "ad_entity_csv"),
    route(f"{PLACE}/entities/<int:entity_id>", ad_entity, "ad_entity"),
]
