"""One seeded life of an action among failures: whatever goes wrong where, and how often."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from autopilot.models import Action
from autopilot.services import actions, executor
from autopilot.states import ENDED, State
from stratum.lib.http import Failure, Garbled, NotAuthorised, Rejected, Throttled, Unreachable
from tests.autopilot.platform import FakePlatform, Killed

STEPS = ("read", "automations", "outside_changes", "validate", "write")
AFTER_WRITE = "after_write"
ROUNDS = 60


@dataclass(frozen=True)
class Ended:
    """`value` is what the platform has in the end."""

    state: str
    why: str
    writes: int
    value: str


def failure(random: Random, at: datetime) -> BaseException:
    return random.choice(
        [
            Killed(),
            Unreachable("No answer in time."),
            Unreachable("No connection.", may_have_arrived=False),
            Garbled("The answer is not JSON."),
            Throttled("Slow down.", retry_at=at + timedelta(hours=1)),
            Throttled("Slow down."),
            NotAuthorised("The token was revoked."),
            Rejected("The platform refuses."),
        ]
    )


def live(seed: int, action: Action, platform: FakePlatform, now: datetime) -> Ended:
    """Workers come every few minutes until nothing is left to do; time goes on."""
    random, at = Random(seed), now
    for _ in range(random.randrange(4)):
        step = random.choice([*STEPS, AFTER_WRITE, AFTER_WRITE])
        broken = failure(random, at)
        if step == AFTER_WRITE:
            lost = broken if isinstance(broken, Killed | Unreachable) else Unreachable("No answer in time.")
            platform.lost.append(lost)
        else:
            platform.fails.setdefault(step, []).append(broken)
    by_hand = random.random() < 0.2
    for _ in range(ROUNDS):
        at += timedelta(minutes=random.choice([1, 4, 16, 70]))
        platform.clock = at
        if by_hand and random.random() < 0.3:
            platform.put("120", "budget", random.choice(["500", "550", "600"]))
            by_hand = False
        for _ in range(random.choice([1, 2])):  # sometimes two workers are sent
            survive(lambda at=at: executor.execute_one(action_id=str(action.pk), now=at))
        actions.expire_due(now=at)
        action.refresh_from_db()
        if action.state in ENDED or action.state in (State.SUCCEEDED, State.STALE, State.BLOCKED, State.PENDING_REVIEW):
            break
    budget = platform.entities_["120"].budget
    assert budget is not None
    return Ended(action.state, action.why, len(platform.writes), str(int(budget.amount)))


def survive(work: Callable[[], None]) -> None:
    """What a supervisor does: the worker dies, another one comes."""
    try:
        work()
    except (Killed, Failure):
        return
