"""Who is who: the rules of identity, without a database."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from cdp.services import identity
from cdp.services.identity import AliasRefused, NeedsLock, Person, Resolver
from cdp.tracking.messages import Kind
from tests.cdp.messages import T0, message

Tell = Callable[..., int]


@pytest.fixture
def resolver() -> Resolver:
    numbers = count(1)
    return Resolver({}, {}, take_id=lambda: next(numbers), may_change=True)


@pytest.fixture
def tell(resolver: Resolver) -> Tell:
    """Tell the resolver of a message; the profile it belongs to."""
    return lambda *args, **fields: resolver.resolve(message(*args, **fields))


class TestMatching:
    def test_nobody_known_creates(self, tell: Tell) -> None:
        assert tell(anonymous_id="a") != tell(anonymous_id="b")

    def test_one_owner_attaches(self, tell: Tell, resolver: Resolver) -> None:
        visitor = tell(anonymous_id="a")
        assert tell(Kind.IDENTIFY, user_id="u", anonymous_id="a") == visitor
        assert tell(user_id="u") == visitor
        assert resolver.people[visitor].user_id == "u"

    def test_two_owners_merge_into_the_identified(self, tell: Tell, resolver: Resolver) -> None:
        visitor = tell(anonymous_id="a")
        user = tell(user_id="u", at=1)
        assert tell(Kind.IDENTIFY, user_id="u", anonymous_id="a", at=2) == user
        assert [(merge.loser, merge.survivor) for merge in resolver.merged] == [(visitor, user)]
        assert resolver.people[user].created_at == T0

    def test_of_two_visitors_the_older_survives(self, tell: Tell) -> None:
        young = tell(anonymous_id="young", at=5)
        old = tell(email="e", anonymous_id="old", at=1)
        assert tell(email="e", anonymous_id="young", at=6) == old
        assert tell(anonymous_id="young", at=7) == old != young

    def test_three_owners_become_one(self, tell: Tell, resolver: Resolver) -> None:
        tell(anonymous_id="a")
        tell(email="e")
        tell(phone="p")
        assert len(resolver.people) == 3
        tell(email="e", phone="p", anonymous_id="a")
        assert len(resolver.people) == 1

    def test_different_user_ids_never_merge_by_matching(self, tell: Tell, resolver: Resolver) -> None:
        anna = tell(user_id="anna", email="family@example.com")
        ben = tell(user_id="ben", email="family@example.com")
        assert anna != ben
        assert tell(email="family@example.com") == anna
        assert not resolver.merged

    def test_the_weakest_identifier_gives_way_first(self, tell: Tell) -> None:
        anna = tell(user_id="anna", anonymous_id="laptop")
        ben = tell(user_id="ben", email="ben@example.com")
        assert tell(email="ben@example.com", anonymous_id="laptop") == ben
        assert anna != ben

    def test_a_new_device_of_a_refused_match_is_attached(self, tell: Tell) -> None:
        tell(user_id="anna", email="family@example.com")
        ben = tell(user_id="ben", email="family@example.com", anonymous_id="tablet")
        assert tell(anonymous_id="tablet") == ben


class TestSharedDevice:
    def test_later_anonymous_events_go_to_the_new_user(self, tell: Tell, resolver: Resolver) -> None:
        anna = tell(Kind.IDENTIFY, user_id="anna", anonymous_id="tv")
        ben = tell(Kind.IDENTIFY, user_id="ben", anonymous_id="tv")
        assert anna != ben
        assert tell(anonymous_id="tv") == ben
        assert tell(user_id="anna") == anna
        assert not resolver.merged

    def test_it_changes_hands_again(self, tell: Tell) -> None:
        anna = tell(user_id="anna", anonymous_id="tv")
        tell(user_id="ben", anonymous_id="tv")
        tell(user_id="anna", anonymous_id="tv")
        assert tell(anonymous_id="tv") == anna


class TestAlias:
    def test_it_joins_a_visitor_to_a_user(self, tell: Tell) -> None:
        tell(anonymous_id="a")
        user = tell(user_id="u")
        assert tell(Kind.ALIAS, user_id="u", previous_id="a") == user
        assert tell(anonymous_id="a") == user

    def test_a_visitor_becomes_a_new_user(self, tell: Tell) -> None:
        visitor = tell(anonymous_id="a")
        assert tell(Kind.ALIAS, user_id="u", previous_id="a") == visitor
        assert tell(user_id="u") == visitor

    def test_an_unknown_previous_id_is_remembered(self, tell: Tell) -> None:
        user = tell(Kind.ALIAS, user_id="u", previous_id="a")
        assert tell(anonymous_id="a") == user

    def test_known_onto_known_is_refused(self, tell: Tell) -> None:
        tell(user_id="anna")
        tell(user_id="ben")
        with pytest.raises(AliasRefused):
            tell(Kind.ALIAS, user_id="ben", previous_id="anna")

    def test_a_user_takes_a_new_id_and_keeps_the_old_one(self, tell: Tell) -> None:
        anna = tell(user_id="anna")
        assert tell(Kind.ALIAS, user_id="anna-2", previous_id="anna") == anna
        assert tell(user_id="anna-2") == tell(user_id="anna") == anna

    def test_who_took_a_new_id_is_still_one_of_two_users(self, tell: Tell) -> None:
        tell(user_id="anna")
        tell(Kind.ALIAS, user_id="anna-2", previous_id="anna")
        tell(user_id="ben")
        with pytest.raises(AliasRefused):
            tell(Kind.ALIAS, user_id="ben", previous_id="anna-2")
        assert tell(user_id="ben", anonymous_id="a") != tell(user_id="anna-2", anonymous_id="a")

    def test_onto_itself_is_nothing(self, tell: Tell, resolver: Resolver) -> None:
        user = tell(user_id="u")
        assert tell(Kind.ALIAS, user_id="u", previous_id="u") == user
        assert set(resolver.owners) == {("user_id", "u")}

    def test_onto_itself_joins_no_device_of_the_same_name(self, tell: Tell) -> None:
        device = tell(anonymous_id="u")
        assert tell(Kind.ALIAS, user_id="u", previous_id="u") != device


class TestAttributes:
    def learn(self, tell: Tell, at: int, **traits: object) -> int:
        return tell(Kind.IDENTIFY, user_id="u", at=at, traits=traits)

    def test_the_newest_value_wins_whatever_comes_first(self, tell: Tell, resolver: Resolver) -> None:
        self.learn(tell, 2, city="Berlin")
        person = resolver.people[self.learn(tell, 1, city="Rome", plan="free")]
        assert person.attributes == {"city": "Berlin", "plan": "free"}

    def test_null_removes_and_stays_removed(self, tell: Tell, resolver: Resolver) -> None:
        self.learn(tell, 1, city="Berlin")
        self.learn(tell, 3, city=None)
        person = resolver.people[self.learn(tell, 2, city="Rome")]
        assert person.attributes == {}

    def test_a_merge_keeps_the_newest_of_both(self, tell: Tell, resolver: Resolver) -> None:
        tell(Kind.IDENTIFY, anonymous_id="a", at=2, traits={"city": "Rome", "size": "M"})
        tell(Kind.IDENTIFY, user_id="u", at=1, traits={"city": "Berlin", "plan": "free"})
        person = resolver.people[tell(user_id="u", anonymous_id="a", at=3)]
        assert person.attributes == {"city": "Rome", "size": "M", "plan": "free"}

    def test_traits_of_other_messages_teach_nothing(self, tell: Tell, resolver: Resolver) -> None:
        person = resolver.people[tell(Kind.GROUP, user_id="u", traits={"seats": 5})]
        assert person.attributes == {}


class TestCaps:
    def test_a_profile_that_merged_too_often_merges_no_more(self, tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(identity, "MAX_MERGES", 1)
        for device in "ab":
            tell(anonymous_id=device)
        user = tell(user_id="u")
        assert tell(user_id="u", anonymous_id="a") == user
        assert tell(user_id="u", anonymous_id="b") == user
        assert tell(anonymous_id="a") == user
        assert tell(anonymous_id="b") != user

    def test_a_profile_with_too_many_identifiers_takes_no_more(
        self, tell: Tell, monkeypatch: pytest.MonkeyPatch, resolver: Resolver
    ) -> None:
        monkeypatch.setattr(identity, "MAX_IDENTIFIERS", 2)
        user = tell(user_id="u", anonymous_id="a")
        assert tell(user_id="u", anonymous_id="b") == user
        assert ("anonymous_id", "b") not in resolver.owners


class TestWithoutTheLock:
    @pytest.fixture
    def resolver(self) -> Resolver:
        known = Person(7, "u", T0)
        return Resolver({7: known}, {("user_id", "u"): 7}, take_id=iter(range(100, 200)).__next__, may_change=False)

    def test_known_and_new_people_need_none(self, tell: Tell) -> None:
        assert tell(user_id="u", at=1) == 7
        newcomer = tell(Kind.IDENTIFY, user_id="v", email="v@example.com", traits={"plan": "free"})
        assert tell(email="v@example.com") == newcomer

    @pytest.mark.parametrize(
        "changing",
        [
            {"user_id": "u", "anonymous_id": "new"},
            {"user_id": "u", "kind": Kind.IDENTIFY, "traits": {"plan": "free"}},
        ],
        ids=["identifier", "attribute"],
    )
    def test_changing_somebody_does(self, tell: Tell, changing: dict[str, Any]) -> None:
        with pytest.raises(NeedsLock):
            tell(**changing)
