"""What the rooms above may expect of an ad platform, whichever it is. Every call may raise what stratum.lib.http names.

Amounts are Decimals in major units of the account's currency (12.50, not 1250 cents, not micros): each platform's
mapping converts at its own edge. Instants are aware and in UTC; days are calendar days of the account's time zone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, Protocol

EntityKind = Literal["campaign", "adset", "creative"]
Status = Literal["active", "paused", "removed"]
Field = Literal["budget", "status", "bid"]


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    name: str
    currency: str
    time_zone: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class Login:
    """Whose permission the credentials are; shown after connecting."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ConversionAction:
    """Something an account counts as a conversion. One is chosen per account: several count the same purchases."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Budget:
    """`shared_with` names the other campaigns that spend from the same budget (Google's shared budgets)."""

    amount: Decimal
    period: Literal["daily", "lifetime"] = "daily"
    resource: str = ""
    shared_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entity:
    """A campaign, ad set (Google: ad group) or creative (ad) as the platform has it now.

    `budget` is None where the budget sits on another level. `status` is what was set, `effective_status` the platform's
    own word for what it does. `updated_at` is the platform's time of the last change, None where it tells none.
    """

    kind: EntityKind
    id: str
    name: str
    status: Status
    parent_id: str = ""
    effective_status: str = ""
    budget: Budget | None = None
    bid: Decimal | None = None
    updated_at: datetime | None = None
    learning: bool = False
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """An absolute target. `after` is a Decimal for budget and bid, a Status for status."""

    kind: EntityKind
    entity_id: str
    field: Field
    after: Decimal | Status


@dataclass(frozen=True, slots=True)
class Validation:
    """`verified` by the platform's own test call, `checked_locally` where it has none, else `not_checked`."""

    status: Literal["verified", "checked_locally", "not_checked"]
    accepted: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Written:
    """The platform took the change. `request_id` is its own, for the audit log."""

    request_id: str = ""


@dataclass(frozen=True, slots=True)
class DayMetrics:
    """One entity's day. Conversions may be fractions; `revenue` is the value of conversions."""

    kind: EntityKind
    entity_id: str
    day: date
    spend: Decimal
    impressions: int
    clicks: int
    conversions: Decimal
    revenue: Decimal


@dataclass(frozen=True, slots=True)
class QualityReading:
    """What the platform itself says of the signals it receives; `signal` is a name of trustlayer.signals."""

    signal: str
    value: float
    observed_at: datetime
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class NativeAutomation:
    """A rule or recommendation of the platform itself that may move the same field."""

    name: str
    sentence: str
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class OutsideChange:
    """Somebody else's change of an entity's field, for cooldowns."""

    entity_id: str
    field: Field
    changed_at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class SimulationPoint:
    """The platform's own estimate: at this daily budget, so many conversions and so much spend a day."""

    budget: Decimal
    spend: Decimal
    conversions: Decimal


class AdPlatform(Protocol):
    """One connected platform, made anew for each run or request: what an account's rules and currency are, and which
    budget a campaign spends from, is remembered for its short life. Whatever else is asked goes out each time.
    """

    name: str

    def login(self) -> Login:
        """Whose credentials these are. Raises NotAuthorised when they do not let us in or lack a needed right."""

    def accounts(self) -> Sequence[Account]: ...

    def conversion_actions(self, account_id: str) -> Sequence[ConversionAction]:
        """The likeliest first."""

    def entities(self, account_id: str) -> Iterator[Entity]:
        """All that are not removed, parents before children."""

    def read(self, account_id: str, kind: EntityKind, entity_id: str) -> Entity:
        """As it is this moment. Raises Gone."""

    def validate(self, account_id: str, change: Change) -> Validation:
        """Changes nothing. A refusal by the platform is an answer, not an error."""

    def write(self, account_id: str, change: Change) -> Written:
        """Never repeats by itself. Raises Rejected, or Unreachable when it is not known whether it was applied."""

    def metrics(self, account_id: str, since: date, until: date) -> Iterator[DayMetrics]:
        """Both days included; entities without delivery have no rows."""

    def quality(self, account_id: str) -> Sequence[QualityReading]: ...

    def automations(self, account_id: str, kind: EntityKind, entity_id: str) -> Sequence[NativeAutomation]: ...

    def outside_changes(self, account_id: str, since: datetime) -> Sequence[OutsideChange]: ...

    def simulation(self, account_id: str, entity_id: str) -> Sequence[SimulationPoint]:
        """Empty where the platform offers none."""
