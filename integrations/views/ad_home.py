"""Ad spend on the first page, and the step that invites to connect."""

from dataclasses import dataclass
from datetime import datetime

from integrations.queries import ad_platforms as queries
from integrations.views import ad_words
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import FirstStep, HomeCard


@dataclass(frozen=True, slots=True)
class Spend:
    """Of one currency, over 30 days."""

    currency: str
    spend: str
    roas: str
    conversions: str


def spend(workspace: Workspace, now: datetime) -> list[Spend]:
    """The largest first; empty while nothing has been read."""
    totals = sorted(queries.totals(workspace, now=now).items(), key=lambda one: one[1].spend, reverse=True)
    return [
        Spend(
            currency,
            ad_words.amount_in(figures.spend, currency),
            ad_words.ratio(figures.roas),
            ad_words.count(figures.conversions),
        )
        for currency, figures in totals
    ]


def is_connected(workspace: Workspace) -> bool:
    return queries.counted(workspace) > 0


CARD = HomeCard("ad_spend", "Ad spend", "integrations/home/ad_spend.html", spend, order=45)
STEP = FirstStep(
    name="ad_platform",
    label="Connect an ad platform",
    sentence="See what campaigns spend and bring, and let the autopilot propose changes.",
    url_name="ad_platform_list",
    done=is_connected,
    order=50,
)
