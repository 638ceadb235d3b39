"""What a workspace demands of its signals before an automation may act: thresholds, weights, required signals."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stratum.lib.refusal import Fault, Invalid
from trustlayer.actions import ACTIONS
from trustlayer.signals import SIGNALS

MOST_WEIGHT = 100
MOST_SCORE = 100


@dataclass(frozen=True, slots=True)
class Thresholds:
    """A score of `pass_at` or more passes, one below `block_below` blocks, what lies between waits for a person."""

    pass_at: int = 70
    block_below: int = 40


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of a workspace's rules. `emq_block`: a reported EMQ below it blocks by itself.

    `actions` holds thresholds of single action kinds. With `hysteresis`, what fell below `pass_at` passes again only
    from `resume_at` on.
    """

    version: int = 1
    thresholds: Thresholds = Thresholds()
    emq_block: float = 4.0
    weights: Mapping[str, int] = field(default_factory=lambda: {name: one.weight for name, one in SIGNALS.items()})
    required: tuple[str, ...] = ("emq", "freshness", "api_health")
    actions: Mapping[str, Thresholds] = field(default_factory=dict)
    hysteresis: bool = False
    resume_at: int = 75

    def for_action(self, kind: str) -> Thresholds:
        return self.actions.get(kind, self.thresholds)

    def to_json(self) -> dict[str, Any]:
        """As the API and the book write it, without the version."""
        return {
            "pass_at": self.thresholds.pass_at,
            "block_below": self.thresholds.block_below,
            "emq_block": self.emq_block,
            "weights": dict(self.weights),
            "required": list(self.required),
            "actions": {
                kind: {"pass_at": one.pass_at, "block_below": one.block_below} for kind, one in self.actions.items()
            },
            "hysteresis": self.hysteresis,
            "resume_at": self.resume_at,
        }


FIELDS = frozenset(Policy().to_json())


def parse_policy(body: object, *, version: int = 1) -> Policy:
    """What is left out keeps its default. Raises Invalid with every fault at once."""
    if not isinstance(body, Mapping):
        raise Invalid([Fault("", "Send the policy as an object.")])
    faults = [Fault(f"/{name}", f"A policy has no field “{name}”.") for name in body if name not in FIELDS]
    usual = Policy()
    thresholds = _thresholds(body, "", usual.thresholds, faults)
    policy = Policy(
        version=version,
        thresholds=thresholds,
        emq_block=_number(body, "emq_block", usual.emq_block, faults, most=10),
        weights=_weights(body.get("weights", {}), faults),
        required=_required(body.get("required", list(usual.required)), faults),
        actions=_actions(body.get("actions", {}), thresholds, faults),
        hysteresis=_flag(body, "hysteresis", usual.hysteresis, faults),
        resume_at=_score(body, "resume_at", "", max(usual.resume_at, thresholds.pass_at), faults),
    )
    faults.extend(_contradictions(policy))
    if faults:
        raise Invalid(faults)
    return policy


def _contradictions(policy: Policy) -> Iterator[Fault]:
    if policy.resume_at < policy.thresholds.pass_at:
        yield Fault("/resume_at", f"Resume at {policy.thresholds.pass_at} or more: that is where actions pass.")
    if not any(policy.weights.values()):
        yield Fault("/weights", "Give at least one signal a weight above 0.")
    for name in policy.required:
        if name in policy.weights and not policy.weights[name]:
            yield Fault("/required", f"“{name}” is required, so its weight cannot be 0.")


def _thresholds(body: Mapping[str, Any], pointer: str, usual: Thresholds, faults: list[Fault]) -> Thresholds:
    pass_at = _score(body, "pass_at", pointer, usual.pass_at, faults)
    block_below = _score(body, "block_below", pointer, usual.block_below, faults)
    if block_below > pass_at:
        detail = f"Blocking below {block_below} and passing from {pass_at} cross: block below {pass_at} at most."
        faults.append(Fault(f"{pointer}/block_below", detail))
    return Thresholds(pass_at, block_below)


def _score(body: Mapping[str, Any], name: str, pointer: str, usual: int, faults: list[Fault]) -> int:
    value = body.get(name, usual)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_SCORE:
        return value
    faults.append(Fault(f"{pointer}/{name}", f"Give a whole number from 0 to {MOST_SCORE}."))
    return usual


def _number(body: Mapping[str, Any], name: str, usual: float, faults: list[Fault], *, most: float) -> float:
    value = body.get(name, usual)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most:
        return float(value)
    faults.append(Fault(f"/{name}", f"Give a number from 0 to {most:g}."))
    return usual


def _flag(body: Mapping[str, Any], name: str, usual: bool, faults: list[Fault]) -> bool:
    value = body.get(name, usual)
    if isinstance(value, bool):
        return value
    faults.append(Fault(f"/{name}", "Give true or false."))
    return usual


def _weights(value: object, faults: list[Fault]) -> dict[str, int]:
    weights = {name: signal.weight for name, signal in SIGNALS.items()}
    if not isinstance(value, Mapping):
        faults.append(Fault("/weights", "Give the weights as an object: a whole number for each signal."))
        return weights
    for name, weight in value.items():
        if name not in SIGNALS:
            faults.append(Fault(f"/weights/{name}", f"There is no signal “{name}”. Choose of {', '.join(SIGNALS)}."))
        elif isinstance(weight, bool) or not isinstance(weight, int) or not 0 <= weight <= MOST_WEIGHT:
            faults.append(Fault(f"/weights/{name}", f"Give a whole number from 0 to {MOST_WEIGHT}."))
        else:
            weights[name] = weight
    return weights


def _required(value: object, faults: list[Fault]) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) and name in SIGNALS for name in value):
        faults.append(Fault("/required", f"Give a list of signals, of {', '.join(SIGNALS)}."))
        return ()
    return tuple(name for name in SIGNALS if name in value)


def _actions(value: object, usual: Thresholds, faults: list[Fault]) -> dict[str, Thresholds]:
    if not isinstance(value, Mapping):
        faults.append(Fault("/actions", "Give thresholds as an object, by kind of action."))
        return {}
    actions: dict[str, Thresholds] = {}
    for kind, own in value.items():
        pointer = f"/actions/{kind}"
        if kind not in ACTIONS:
            faults.append(Fault(pointer, f"There is no action “{kind}”. Choose of {', '.join(ACTIONS)}."))
        elif not isinstance(own, Mapping) or set(own) - {"pass_at", "block_below"}:
            faults.append(Fault(pointer, "Give pass_at and block_below, nothing else."))
        else:
            actions[kind] = _thresholds(own, pointer, usual, faults)
    return actions
