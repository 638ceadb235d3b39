"""Identity resolution: which profile does a message belong to, and what changes so that it does?

Deterministic, in memory, over the profiles and identifiers that a batch mentions; the event store loads them and writes
the outcome. The rules are those of counting: no owner creates, one attaches, several merge, and two different user ids
never become one by matching.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from cdp.tracking.messages import Kind, Message
from stratum.lib import clock

Identifier = tuple[str, str]  # (kind, value)

MAX_MERGES = 100
MAX_IDENTIFIERS = 1_000
DEVICE = "anonymous_id"


class NeedsLock(Exception):
    """The batch changes what is known about somebody; that is done alone, under the workspace's lock."""


class AliasRefused(Exception):
    """Two people with user ids of their own are not made one."""


@dataclass(slots=True)
class Person:
    """A live profile as the resolver sees it."""

    id: int
    user_id: str | None
    created_at: datetime
    known: bool = False  # has a user id, e-mail or phone
    merges: int = 0
    identifiers: set[Identifier] = field(default_factory=set)
    attributes: dict[str, object] = field(default_factory=dict)
    attribute_times: dict[str, int] = field(default_factory=dict)
    aliases: list[int] = field(default_factory=list)
    is_new: bool = False
    is_changed: bool = False

    def image(self) -> dict[str, object]:
        """What a split needs to bring this profile back."""
        return {
            "user_id": self.user_id,
            "created_at": self.created_at,
            "attributes": dict(self.attributes),
            "attribute_times": dict(self.attribute_times),
            "identifiers": sorted(map(list, self.identifiers)),
            "aliases": list(self.aliases),
            "merges": self.merges,
        }


@dataclass(frozen=True, slots=True)
class Merge:
    loser: int
    survivor: int
    before: dict[str, object]
    at: datetime
    aliases: tuple[int, ...]


