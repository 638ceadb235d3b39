"""Meta as an AdPlatform."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import cast

from integrations.base import (
    Account,
    Change,
    ConversionAction,
    DayMetrics,
    Entity,
    EntityKind,
    Login,
    NativeAutomation,
    OutsideChange,
    QualityReading,
    SimulationPoint,
    Validation,
    Written,
)
from integrations.callers import Caller
from integrations.meta import mapping
from integrations.meta.client import Level, MetaClient
from integrations.meta.errors import TooMuch
from integrations.meta.shapes import MetaRule
from stratum.lib.http import NotAuthorised, Rejected

NEEDED = {"ads_management", "ads_read"}
DAYS_AT_ONCE = 30


class MetaPlatform:
    """`conversion_actions` by account id; without one, what `mapping.PREFERRED` names first."""

    name = "Meta"

    def __init__(
        self, caller: Caller, *, now: Callable[[], datetime], conversion_actions: Mapping[str, str] | None = None
    ) -> None:
        self._client, self._now = MetaClient(caller, now=now), now
        self._counted = conversion_actions or {}
        self._currencies: dict[str, str] = {}
        self._rules: dict[str, list[MetaRule]] = {}

    def login(self) -> Login:
        told = self._client.me()
        missing = NEEDED - self._client.permissions()
        if missing:
            raise NotAuthorised(f"The access token lacks the permission {' and '.join(sorted(missing))}.")
        return Login(str(told.get("id") or ""), str(told.get("name") or "Meta"))

    def accounts(self) -> Sequence[Account]:
        found = [mapping.account(one) for one in self._client.accounts()]
        self._currencies.update({one.id: one.currency for one in found})
        return found

    def conversion_actions(self, account_id: str) -> Sequence[ConversionAction]:
        seen = mapping.action_types(self._client.action_types(account_id))
        return [ConversionAction(name, name) for name in seen or mapping.PREFERRED[:1]]

    def entities(self, account_id: str) -> Iterator[Entity]:
        currency = self._currency(account_id)
        for kind, level in mapping.LEVELS.items():
            for node in self._client.nodes(account_id, cast(Level, level)):
                yield mapping.entity(node, kind, currency)

    def read(self, account_id: str, kind: EntityKind, entity_id: str) -> Entity:
        node = self._client.node(entity_id, cast(Level, mapping.LEVELS[kind]))
        return mapping.entity(node, kind, self._currency(account_id))

    def validate(self, account_id: str, change: Change) -> Validation:
        try:
            self._client.update(change.entity_id, self._fields(account_id, change), validate_only=True)
        except Rejected as refused:
            return Validation("verified", False, f"Meta would refuse this: {refused.sentence}")
        return Validation("verified", True, "Meta is ready to accept this change.")

    def write(self, account_id: str, change: Change) -> Written:
        return Written(self._client.update(change.entity_id, self._fields(account_id, change)))

    def metrics(self, account_id: str, since: date, until: date) -> Iterator[DayMetrics]:
        for kind, level in mapping.LEVELS.items():
            start = since
            while start <= until:
                end = min(until, start + timedelta(days=DAYS_AT_ONCE - 1))
                yield from self._days(account_id, kind, cast(Level, level), start, end)
                start = end + timedelta(days=1)

    def quality(self, account_id: str) -> Sequence[QualityReading]:
        rows = [row for dataset in self._client.datasets(account_id) for row in self._client.match_quality(dataset)]
        return mapping.match_quality(rows, self._now())

    def automations(self, account_id: str, kind: EntityKind, entity_id: str) -> Sequence[NativeAutomation]:
        """The account's rules are read once."""
        if account_id not in self._rules:
            self._rules[account_id] = self._client.rules(account_id)
        found = (mapping.automation(rule, kind, entity_id) for rule in self._rules[account_id])
        return [one for one in found if one is not None]

    def outside_changes(self, account_id: str, since: datetime) -> Sequence[OutsideChange]:
        rows = self._client.activities(account_id, since, self._now())
        return [change for change in map(mapping.outside_change, rows) if change is not None]

    def simulation(self, account_id: str, entity_id: str) -> Sequence[SimulationPoint]:
        """Meta offers none for running campaigns."""
        return ()

    def _fields(self, account_id: str, change: Change) -> dict[str, str]:
        return mapping.fields_of(change, self._currency(account_id))

    def _currency(self, account_id: str) -> str:
        if account_id not in self._currencies:
            self._currencies[account_id] = self._client.account(account_id).currency
        return self._currencies[account_id]

    def _days(self, account_id: str, kind: EntityKind, level: Level, start: date, end: date) -> Iterator[DayMetrics]:
        """Halved when Meta finds the answer too large."""
        counted = self._counted.get(account_id) or mapping.PREFERRED[0]
        try:
            rows = list(self._client.insights(account_id, level, start, end))
        except TooMuch:
            if start == end:
                raise
            middle = start + (end - start) // 2
            yield from self._days(account_id, kind, level, start, middle)
            yield from self._days(account_id, kind, level, middle + timedelta(days=1), end)
            return
        for row in rows:
            yield mapping.day(row, kind, counted)
