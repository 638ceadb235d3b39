"""What the clients sent and what was acknowledged, and so which answers are right."""

import threading
from dataclasses import dataclass, field

# A user's number says what becomes of him; each is one start and one finish.
STAYS, MERGES, VOIDS, ERASES = range(4)


@dataclass(frozen=True)
class Bounds:
    """An answer is right from `low` to `high`: what was under way when it was given may count or not."""

    low: int
    high: int

    def hold(self, value: int) -> bool:
        return self.low <= value <= self.high


@dataclass
class Tally:
    """Users of whom something was asked, and those for whom it was acknowledged."""

    asked: set[int] = field(default_factory=set)
    done: set[int] = field(default_factory=set)


class Ledger:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.sent = Tally()
        self.gone = Tally()  # merged into somebody else, or erased
        self.voided = Tally()  # the finish only

    def ask(self, tally: Tally, users: range | list[int]) -> None:
        with self.lock:
            tally.asked.update(users)

    def done(self, tally: Tally, users: range | list[int]) -> None:
        with self.lock:
            tally.done.update(users)

    def counts(self) -> tuple[int, int, int, int, int, int]:
        """Sent, gone and voided: asked and acknowledged."""
        with self.lock:
            return tuple(len(one) for of in (self.sent, self.gone, self.voided) for one in (of.asked, of.done))  # type: ignore[return-value]

    def bounds(self, before: tuple[int, ...], after: tuple[int, ...]) -> tuple[Bounds, Bounds]:
        """Of entered and converted, between the counts before the question and after the answer."""
        _, sent_done, _, gone_done, _, voided_done = before
        sent_asked, _, gone_asked, _, voided_asked, _ = after
        entered = Bounds(sent_done - gone_asked, sent_asked - gone_done)
        return entered, Bounds(entered.low - voided_asked, entered.high - voided_done)

    def ready(self, fate: int, tally: Tally, most: int) -> list[int]:
        """Acknowledged users of that fate whom it has not met yet."""
        with self.lock:
            return [user for user in self.sent.done - tally.asked if user % 4 == fate][:most]

    @property
    def message_ids(self) -> set[str]:
        """Of all that was acknowledged and that questions count."""
        return {f"{what}-{user}" for user in self.sent.done for what in ("start", "finish")}