class Resolver:
    """Resolves the messages of one batch, in their order.

    `people` by profile id and `owners` by identifier are what the database knows; both are updated as messages are
    resolved. With `may_change=False` anything that alters an existing profile raises NeedsLock.
    """

    def __init__(
        self,
        people: dict[int, Person],
        owners: dict[Identifier, int],
        *,
        take_id: Callable[[], int],
        may_change: bool,
    ) -> None:
        self.people = people
        self.owners = owners
        self.merged: list[Merge] = []
        self.retired: list[Person] = []  # the losers of `merged`
        self.attached: set[Identifier] = set()
        self.moved: set[Identifier] = set()
        self.earlier: set[int] = set()  # profiles whose first event turned out to be earlier
        self._take_id = take_id
        self._may_change = may_change

    def resolve(self, message: Message) -> int:
        """The id of the profile that `message` belongs to."""
        person = self._alias(message) if message.kind == Kind.ALIAS else self._match(message)
        if message.ts < person.created_at:
            person.created_at = message.ts
            self.earlier.add(person.id)
        if message.kind == Kind.IDENTIFY:
            self._learn(person, message)
        return person.id

    # Matching

    def _match(self, message: Message) -> Person:
        owners = {self.owners.get(identifier) for identifier in message.identifiers}
        if len(owners) == 1 and (owner := owners.pop()) is not None:
            return self.people[owner]  # nearly always: everything is known and theirs
        present = list(message.identifiers)
        dropped: list[Identifier] = []
        while self._users(present) > 1 and len(present) > 1:
            dropped.append(present.pop())
        found = self._owners(present)
        if not found:
            person = self._create(message.ts)
        elif len(found) == 1:
            person = found[0]
        else:
            person = self._unite(found, message.received_at) or found[0]
        for identifier in present:
            self._attach(identifier, person)
        for identifier in reversed(dropped):
            self._attach(identifier, person)
            self._move_device(identifier, person)
        return person

    def _owners(self, identifiers: list[Identifier]) -> list[Person]:
        found = (self.owners.get(identifier) for identifier in identifiers)
        return [self.people[owner] for owner in dict.fromkeys(found) if owner is not None]

    def _users(self, identifiers: list[Identifier]) -> int:
        """How many different user ids these identifiers stand for."""
        users = {person.user_id for person in self._owners(identifiers)}
        users |= {value for kind, value in identifiers if kind == "user_id" and (kind, value) not in self.owners}
        return len(users - {None})

    def _create(self, at: datetime) -> Person:
        person = Person(id=self._take_id(), user_id=None, created_at=at, is_new=True)
        self.people[person.id] = person
        return person

    def _attach(self, identifier: Identifier, person: Person) -> None:
        if identifier in self.owners or len(person.identifiers) >= MAX_IDENTIFIERS:
            return
        self._change(person)
        self.owners[identifier] = person.id
        self.attached.add(identifier)
        person.identifiers.add(identifier)
        self._note_strength(identifier, person)

    def _note_strength(self, identifier: Identifier, person: Person) -> None:
        kind, value = identifier
        if kind == "user_id" and person.user_id is None:
            person.user_id = value
        person.known = person.known or kind in {"user_id", "email", "phone"}

    def _move_device(self, identifier: Identifier, person: Person) -> None:
        """Somebody else identified on a known device: what it sends anonymously from now on is theirs."""
        owner = self.owners.get(identifier, person.id)
        if identifier[0] != DEVICE or owner == person.id:
            return
        before = self._change(self.people[owner])
        before.identifiers.discard(identifier)
        self._change(person).identifiers.add(identifier)
        self.owners[identifier] = person.id
        if identifier not in self.attached:
            self.moved.add(identifier)

    # Merging

    def _unite(self, found: list[Person], at: datetime) -> Person | None:
        """Merge all into the identified, else known, else oldest; None when a cap forbids it."""
        survivor, *losers = sorted(found, key=lambda p: (p.user_id is None, not p.known, p.created_at, p.id))
        size = sum(len(person.identifiers) for person in found)
        if survivor.merges + len(losers) > MAX_MERGES or size > MAX_IDENTIFIERS:
            return None
        for loser in losers:
            self._merge(loser, survivor, at)
        return survivor

    def _merge(self, loser: Person, survivor: Person, at: datetime) -> None:
        if not self._may_change:
            raise NeedsLock
        survivor.is_changed = not survivor.is_new
        before: dict[str, object] = {"loser": loser.image(), "survivor": survivor.image()}
        self.merged.append(Merge(loser.id, survivor.id, before, at, tuple(loser.aliases)))
        for identifier in loser.identifiers:
            self.owners[identifier] = survivor.id
        survivor.identifiers |= loser.identifiers
        survivor.aliases += [loser.id, *loser.aliases]
        survivor.merges += 1
        survivor.user_id = survivor.user_id or loser.user_id
        survivor.known = survivor.known or loser.known
        survivor.created_at = min(survivor.created_at, loser.created_at)
        merge_attributes(survivor, loser)
        self.retired.append(self.people.pop(loser.id))

    def _alias(self, message: Message) -> Person:
        """`previous_id` and `user_id` are one person, unless both are known as somebody already."""
        assert message.user_id is not None
        assert message.previous_id is not None
        now, before = ("user_id", message.user_id), self._former(message.previous_id, message.user_id)
        target, former = self._owners([now]), self._owners([before])
        if target and former and target[0] is not former[0]:
            if target[0].user_id and former[0].user_id:
                raise AliasRefused
            person = self._unite([target[0], former[0]], message.received_at) or target[0]
        else:
            person = (target or former)[0] if target or former else self._create(message.ts)
        self._attach(now, person)
        self._attach(before, person)
        return person

    def _former(self, previous_id: str, user_id: str) -> Identifier:
        """What an alias comes from: a user where there is one of that id, else a device."""
        user = ("user_id", previous_id)
        return user if user in self.owners or previous_id == user_id else (DEVICE, previous_id)

    # Attributes

    def _learn(self, person: Person, message: Message) -> None:
        """Each trait newer than what is known replaces it; null removes."""
        if not message.traits:
            return
        self._change(person)
        at = clock.to_micros(message.ts)
        for name, value in message.traits.items():
            if at >= person.attribute_times.get(name, at):
                set_attribute(person, name, value, at)

    def _change(self, person: Person) -> Person:
        if not person.is_new:
            if not self._may_change:
                raise NeedsLock
            person.is_changed = True
        return person


def set_attribute(person: Person, name: str, value: object, at: int) -> None:
    person.attribute_times[name] = at
    if value is None:
        person.attributes.pop(name, None)
    else:
        person.attributes[name] = value


def merge_attributes(survivor: Person, loser: Person) -> None:
    """Newest value per attribute wins; of equals the survivor's."""
    for name, at in loser.attribute_times.items():
        if at > survivor.attribute_times.get(name, -1):
            set_attribute(survivor, name, loser.attributes.get(name), at)
