"""The first page's content, asked of what the rooms registered."""

from dataclasses import dataclass, replace
from datetime import datetime

from stratum.workspaces import registry
from stratum.workspaces.access import Actor
from stratum.workspaces.context import address
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import Happening, HomeCard


@dataclass(frozen=True, slots=True)
class Card:
    """`facts` is what the card's room computed; its `template` knows the shape. `waiting`: they are the outline of a
    slow one.
    """

    name: str
    title: str
    template: str
    facts: object
    slow: bool = False
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    label: str
    sentence: str
    url: str | None
    done: bool


@dataclass(frozen=True, slots=True)
class Checklist:
    steps: tuple[Step, ...]

    @property
    def done(self) -> int:
        return sum(step.done for step in self.steps)

    @property
    def complete(self) -> bool:
        return self.done == len(self.steps)


def shown(actor: Actor, workspace: Workspace, *, now: datetime) -> list[Card]:
    """The cards that `actor` may see, in their order, slow ones as outlines."""
    return [
        _quick(card, workspace, now) if card.outline is None else _outlined(card, card.outline(workspace))
        for card in _visible(actor)
    ]


def slow(actor: Actor, workspace: Workspace, *, now: datetime) -> list[Card]:
    """The slow ones of them, whole."""
    return [replace(_quick(card, workspace, now), slow=True) for card in _visible(actor) if card.outline is not None]


def _visible(actor: Actor) -> list[HomeCard]:
    ordered = sorted(registry.home_cards.values(), key=lambda card: (card.order, card.name))
    return [card for card in ordered if actor.may(card.right)]


def _quick(card: HomeCard, workspace: Workspace, now: datetime) -> Card:
    return Card(card.name, card.title, card.template, card.facts(workspace, now))


def _outlined(card: HomeCard, outline: object) -> Card:
    return Card(card.name, card.title, card.template, outline, slow=True, waiting=True)


def activity(workspace: Workspace, most: int = 8) -> list[Happening]:
    """The newest of all rooms."""
    found = (one for source in registry.activities.values() for one in source.latest(workspace, most))
    return sorted(found, key=lambda one: one.at, reverse=True)[:most]


def checklist(actor: Actor, workspace: Workspace) -> Checklist:
    """The first steps of a team, ticked from its data. A step links only where `actor` may go."""
    ordered = sorted(registry.first_steps.values(), key=lambda step: (step.order, step.name))
    return Checklist(
        tuple(
            Step(
                step.label,
                step.sentence,
                address(step.url_name) if actor.may(step.right) else None,
                step.done(workspace),
            )
            for step in ordered
        )
    )
