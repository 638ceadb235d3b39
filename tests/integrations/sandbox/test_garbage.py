"""Answers that mean nothing: whatever a platform sends, a call ends in an answer or in a named failure."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import orjson
import pytest

from integrations.base import AdPlatform, Change
from integrations.google_ads import errors as google_errors
from integrations.google_ads import tokens
from integrations.google_ads.client import GoogleAdsClient
from integrations.google_ads.platform import GoogleAdsPlatform
from integrations.google_ads.tokens import Grant, Tokens
from integrations.meta import errors as meta_errors
from integrations.meta.platform import MetaPlatform
from integrations.sandbox import demo
from integrations.sandbox.google import FakeGoogle, quota_exhausted
from integrations.sandbox.meta import FakeMeta
from integrations.sandbox.session import SandboxSession
from integrations.sandbox.wire import Reply, Request
from stratum.lib.http import Answer, Failure, Throttled

SEEDS = 150
JUNK: tuple[Any, ...] = (None, True, 0, -1, 1e300, "", "?", "2026-13-45", "9" * 30, [], {}, [None], [[]], {"x": None})
CALLS = ("login", "accounts", "actions", "entities", "read", "validate", "write", "metrics", "quality", "automations",
         "outside", "simulation")  # fmt: skip
Answering = Callable[[Request], Reply]


class Spoiler:
    """Puts junk somewhere into the genuine answer; sometimes the answer is nothing but junk."""

    def __init__(self, answer: Answering, random: Random) -> None:
        self._answer, self._random = answer, random
        self.spoils = False

    def answer(self, request: Request) -> Reply:
        given = self._answer(request)
        if not self.spoils or request.path.endswith("token"):
            return given
        body = orjson.loads(given.body)
        spoilt = self.spoilt(body) if self._random.random() < 0.85 else self._random.choice(JUNK)
        return Reply(given.status, orjson.dumps(spoilt), given.headers)

    def spoilt(self, told: Any) -> Any:
        """One place below, at random."""
        if isinstance(told, dict) and told and self._random.random() < 0.9:
            key = self._random.choice(sorted(told))
            if self._random.random() < 0.15:
                return {name: value for name, value in told.items() if name != key}
            return {**told, key: self.spoilt(told[key])}
        if isinstance(told, list) and told and self._random.random() < 0.9:
            place = self._random.randrange(min(len(told), 3))
            return [*told[:place], self.spoilt(told[place]), *told[place + 1 :]]
        return self._random.choice(JUNK)


def meta(now: datetime, random: Random) -> tuple[AdPlatform, Spoiler, str, str]:
    fake = FakeMeta(demo.meta(now), now=lambda: now)
    fake.world.rules.append(
        {
            "id": "1",
            "name": "Scale",
            "status": "ENABLED",
            "evaluation_spec": {"filters": [{"field": "entity_type", "operator": "EQUAL", "value": "CAMPAIGN"}]},
            "execution_spec": {"execution_type": "CHANGE_CAMPAIGN_BUDGET"},
        }
    )
    spoiler = Spoiler(fake.answer, random)
    session = SandboxSession(spoiler.answer, headers={"Authorization": "Bearer sandbox"})
    entity = next(node.id for node in fake.world.nodes.values() if node.name == "Holiday Promo 2026")
    return MetaPlatform(session, now=lambda: now), spoiler, demo.META_ACCOUNT, entity


def google(now: datetime, random: Random) -> tuple[AdPlatform, Spoiler, str, str]:
    tokens._known.clear()
    fake = FakeGoogle(demo.google(now), now=lambda: now)
    fake.world.rules.append({"type": "CAMPAIGN_BUDGET"})
    spoiler = Spoiler(fake.answer, random)
    session = SandboxSession(spoiler.answer)
    login = Tokens(session, "token", Grant("c", "s", "sandbox"), now=lambda: now)
    platform = GoogleAdsPlatform(GoogleAdsClient(session, login, now=lambda: now), now=lambda: now)
    entity = next(node.id for node in fake.world.nodes.values() if node.name == "Search - Brand")
    return platform, spoiler, demo.GOOGLE_ACCOUNT, entity


def ask(platform: AdPlatform, what: str, account: str, entity: str, now: datetime) -> object:
    day = now.date() - timedelta(days=9)
    change = Change("campaign", entity, "budget", Decimal(123))
    ways: dict[str, Callable[[], object]] = {
        "login": platform.login,
        "accounts": platform.accounts,
        "actions": lambda: platform.conversion_actions(account),
        "entities": lambda: list(platform.entities(account)),
        "read": lambda: platform.read(account, "campaign", entity),
        "validate": lambda: platform.validate(account, change),
        "write": lambda: platform.write(account, change),
        "metrics": lambda: list(platform.metrics(account, day, day)),
        "quality": lambda: platform.quality(account),
        "automations": lambda: platform.automations(account, "campaign", entity),
        "outside": lambda: platform.outside_changes(account, now - timedelta(days=20)),
        "simulation": lambda: platform.simulation(account, entity),
    }
    return ways[what]()


@pytest.fixture(params=[meta, google], ids=["meta", "google"])
def found(request: pytest.FixtureRequest) -> Iterator[Callable[..., tuple[AdPlatform, Spoiler, str, str]]]:
    yield request.param
    tokens._known.clear()


@pytest.mark.parametrize("what", CALLS)
def test_it_ends_in_an_answer_or_a_named_failure(found: Callable[..., Any], what: str, now: datetime) -> None:
    failures = []
    for seed in range(SEEDS):
        random = Random(f"{what} {seed}")
        platform, spoiler, account, entity = found(now, random)
        spoiler.spoils = True
        try:
            ask(platform, what, account, entity, now)
        except Failure as failure:
            failures.append(failure.sentence)
        except Exception as broken:
            raise AssertionError(f"seed {seed}: {broken!r}") from broken
    assert all(failures)
    assert failures or what in ("quality", "simulation")


META_ERROR = {
    "error": {
        "message": "Too many calls.", "type": "OAuthException", "code": 80004, "error_subcode": 2446079, "fbtrace_id": "A",
        "is_transient": False, "error_user_title": "Slow down", "error_user_msg": "Please.",
        "error_data": '{"blame_field_specs": [["daily_budget"]]}',
    }
}  # fmt: skip
GOOGLE_ERROR = orjson.loads(quota_exhausted("45s").body)
USAGE = {"731": [{"call_count": 100, "estimated_time_to_regain_access": 19}]}


@pytest.mark.parametrize(
    ("failure_of", "genuine"), [(meta_errors.failure_of, META_ERROR), (google_errors.failure_of, GOOGLE_ERROR)]
)
def test_errors_that_mean_nothing_are_failures_too(
    failure_of: Callable[..., Failure], genuine: dict, now: datetime
) -> None:
    for seed in range(400):
        spoiler = Spoiler(lambda request: Reply(), Random(seed))
        headers = {"X-Business-Use-Case-Usage": orjson.dumps(spoiler.spoilt(USAGE)).decode()}
        body = orjson.dumps(spoiler.spoilt(genuine))
        for status in (200, 400, 500):
            found = failure_of(Answer(status, headers, body), now=now)
            assert isinstance(found, Failure)
            if isinstance(found, Throttled) and found.retry_at is not None:
                assert now < found.retry_at <= now + timedelta(days=1)
