"""An ad platform in a dictionary, for tests of rooms above: it keeps state, counts writes, and fails when told to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from integrations.base import (
    Account,
    Budget,
    Change,
    ConversionAction,
    DayMetrics,
    Entity,
    Login,
    NativeAutomation,
    OutsideChange,
    QualityReading,
    SimulationPoint,
    Validation,
    Written,
)
from stratum.lib.http import Failure, Gone, Unreachable


class Killed(BaseException):
    """The process ends here."""


@dataclass
class FakePlatform:
    """`fails[method]` are raised one after the other; `lost` answers a write after it was applied."""

    name: str = "Meta"
    entities_: dict[str, Entity] = field(default_factory=dict)
    writes: list[Change] = field(default_factory=list)
    validation: Validation = field(default_factory=lambda: Validation("verified", True, "Meta is ready."))
    fails: dict[str, list[BaseException]] = field(default_factory=dict)
    lost: list[BaseException] = field(default_factory=list)
    native: list[NativeAutomation] = field(default_factory=list)
    outside: list[OutsideChange] = field(default_factory=list)
    points: list[SimulationPoint] = field(default_factory=list)
    clock: datetime | None = None
    calls: list[str] = field(default_factory=list)

    def _call(self, method: str) -> None:
        self.calls.append(method)
        if waiting := self.fails.get(method):
            raise waiting.pop(0)

    def login(self) -> Login:
        return Login("1", "Fake")

    def accounts(self) -> Sequence[Account]:
        return []

    def conversion_actions(self, account_id: str) -> Sequence[ConversionAction]:
        return []

    def entities(self, account_id: str) -> Iterator[Entity]:
        return iter(self.entities_.values())

    def read(self, account_id: str, kind: Any, entity_id: str) -> Entity:
        self._call("read")
        if entity_id not in self.entities_:
            raise Gone("There is nothing with that id.")
        return self.entities_[entity_id]

    def validate(self, account_id: str, change: Change) -> Validation:
        self._call("validate")
        return self.validation

    def write(self, account_id: str, change: Change) -> Written:
        self._call("write")
        self.put(change.entity_id, change.field, change.after)
        self.writes.append(change)
        if self.lost:
            raise self.lost.pop(0)
        return Written(f"req-{len(self.writes)}")

    def put(self, entity_id: str, what: str, value: Any) -> None:
        """As anybody may do by hand."""
        old = self.entities_[entity_id]
        updated = {"updated_at": self.clock or old.updated_at}
        if what == "budget":
            assert old.budget is not None
            self.entities_[entity_id] = replace(old, budget=replace(old.budget, amount=Decimal(value)), **updated)
        else:
            self.entities_[entity_id] = replace(old, **{what: value}, **updated)

    def metrics(self, account_id: str, since: date, until: date) -> Iterator[DayMetrics]:
        return iter(())

    def quality(self, account_id: str) -> Sequence[QualityReading]:
        return []

    def automations(self, account_id: str, kind: Any, entity_id: str) -> Sequence[NativeAutomation]:
        self._call("automations")
        return self.native

    def outside_changes(self, account_id: str, since: datetime) -> Sequence[OutsideChange]:
        self._call("outside_changes")
        return [one for one in self.outside if one.changed_at >= since]

    def simulation(self, account_id: str, entity_id: str) -> Sequence[SimulationPoint]:
        return self.points


def campaign(entity_id: str, name: str, budget: str, **fields: Any) -> Entity:
    return Entity("campaign", entity_id, name, "active", budget=Budget(Decimal(budget)), **fields)


TIMEOUT: Failure = Unreachable("Meta did not answer in time.")
