"""Half a year of Northlight Outdoor as the batches of messages that its SDKs would have sent."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Literal

import numpy as np

from cdp.demo.dice import roll
from cdp.demo.life import Life, Moment, World
from cdp.demo.marketing import Marketing
from cdp.demo.people import Census, Person
from cdp.demo.seasons import DAY, Seasons
from cdp.demo.wire import FROM_SERVER, enrol, identify

PROFILES = 20_000
EVENTS = 400_000
BATCH = 1_000
RECENT = 2 * DAY  # whose messages arrive in small batches, so that the demo's data look fresh
RECENT_SPAN = 45 * 60_000
SAMPLE = "demo-"  # how every sample message's id begins
PEOPLE_PER_PROFILE = 0.95  # some devices never learn whose they are
HOUSEHOLD_EVERY = 12  # of so many likely members, two share a tablet

# Measured at pace 1: events per profile that come from visits, and the e-mails that come anyway.
VISIT_EVENTS, MAIL_EVENTS = 15.0, 5.0

Source = Literal["browser", "server"]


@dataclass(frozen=True, slots=True)
class Batch:
    """What one source sent until `received_at`. `items` are as an SDK sends them."""

    source: Source
    received_at: datetime
    items: list[dict[str, Any]] = field(repr=False)


def messages(
    seed: int,
    until: datetime,
    profiles: int = PROFILES,
    events: int = EVENTS,
    *,
    part: int = 0,
    parts: int = 1,
    first_window: int = 0,
) -> Iterator[Batch]:
    """About `events` events of about `profiles` profiles in the 180 days before `until`, in the order of time.

    The same arguments give the same messages, message ids included, on every machine. `parts` processes can share the
    work: each tells of other people. `first_window` leaves out what came before, for somebody who has it already.
    """
    moments = _moments(seed, until, profiles, events, part, parts)
    windows = enumerate(_windows(moments, int(until.timestamp()) * 1000))
    for number, window in islice(windows, first_window, None):
        yield from _batches(window, f"{sample_ids(seed, part, parts)}{number:05d}")


def sample_ids(seed: int, part: int, parts: int) -> str:
    """How the message ids of one part begin; the window's number follows."""
    return f"{SAMPLE}{seed}-{part}of{parts}-"


def window_of(message_id: str) -> int:
    """Ids rise with it: its five digits stand before anything else that differs."""
    return int(message_id.split("-")[3])


def _moments(seed: int, until: datetime, profiles: int, events: int, part: int, parts: int) -> list[Moment]:
    seasons = Seasons(seed, until)
    pace = max(0.1, (events / profiles - MAIL_EVENTS) / VISIT_EVENTS)
    world = World(seasons, Marketing(seasons), pace)
    for person in _people(seed, seasons, round(profiles * PEOPLE_PER_PROFILE)):
        if person.household % parts == part:
            Life(person, world, roll(f"{seed} life {person.number}")).live()
    world.moments.sort()
    return world.moments


def _people(seed: int, seasons: Seasons, count: int) -> list[Person]:
    census = Census(roll(f"{seed} people"), seasons.start)
    people = [census.next(number) for number in range(count)]
    likely = [person for person in people if person.habit.joins > 0.5]
    for one, other in zip(likely[::HOUSEHOLD_EVERY], likely[1::HOUSEHOLD_EVERY], strict=False):
        tablet = census.household_tablet(one.number)
        other.household = one.household
        one.devices.append(tablet)
        other.devices.append(tablet)
    return people


# What a window's batches are about, in the order in which they are sent. Strangers first, then who introduces himself,
# then who is known: so few batches change who is who, and the browser's copy of an order precedes the server's.
_STRANGERS, _INTRODUCED, _KNOWN, _SERVER, _ENROLLED = range(5)
_SOURCES: tuple[Source, ...] = ("browser", "browser", "browser", "server", "server")


def _windows(moments: list[Moment], end: int) -> Iterator[list[list[Moment]]]:
    """Neighbouring moments by batch: as many as fill one of them; in the last days, of three quarters of an hour."""
    window: list[list[Moment]] = [[] for _ in _SOURCES]
    first = 0
    for moment in moments:
        stale = moment[0] > end - RECENT and moment[0] - first > RECENT_SPAN and first
        if stale or len(max(window, key=len)) == BATCH:
            yield window
            window, first = [[] for _ in _SOURCES], 0
        first = first or moment[0]
        window[_place(moment)].append(moment)
    if first:
        yield window


def _place(moment: Moment) -> int:
    telling, user_id = moment[2], moment[4]
    if telling in FROM_SERVER:
        return _ENROLLED if telling is enrol else _SERVER
    if telling is identify:
        return _INTRODUCED
    return _KNOWN if user_id else _STRANGERS


def _batches(window: list[list[Moment]], start_of_id: str) -> Iterator[Batch]:
    last = max(moments[-1][0] for moments in window if moments)
    received_at = datetime.fromtimestamp(last / 1000, UTC) + timedelta(seconds=2)
    for place, (source, moments) in enumerate(zip(_SOURCES, window, strict=True)):
        if moments:
            yield Batch(source, received_at, _told(moments, f"{start_of_id}-{place}-"))


def _told(moments: list[Moment], start_of_id: str) -> list[dict[str, Any]]:
    instants = np.array([moment[0] for moment in moments], "datetime64[ms]")
    timestamps: list[str] = np.datetime_as_string(instants, timezone="UTC").tolist()
    return [
        telling(visit, f"{start_of_id}{place}", at, user_id, detail)
        for place, (at, (_, _, telling, visit, user_id, detail)) in enumerate(zip(timestamps, moments, strict=True))
    ]
