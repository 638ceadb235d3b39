"""What filters ask besides the properties of one event: found, filled in, and left open."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from cdp.engine.predicates import AllOf, AnyItem, AnyOf, Elsewhere, Not, OfProfile, Predicate, ProfileRef, StepRef, Test

NOBODY, EVERYTHING = AnyOf(()), AllOf(())


def elsewhere(predicate: Predicate) -> Iterator[Elsewhere]:
    """What it asks besides the properties."""
    match predicate:
        case AllOf(children) | AnyOf(children):
            for child in children:
                yield from elsewhere(child)
        case Not(child) | AnyItem(_, child):
            yield from elsewhere(child)
        case Test(value=(ProfileRef() | OfProfile() | StepRef()) as operand):
            yield operand


def mapped(predicate: Predicate, change: Callable[[Test], Predicate]) -> Predicate:
    """The same with other comparisons."""
    match predicate:
        case AllOf(children):
            return AllOf(tuple(mapped(child, change) for child in children))
        case AnyOf(children):
            return AnyOf(tuple(mapped(child, change) for child in children))
        case Not(child):
            return Not(mapped(child, change))
        case AnyItem(name, where):
            return AnyItem(name, mapped(where, change))
        case Test():
            return change(predicate)


def beside_profiles(predicate: Predicate, known: Mapping[str, OfProfile]) -> Predicate:
    """With what the fields of profiles are, by field."""

    def change(test: Test) -> Test:
        return replace(test, value=known[test.value.field]) if isinstance(test.value, ProfileRef) else test

    return mapped(predicate, change)


def whatever_step(predicate: Predicate, *, is_wanted: bool = True) -> Predicate:
    """What has to hold whatever earlier steps took: comparisons with them pass, or fail where `not` turns it."""
    match predicate:
        case AllOf(children):
            return AllOf(tuple(whatever_step(child, is_wanted=is_wanted) for child in children))
        case AnyOf(children):
            return AnyOf(tuple(whatever_step(child, is_wanted=is_wanted) for child in children))
        case Not(child):
            return Not(whatever_step(child, is_wanted=not is_wanted))
        case AnyItem(name, where):
            return AnyItem(name, whatever_step(where, is_wanted=is_wanted))
        case Test(value=StepRef()):
            return EVERYTHING if is_wanted else NOBODY
    return predicate
