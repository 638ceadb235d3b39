"""A seeded storm: both sides edit the same people while everything goes wrong; then it must come to rest.

At the end: no person and no link twice, every profile with an address has its person, both sides agree in every mapped
field, and nothing that only one side wrote is lost.
"""

import random
from typing import Any

from integrations.models import PipedriveLink, PipedriveOutbox
from integrations.sandbox.wire import Reply, reply
from tests.integrations.pipedrive.stage import Stage

PEOPLE = 5
STEPS = 24
NAMES = ("Ada", "Grace", "Joan", "Mary", "Hedy", "Emmy", "Rosa", "Lise")

TOO_MANY = reply({"success": False, "error": "Rate limit exceeded"}, 429)
BROKEN = reply({"success": False, "error": "Internal"}, 500)
PAGE = Reply(403, b"<html>no</html>", {"Content-Type": "text/html"})


def storm(stage: Stage, seed: int) -> None:
    dice = random.Random(seed)
    for number in range(PEOPLE):
        stage.identify(f"u{number}", email=f"u{number}@x.io", first_name=dice.choice(NAMES), last_name="Start")
    stage.connect()
    stage.fake.company.webhooks[1] = {"id": 1, "event_object": "person", "event_action": "*"}
    stage.fake.company.habits.normalises = dice.random() < 0.3
    stage.fake.company.habits.list_lag = dice.choice([0, 0, 2])
    last: dict[str, str] = {}
    for step in range(STEPS):
        _step(stage, dice, step, last)
    stage.fake.mishaps.clear()
    calm(stage)
    check(stage, last)


def _step(stage: Stage, dice: random.Random, step: int, last: dict[str, str]) -> None:
    stage.pass_time(seconds=dice.choice([0.2, 1, 7, 61, 400]))
    what = dice.random()
    if what < 0.28:
        number = dice.randrange(PEOPLE)
        last[f"u{number}"] = name = f"S{step}"
        stage.identify(f"u{number}", last_name=name)
    elif what < 0.5 and stage.persons:
        person = dice.choice(stage.persons)
        stage.edit(person["id"], first_name=person["first_name"] or "X", last_name=f"P{step}")
        last[f"person {person['id']}"] = f"P{step}"
    elif what < 0.56:
        stage.person(name=f"New {step}", emails=[f"new{step}@x.io"])
    elif what < 0.7:
        _spoil(stage, dice)
    elif what < 0.8:
        stage.deliver(twice=dice.random() < 0.3, reverse=dice.random() < 0.3)
    elif what < 0.84:
        stage.fake.world.hooks.clear()
    else:
        stage.sync(trigger=dice.choice(["manual", "manual", "webhook", "change"]))


def _spoil(stage: Stage, dice: random.Random) -> None:
    method = dice.choice(["POST", "PATCH", "GET"])
    kind: Any = dice.choice(["drop_before", "drop_after", "reply", "garbage"])
    given: dict[str, Any] = {"reply": dice.choice([TOO_MANY, BROKEN, PAGE])} if kind == "reply" else {}
    stage.fake.spoil(kind, method, "/persons", times=dice.randint(1, 3), **given)


def calm(stage: Stage) -> None:
    """Two days without anything happening but syncs."""
    for _ in range(14):
        stage.pass_time(minutes=35)
        stage.deliver()
        stage.sync()
    stage.pass_time(days=1)
    for _ in range(2):
        stage.sync()
    stage.fake.calls.clear()
    run = stage.sync()
    assert run.state == "succeeded", run.error
    assert stage.fake.writes() == [], "it does not come to rest"


def check(stage: Stage, last: dict[str, str]) -> None:
    assert not PipedriveOutbox.objects.exclude(state="waiting").exists(), list(PipedriveOutbox.objects.values())
    addresses = [one["value"].lower() for person in stage.persons for one in person["emails"]]
    assert len(addresses) == len(set(addresses)), "a person twice"
    links = {link.remote_id: link for link in PipedriveLink.objects.filter(kind="person")}
    assert len(links) == len(stage.persons)
    for person in stage.persons:
        profile = stage.profile_by_email(person["emails"][0]["value"])
        assert links[person["id"]].local_id == profile.pk
        assert profile.attributes.get("last_name") == person["last_name"], "the two sides differ"
        _check_not_lost(stage, person, last)


def _check_not_lost(stage: Stage, person: dict[str, Any], last: dict[str, str]) -> None:
    """What stands there was written by one side last, or, where nobody wrote, at the beginning."""
    user = person["emails"][0]["value"].partition("@")[0]
    written = {last.get(user), last.get(f"person {person['id']}")} - {None}
    if written:
        assert person["last_name"] in written, "an edit is lost"
