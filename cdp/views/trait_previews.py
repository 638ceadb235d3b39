"""The preview of a trait beside its builder: coverage, how values are spread, and whose they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cdp.definitions.trait_words import sentence
from cdp.definitions.trait_yaml import write_yaml
from cdp.definitions.traits import TraitDefinition
from cdp.models import Trait
from cdp.queries import trait_preview
from cdp.queries import traits as queries
from cdp.queries.trait_preview import Preview
from cdp.services import traits as services
from cdp.views import trait_words as words
from cdp.views.funnel_words import percent
from cdp.views.trait_charts import Spread, spread
from cdp.views.trait_evidence import Evidence, evidence
from stratum.workspaces.access import MemberRequest


@dataclass(frozen=True, slots=True)
class SampleLine:
    """A profile of the sample with what made its value."""

    profile: int
    name: str
    value: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything on the right side of the builder."""

    sentence: str
    yaml: str
    found: Preview
    rate: str
    skipped: str
    would_change: str
    spread: Spread
    sample: tuple[SampleLine, ...]
    time_zone: str

    @property
    def said(self) -> str:
        """For those who do not see the preview."""
        return f"{self.rate} of {self.found.profiles:,} profiles have a value. {self.spread.caption}"


def previewed(request: MemberRequest, body: Mapping[str, Any], trait: Trait | None) -> dict[str, object]:
    """Raises Refusal."""
    definition = services.read(request.workspace, trait_preview.named(body), now=request.now)
    found = trait_preview.preview(request.workspace, definition, now=request.now)
    shown = _shown(request, definition, found, trait)
    return {"preview": shown, "headline": f"{shown.rate} have a value", "definitions": words.DEFINITIONS}


def _shown(request: MemberRequest, definition: TraitDefinition, found: Preview, trait: Trait | None) -> Shown:
    zone = queries.zone_of(request.workspace)
    return Shown(
        sentence=sentence(definition),
        yaml=write_yaml(definition),
        found=found,
        rate=percent(found.with_value / found.profiles) if found.profiles else "0%",
        skipped=skipped_words(found.skipped_values, found.skipped_currencies),
        would_change=_change(found) if trait is not None and trait.version is not None else "",
        spread=spread(found.distribution, definition, zone),
        sample=tuple(
            SampleLine(
                each.profile,
                each.name,
                words.value(definition, each.value, zone),
                evidence(each.events, each.events_counted, definition, zone),
            )
            for each in found.sample
        ),
        time_zone=zone.key,
    )


def _change(found: Preview) -> str:
    estimate = f", estimated from {found.would_change_of:,} profiles" if found.would_change_of is not None else ""
    return f"{found.would_change:,}{estimate}"


def skipped_words(values: int, currencies: Mapping[str, int]) -> str:
    """Empty when nothing was left out."""
    parts = [f"{values:,} that {'is' if values == 1 else 'are'} no number"] if values else []
    parts += [f"{count:,} in {currency}" for currency, count in sorted(currencies.items())]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
