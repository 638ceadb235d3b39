"""What the fields of a funnel's result page offer."""

from dataclasses import dataclass

from cdp.definitions.funnel_questions import DERIVED, EVENT, PROFILE, SEGMENT, TRAIT
from cdp.definitions.funnels import ANY_EVENT, FunnelDefinition
from cdp.models import Funnel
from cdp.queries import funnels as queries
from cdp.queries import profiles, segments, served_traits
from cdp.views import funnel_words as words
from cdp.views.funnel_address import Address
from stratum.lib import periods
from stratum.workspaces.access import MemberRequest

WINDOWS = ("PT1H", "P1D", "P7D", "P14D", "P30D", "P90D")
LIMITS = ("5", "10", "20", "50")
MOST_PROPERTIES = 60


@dataclass(frozen=True, slots=True)
class Choice:
    """An option of a select."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Choices:
    """Options under one heading."""

    heading: str
    options: tuple[Choice, ...]


def choices(request: MemberRequest, funnel: Funnel, address: Address) -> dict[str, object]:
    definition = queries.definition_of(funnel, request.workspace)
    known = [Choice(str(one.pk), one.name) for one in segments.find(request.workspace)]
    offered: dict[str, object] = {
        "counting_choices": _countings(definition),
        "own_counting": words.COUNTINGS[definition.counting],
        "window_choices": _windows(definition),
        "own_window": periods.duration_words(definition.window),
        "segment_choices": known,
    }
    if address.tab == "times":
        offered["step_choices"] = [
            Choice(str(place), f"To step {place + 1}: {step.title}")
            for place, step in enumerate(definition.steps)
            if place
        ]
    if address.tab == "breakdown":
        offered["breakdown_choices"] = _breakdowns(request, definition, address, known)
        offered["attribution_choices"] = _attributions(definition)
        offered["limit_choices"] = LIMITS
    return offered


def _countings(definition: FunnelDefinition) -> list[Choice]:
    """Beside the funnel's own, which is the empty one."""
    return [Choice(name, label) for name, label in words.COUNTINGS.items() if name != definition.counting]


def _windows(definition: FunnelDefinition) -> list[Choice]:
    own = periods.format_duration(definition.window)
    return [Choice(text, periods.duration_words(periods.parse_duration(text))) for text in WINDOWS if text != own]


def _attributions(definition: FunnelDefinition) -> list[Choice]:
    """A step has a place of its own only where steps have an order."""
    steps = [] if definition.mode == "any_order" else list(enumerate(definition.steps))
    return [
        Choice("first_touch", "First touch"),
        Choice("last_touch", "Last touch"),
        *(Choice(f"step:{place}", f"At step {place + 1}: {step.title}") for place, step in steps),
        Choice("all_steps", "Same value at all steps"),
    ]


def _breakdowns(
    request: MemberRequest, definition: FunnelDefinition, address: Address, known: list[Choice]
) -> list[Choices]:
    attributes = profiles.attribute_names(request.workspace)
    traits = served_traits.serving(request.workspace)
    offered = [
        Choices("Where from", tuple(Choice(name, name.capitalize()) for name in DERIVED)),
        Choices("Event properties", tuple(Choice(f"{EVENT}{name}", name) for name in _properties(request, definition))),
        Choices("Profile attributes", tuple(Choice(f"{PROFILE}{name}", name) for name in attributes)),
        Choices("Computed traits", tuple(Choice(f"{TRAIT}{one.name}", one.label or one.name) for one in traits)),
        Choices("Segments", tuple(Choice(f"{SEGMENT}{one.value}", one.label) for one in known)),
    ]
    asked = address.given.get("breakdown", "")
    if asked and not any(one.value == asked for group in offered for one in group.options):
        offered.append(Choices("As asked", (Choice(asked, asked),)))
    return [group for group in offered if group.options]


def _properties(request: MemberRequest, definition: FunnelDefinition) -> list[str]:
    """Those of the events of the steps, the most frequent first."""
    wanted = {name for step in definition.steps for name in step.match.events}
    seen = queries.seen_events(request.workspace, now=request.now)
    named = [one.name for event in seen if event.name in wanted or ANY_EVENT in wanted for one in event.properties]
    return [name for name in dict.fromkeys(named) if not name.startswith("$")][:MOST_PROPERTIES]
