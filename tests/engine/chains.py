"""The rules of funnels over the events of one person, by trying everything."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby

from cdp.engine.funnels import FunnelSpec

Chain = tuple["Mark", ...]


@dataclass(frozen=True)
class Mark:
    """An event as the funnel sees it: the steps and the exclusions that it matches. `number` tells events apart."""

    number: int
    ts: int
    steps: frozenset[int]
    excluded: frozenset[int]


@dataclass(frozen=True)
class Attempt:
    """How far a person came, or one of his attempts: `times` of the steps done. `opened`: its first event."""

    profile: int
    times: tuple[int, ...]
    in_progress: bool
    opened: int


def attempts(profile: int, marks: list[Mark], spec: FunnelSpec, as_of: int) -> list[Attempt]:
    """What counts of one person: one result at most for unique users, any number of attempts for totals."""
    if spec.counting == "totals":
        return totals(profile, marks, spec, as_of)
    return unique(profile, marks, spec, as_of)


def unique(profile: int, marks: list[Mark], spec: FunnelSpec, as_of: int) -> list[Attempt]:
    found = chains(marks, spec)
    clean = [chain for chain in found if not is_tainted(chain, marks, spec, chain[0].ts + spec.window)]
    if not clean or (spec.mode != "any_order" and deepest(clean) < deepest(found)):
        return []
    is_open = deepest(clean) < len(spec.steps) and any(as_of <= chain[0].ts + spec.window for chain in found)
    return [Attempt(profile, best_times(clean), is_open, 0)]


def deepest(found: Iterable[Chain]) -> int:
    return max(map(len, found))


def best_times(found: list[Chain]) -> tuple[int, ...]:
    """Rule 7: of the deepest chains the earliest completion, then latest entry, then earliest middle events."""
    depth = deepest(found)
    candidates = [tuple(mark.ts for mark in chain) for chain in found if len(chain) == depth]
    return min(candidates, key=lambda times: (times[-1], -times[0], *times[1:-1]))


def chains(marks: Sequence[Mark], spec: FunnelSpec) -> list[Chain]:
    return list(longer((), frozenset(), marks, spec))


def longer(chain: Chain, done: frozenset[int], marks: Sequence[Mark], spec: FunnelSpec) -> Iterator[Chain]:
    """All chains that go on from this one by one step or more."""
    for step in open_steps(done, spec):
        for mark in marks:
            if step in mark.steps and mark not in chain and follows(mark, chain, step, marks, spec):
                yield (*chain, mark)
                yield from longer((*chain, mark), done | {step}, marks, spec)


def open_steps(done: frozenset[int], spec: FunnelSpec) -> list[int]:
    left = [step for step in range(len(spec.steps)) if step not in done]
    return left if spec.mode == "any_order" else left[:1]


def follows(mark: Mark, chain: Chain, step: int, marks: Sequence[Mark], spec: FunnelSpec) -> bool:
    if not chain:
        return spec.start <= mark.ts < spec.end
    gap, max_gap = mark.ts - chain[-1].ts, spec.steps[step].max_gap
    if gap < 0 or (max_gap is not None and gap > max_gap) or mark.ts - chain[0].ts > spec.window:
        return False
    return spec.mode != "strict" or are_neighbours((*chain, mark), marks)


def are_neighbours(chain: Chain, marks: Sequence[Mark]) -> bool:
    """Nothing else happened in between; what happened at the first or the last instant may have come outside."""
    return all(mark in chain for mark in marks if chain[0].ts < mark.ts < chain[-1].ts)


def is_tainted(chain: Chain, marks: Sequence[Mark], spec: FunnelSpec, until: int) -> bool:
    """Rule 8; where the later step was not reached, excluded events count up to `until`."""
    for number, exclusion in enumerate(spec.exclusions):
        if exclusion.after < len(chain):
            first = chain[exclusion.after].ts
            last = chain[exclusion.before].ts - 1 if exclusion.before < len(chain) else until
            if any(number in mark.excluded and first < mark.ts <= last for mark in marks):
                return True
    return False


def totals(profile: int, marks: list[Mark], spec: FunnelSpec, as_of: int) -> list[Attempt]:
    """Attempts in the order in which they opened. An attempt that converts uses up the fewest events of the last
    instant, of these rather such as open no attempt; what is left may belong to the next one."""
    found: list[Attempt] = []
    taken: list[Mark] = []
    latest = 0

    def close(in_progress: bool = False) -> None:
        clean = [chain for chain in chains(taken, spec) if not is_tainted(chain, taken, spec, chain[-1].ts - 1)]
        times = best_times(clean)
        found.append(Attempt(profile, times, in_progress and len(times) < len(spec.steps), taken[0].ts))
        taken.clear()

    for now, instant in groupby(marks, key=lambda mark: mark.ts):
        rest = list(instant)
        if taken and now > latest + spec.window:
            close()
        while taken or any(enters(mark, spec) for mark in rest):
            used = fewest_to_convert(taken, rest, spec)
            if used:
                taken += used
                close()
                rest = [mark for mark in rest if mark not in used]
                continue
            latest = now if any(enters(mark, spec) for mark in rest) else latest
            taken += rest
            if any(mark.excluded for mark in rest) and not is_alive(taken, now, spec):
                close()
            break
    if taken:
        close(as_of <= latest + spec.window)
    return found


def enters(mark: Mark, spec: FunnelSpec) -> bool:
    is_first = bool(mark.steps) if spec.mode == "any_order" else 0 in mark.steps
    return is_first and spec.start <= mark.ts < spec.end


def fewest_to_convert(taken: list[Mark], rest: list[Mark], spec: FunnelSpec) -> tuple[Mark, ...]:
    """Of the events of this instant those with which the attempt converts; nothing when it does not."""
    if not converts([*taken, *rest], spec):
        return ()
    for size in range(1, len(rest) + 1):
        ways = [used for used in combinations(rest, size) if converts([*taken, *used], spec)]
        if ways:
            return min(ways, key=lambda used: sorted(map(value_for_the_next, used)))
    return ()


def converts(marks: list[Mark], spec: FunnelSpec) -> bool:
    full = [chain for chain in chains(marks, spec) if len(chain) == len(spec.steps)]
    return any(not is_tainted(chain, marks, spec, chain[-1].ts - 1) for chain in full)


def value_for_the_next(mark: Mark) -> tuple[bool, int]:
    return 0 in mark.steps, sum(1 << step for step in mark.steps)


def is_alive(taken: list[Mark], now: int, spec: FunnelSpec) -> bool:
    """Whether after an excluded event some chain is left that it did not taint."""
    return any(
        chain[0].ts + spec.window >= now and not is_tainted(chain, taken, spec, now) for chain in chains(taken, spec)
    )
