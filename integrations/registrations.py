"""What the rooms of integrations tell the ground floor."""

from collections.abc import Iterator

from django.urls import reverse

from cdp.queries import segments as segment_queries
from cdp.queries import traits as trait_queries
from integrations import home
from integrations.announcements import CRM_HEALTH
from integrations.queries import ad_platforms, pipedrive, pipedrive_subject
from integrations.registry import integrations
from integrations.services import ad_connections, ad_sync, sample
from integrations.services.pipedrive import demo, erasing, runs
from integrations.views import ad_home, overview
from stratum.notifications.registry import kinds
from stratum.workspaces import limits, registry
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import Dependent


def register() -> None:
    registry.home_cards.register(ad_home.CARD)
    registry.first_steps.register(ad_home.STEP)
    for card in overview.CARDS:
        integrations.register(card)
    limits.register(ad_connections.METER, ad_platforms.counted)
    registry.scheduled_work.register(registry.ScheduledWork("ad_platforms", ad_sync.TASK, ad_sync.claim_due))
    registry.samples.register(registry.SampleData("ad_platforms", sample.build, sample.remove))
    registry.samples.register(registry.SampleData("pipedrive", demo.build, demo.remove))
    home.register()
    limits.register(pipedrive.METER, pipedrive.counted)
    registry.scheduled_work.register(registry.ScheduledWork("pipedrive", runs.TASK, runs.claim_due))
    kinds.register(CRM_HEALTH)
    registry.erasers.register(registry.Eraser("pipedrive", erasing.forget_profiles))
    registry.subject_sources.register(registry.SubjectSource("pipedrive", pipedrive_subject.gather))
    finder = registry.DependentFinder("pipedrive_mapping", trait_queries.NAME_OF_KIND, mappings_naming)
    registry.dependent_finders.register(finder)
    finder = registry.DependentFinder("pipedrive_labels", segment_queries.NAME_OF_KIND, labels_naming)
    registry.dependent_finders.register(finder)


def mappings_naming(workspace: Workspace, traits: frozenset[str]) -> Iterator[tuple[str, Dependent]]:
    """The lines of the CRM mapping that push one of the traits."""
    fields = {f"traits.{trait}": trait for trait in traits}
    for line in pipedrive.lines_with(workspace, fields):
        used = Dependent("CRM mapping", f"{line.remote_name} in Pipedrive", reverse("settings_crm_mapping"))
        yield fields[line.local], used


def labels_naming(workspace: Workspace, segments: frozenset[str]) -> Iterator[tuple[str, Dependent]]:
    """The labels of the segments, and the choice of whom to synchronise."""
    for segment, what in pipedrive.uses_of_segments(workspace):
        if segment in segments:
            yield segment, Dependent("CRM", what, reverse("settings_crm_data"))
