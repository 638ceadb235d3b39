"""What the customer data rooms tell the ground floor."""

from collections.abc import Iterator

from django.db.models.signals import pre_delete

from cdp.exports import SEGMENT_MEMBERS, TRAIT_VALUES
from cdp.queries import engine_health, segment_uses
from cdp.queries import segments as segment_queries
from cdp.queries import traits as trait_queries
from cdp.services import departed, quality, raw_archive, retention, rfm_months, segments, trait_rows, traits
from stratum.reports import queries as reports
from stratum.reports.registry import exporters
from stratum.workspaces import limits, registry
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import Dependent


def register() -> None:
    registry.scheduled_work.register(registry.ScheduledWork("signals", quality.TASK, quality.claim_due))
    registry.scheduled_work.register(registry.ScheduledWork("retention", retention.TASK, retention.claim_due))
    registry.scheduled_work.register(registry.ScheduledWork("window", raw_archive.TASK, raw_archive.claim_due))
    registry.scheduled_work.register(registry.ScheduledWork("departed", departed.TASK, departed.claim_due))
    pre_delete.connect(departed.note, sender=Workspace)
    registry.measures.register(engine_health.SERVER)
    registry.measures.register(engine_health.LAG)
    limits.register(segments.METER, segment_queries.counted)
    registry.erasers.register(registry.Eraser("segments", segments.forget))
    finder = registry.DependentFinder("saved_views", segment_queries.NAME_OF_KIND, views_naming, holds=False)
    registry.dependent_finders.register(finder)
    finder = registry.DependentFinder(
        "segments_of_segments", segment_queries.NAME_OF_KIND, segment_uses.segments_naming
    )
    registry.dependent_finders.register(finder)
    exporters.register(SEGMENT_MEMBERS)
    exporters.register(TRAIT_VALUES)
    limits.register(traits.METER, trait_queries.counted)
    registry.erasers.register(registry.Eraser("traits", trait_rows.forget))
    registry.erasers.register(registry.Eraser("rfm", rfm_months.forget))
    finder = registry.DependentFinder("trait_filters", trait_queries.NAME_OF_KIND, trait_queries.traits_naming)
    registry.dependent_finders.register(finder)
    finder = registry.DependentFinder("segments", trait_queries.NAME_OF_KIND, segment_uses.segments_with_traits)
    registry.dependent_finders.register(finder)


def views_naming(workspace: Workspace, segments: frozenset[str]) -> Iterator[tuple[str, Dependent]]:
    """Saved views whose state names one of the segments."""
    for view in reports.views_naming(workspace, segments):
        for segment in segments:
            if segment in view.query:
                label = view.name if view.shared else "A private view"
                yield segment, Dependent("Saved view", label, view.address)
