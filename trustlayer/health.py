"""From readings to one score: how far the signals of a platform can be trusted. Pure.

The score is the weighted mean of the known signals, rounded down. A mean hides a fatal part, so caps hold it down: a
critical signal at 39; a poor one, a required one that is unknown or too old, and one still learning at 69.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import floor

from trustlayer.policy import Policy
from trustlayer.signals import EMQ, SIGNALS, Signal

HEALTHY_FROM, CRITICAL_BELOW = 70, 40
CRITICAL_CAP, DOUBT_CAP = 39, 69
LEARNING = timedelta(days=7)
DUST = 1e-9  # a mean of exactly 70 must not round down to 69 because floats are not exact


class Status(StrEnum):
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    CRITICAL = "critical"
    LEARNING = "learning"
    STALE = "stale"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reading:
    """A measured value. `reported` by the platform itself, or else computed by us; `since` the source has been read.

    `evidence` says what was counted, `url` where to see it.
    """

    signal: str
    value: float
    observed_at: datetime
    source: str
    reported: bool = False
    since: datetime | None = None
    evidence: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class SignalState:
    """One line of the health page: `score` is None where the signal is unknown or too old to count."""

    name: str
    label: str
    status: Status
    weight: int
    required: bool
    score: float | None = None
    value: float | None = None
    shown: str = ""
    observed_at: datetime | None = None
    source: str = ""
    reported: bool = False
    evidence: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Cap:
    """Why the score cannot be higher than `most`."""

    code: str
    signal: str
    most: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Health:
    """`score` is what people see and the gate reads: None when nothing is known. `uncapped` is the mean alone."""

    platform: str
    score: int | None
    uncapped: int | None
    status: Status
    signals: tuple[SignalState, ...]
    caps: tuple[Cap, ...]
    as_of: datetime

    def signal(self, name: str) -> SignalState:
        return next(state for state in self.signals if state.name == name)


def assess(readings: Iterable[Reading], policy: Policy, *, platform: str, now: datetime) -> Health:
    """The health of one platform (or of the workspace's own events) by the newest reading of each signal."""
    newest = latest(readings, now)
    states = tuple(_state(signal, newest.get(name), policy, now) for name, signal in SIGNALS.items())
    caps = tuple(cap for state in states for cap in _caps(state, policy))
    mean = _mean(states)
    uncapped = None if mean is None else floor(mean + DUST)
    score = None if uncapped is None else min([uncapped, *(cap.most for cap in caps)])
    return Health(platform, score, uncapped, band(score), states, caps, now)


def latest(readings: Iterable[Reading], now: datetime) -> Mapping[str, Reading]:
    """The newest reading of each signal that was observed by now; the platform's own wins over a computed one."""
    newest: dict[str, Reading] = {}
    for reading in readings:
        if reading.observed_at > now or reading.signal not in SIGNALS:
            continue
        known = newest.get(reading.signal)
        if known is None or _precedence(reading, now) > _precedence(known, now):
            newest[reading.signal] = reading
    return newest


def _precedence(reading: Reading, now: datetime) -> tuple[bool, bool, datetime]:
    fresh = now - reading.observed_at <= SIGNALS[reading.signal].max_age
    return fresh, reading.reported, reading.observed_at


def band(score: int | None) -> Status:
    """The three bands that pages show, always as icon and word."""
    if score is None:
        return Status.UNKNOWN
    if score >= HEALTHY_FROM:
        return Status.HEALTHY
    return Status.DEGRADED if score >= CRITICAL_BELOW else Status.CRITICAL


def _state(signal: Signal, reading: Reading | None, policy: Policy, now: datetime) -> SignalState:
    usual = SignalState(
        name=signal.name,
        label=signal.label,
        status=Status.UNKNOWN,
        weight=policy.weights[signal.name],
        required=signal.name in policy.required,
    )
    if reading is None:
        return usual
    score = signal.curve.score(reading.value)
    stale = now - reading.observed_at > signal.max_age
    return SignalState(
        **{field: getattr(usual, field) for field in ("name", "label", "weight", "required")},
        status=_status(signal, reading, score, policy, stale, now),
        score=None if stale else score,
        value=reading.value,
        shown=signal.show(reading.value),
        observed_at=reading.observed_at,
        source=reading.source,
        reported=reading.reported,
        evidence=reading.evidence,
        url=reading.url,
    )


def _status(signal: Signal, reading: Reading, score: float, policy: Policy, stale: bool, now: datetime) -> Status:
    if stale:
        return Status.STALE
    if is_critical(signal, reading, policy):
        return Status.CRITICAL
    if reading.since is not None and now - reading.since < LEARNING:
        return Status.LEARNING
    if score >= HEALTHY_FROM - DUST:
        return Status.HEALTHY
    return Status.DEGRADED


def is_critical(signal: Signal, reading: Reading, policy: Policy) -> bool:
    """Bad enough to stop everything. EMQ that we computed ourselves may hold, never block."""
    if signal is EMQ:
        return reading.reported and reading.value < policy.emq_block
    return signal.critical(reading.value)


def _mean(states: Iterable[SignalState]) -> float | None:
    known = [(state.weight, state.score) for state in states if state.score is not None]
    total = sum(weight for weight, _ in known)
    return sum(weight * score for weight, score in known) / total if total else None


def _caps(state: SignalState, policy: Policy) -> Iterator[Cap]:
    """At most one for each signal: the one that says most."""
    if not state.weight:
        return
    if state.status is Status.CRITICAL:
        yield Cap("critical", state.name, CRITICAL_CAP, critical_sentence(state, policy))
    elif state.required and state.status is Status.UNKNOWN:
        yield Cap("unknown", state.name, DOUBT_CAP, f"{state.label} is unknown, and it is required")
    elif state.required and state.status is Status.STALE:
        assert state.observed_at is not None
        age = f"{state.observed_at:%Y-%m-%d %H:%M} UTC"
        yield Cap("stale", state.name, DOUBT_CAP, f"{state.label} was last measured {age}, which is too old")
    elif state.status is Status.LEARNING:
        yield Cap("learning", state.name, DOUBT_CAP, f"{state.label} is still learning: its first 7 days")
    elif state.score is not None and state.score < CRITICAL_BELOW - DUST:
        yield Cap("poor", state.name, DOUBT_CAP, f"{state.label} is poor ({state.shown})")


def critical_sentence(state: SignalState, policy: Policy) -> str:
    """`EMQ score 3.2 (below 4.0 threshold)`, in the words of the product's manual."""
    if state.name == EMQ.name:
        return f"EMQ score {state.shown} (below {policy.emq_block:.1f} threshold)"
    return f"{state.label} {state.shown} (critical: {SIGNALS[state.name].critical_words})"
