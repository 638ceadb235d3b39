"""How fast calls may follow each other. What a server counts lies somewhere between sending and answer."""

import heapq
import random
from collections.abc import Callable

import pytest

from integrations.pipedrive.limits import SPAN, Limiter, Window


class Clock:
    """Time passes by sleeping; what is due meanwhile happens at its instant."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.due: list[float] = []
        self.happens: Callable[[], None] = lambda: None

    def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        while self.due and self.due[0] <= until:
            self.now = heapq.heappop(self.due)
            self.happens()
        self.now = until


def most_in_two_seconds(counted: list[float]) -> int:
    return max(sum(one <= other < one + SPAN for other in counted) for one in counted)


@pytest.mark.parametrize("latency", [0.02, 0.4, 3.0])
def test_no_two_seconds_of_the_server_hold_too_many(latency: float) -> None:
    clock, dice = Clock(), random.Random(1)
    window = Window(20, clock=lambda: clock.now, sleep=clock.sleep)
    clock.happens = window.leave
    counted, began = [], clock.now
    for _ in range(300):
        window.enter()
        took = dice.uniform(0, latency)
        heapq.heappush(clock.due, clock.now + took)
        counted.append(clock.now + dice.uniform(0, took))
        clock.sleep(dice.uniform(0, 0.01))
    assert most_in_two_seconds(sorted(counted)) <= 20
    assert clock.now - began < (300 / 20 * (SPAN + latency)) * 1.05, "it waits for more than the limit"


def limiter(clock: Clock, share: int = 100) -> Limiter:
    return Limiter(share=share, known=20, clock=lambda: clock.now, sleep=clock.sleep)


def test_a_window_that_others_filled_is_waited_out() -> None:
    clock = Clock()
    limits = limiter(clock)
    limits.enter("GET persons")
    limits.learn("GET persons", {"x-ratelimit-limit": "20", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "2"})
    limits.leave("GET persons")
    before = clock.now
    limits.enter("GET persons")
    assert clock.now - before == pytest.approx(2)


def test_a_window_that_we_filled_ourselves_opens_by_itself() -> None:
    clock = Clock()
    limits = limiter(clock)
    for left in range(19, -1, -1):
        limits.enter("GET persons")
        clock.now += 0.05
        limits.learn("GET persons", {"x-ratelimit-remaining": str(left), "x-ratelimit-reset": "2"})
        limits.leave("GET persons")
    before = clock.now
    limits.enter("GET persons")
    assert clock.now - before == pytest.approx(SPAN - 19 * 0.05, abs=0.1)
