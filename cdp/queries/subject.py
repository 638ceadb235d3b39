"""Everything that is stored about one person, as one JSON document: the answer to “what do you know about me?”."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import orjson

from cdp.models import Event, Kind, Profile, Segment, Spell
from cdp.queries import profiles, raw_archive, served_traits
from stratum.workspaces import registry
from stratum.workspaces.models import Workspace


def document(workspace: Workspace, profile: Profile, *, now: datetime) -> Iterator[bytes]:
    """UTF-8 JSON in pieces, so that a long life needs no more memory than a short one."""
    head = _head(workspace, profile, now)
    yield orjson.dumps(head, option=orjson.OPT_INDENT_2)[:-2] + b',\n  "events": ['
    yield from _joined(raw_archive.whole_life(workspace.pk, profiles.cluster_of(profile)))
    yield b"\n  ]\n}\n"


def _joined(events: Iterator[Event]) -> Iterator[bytes]:
    for place, event in enumerate(events):
        yield (b",\n    " if place else b"\n    ") + orjson.dumps(_event(event))


def _head(workspace: Workspace, profile: Profile, now: datetime) -> dict[str, Any]:
    card = profiles.card(workspace, profile, now=now)
    cluster = [profile.pk, *Profile.objects.filter(merged_into=profile.pk).values_list("pk", flat=True)]
    return {
        "workspace": workspace.name,
        "exported_at": now,
        "profile": profile.pk,
        "merged_profiles": cluster[1:],
        "created_at": profile.created_at,
        "lifecycle_stage": card.lifecycle_stage,
        "identifiers": card.identifiers,
        "attributes": card.attributes,
        "attribute_times": profile.attribute_times,
        "computed_traits": served_traits.current(workspace, [profile.pk], now=now).get(profile.pk, {}),
        "segments": _stays(workspace, cluster),
        **{source.name: source.gather(workspace, cluster, now) for source in registry.subject_sources.values()},
    }


def _stays(workspace: Workspace, cluster: list[int]) -> list[dict[str, Any]]:
    spells = Spell.objects.filter(segment__workspace=workspace, profile_id__in=cluster).order_by("entered_at", "id")
    names = dict(Segment.objects.filter(workspace=workspace).values_list("pk", "name"))
    return [
        {"segment": names[spell.segment_id], "entered_at": spell.entered_at, "exited_at": spell.exited_at}
        for spell in spells
    ]


def _event(event: Event) -> dict[str, Any]:
    return {
        "message_id": event.message_id,
        "kind": Kind(event.kind).name.lower(),
        "name": event.name,
        "original_name": event.original_name,
        "timestamp": event.ts,
        "received_at": event.received_at,
        "properties": event.properties,
        "context": event.context,
        "platform": event.platform,
        "device": event.device,
        "campaign": event.campaign,
    }
