"""The computations of a trait for existing profiles, as its page lists them."""

from cdp.models import Trait
from stratum.workspaces.models import Job

MOST = 20


def runs(trait: Trait, kind: str) -> list[Job]:
    """Jobs of that kind for the trait, the latest first."""
    jobs = trait.workspace.jobs.select_related("created_by").filter(kind=kind, arguments__trait=str(trait.pk))
    return list(jobs.order_by("-created_at", "-pk")[:MOST])
