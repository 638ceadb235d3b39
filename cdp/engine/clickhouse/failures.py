"""Whatever ClickHouse or its driver raise, as a sentence of ours that says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from clickhouse_connect.driver.exceptions import ClickHouseError, DataError, NotSupportedError, ProgrammingError

from cdp.engine.errors import (
    EngineDamaged,
    EngineError,
    EngineOverloaded,
    EngineRefused,
    EngineUnreachable,
    EngineUnwritable,
    TooLarge,
)

# ClickHouse's numbers of its errors. Timeouts, too many queries or parts, too slow, nobody to carry it out, and on
# clusters too few copies of a row so far:
BUSY = {159, 160, 202, 209, 252, 439} | {285, 286, 289, 319}
# More memory, rows or bytes than a question may use:
LARGE = {158, 241, 307, 396}
# Read-only by right or by state, and no space:
UNWRITABLE = {164, 242, 243}
# Unknown user, wrong password, none, neither right:
STRANGER = {192, 193, 194, 516}
DENIED = {497}
# No such table or database:
LOST = {60, 81}
# What is on disk cannot be what was written:
DAMAGED = {40, 226, 228, 246, 271}


SENTENCE = "The ClickHouse server does not answer ({}). No event is lost: they wait in the database."


class Silent(EngineUnreachable):
    """It was waited for in vain."""

    def __init__(self, reason: str) -> None:
        super().__init__(SENTENCE.format(reason))


class Intricate(EngineOverloaded):
    """A pattern of events that is tried in too many ways for somebody."""


@contextmanager
def told(seconds: int) -> Iterator[None]:
    """`seconds`: how long an answer is waited for."""
    try:
        yield
    except ClickHouseError as error:
        raise meant(error, seconds) from error
    except OSError as error:
        raise Silent("no connection") from error


def meant(error: ClickHouseError, seconds: int) -> EngineError:
    code = getattr(error, "code", None) or code_of(str(error))
    if code is not None:
        return meant_by_number(code, str(error))
    if isinstance(error, ProgrammingError | DataError | NotSupportedError):
        return EngineError(f"The driver of ClickHouse refused a statement ({type(error).__name__}).")
    names = names_of(error)
    if "ReadTimeoutError" in names:
        return Silent(f"nothing within {seconds} seconds")
    if names & {"NewConnectionError", "ConnectTimeoutError"}:
        return Silent("no connection")
    return EngineUnreachable(SENTENCE.format("the connection broke"))


def meant_by_number(code: int, text: str) -> EngineError:
    its = f"(its error {code})"
    if code in DAMAGED:
        return EngineDamaged("of a ClickHouse table", f"cannot be read (ClickHouse's error {code})")
    if code in LARGE:
        if "(total)" in text:
            return EngineOverloaded(f"ClickHouse has no memory left for this question {its}.")
        return TooLarge(f"This question needs more memory than ClickHouse may use for one {its}. Ask about fewer days.")
    if code in UNWRITABLE:
        return EngineUnwritable(f"ClickHouse cannot store changes {its}.")
    if code in BUSY:
        kind = Intricate if "Pattern application" in text else EngineOverloaded
        return kind(f"ClickHouse is too busy to answer in time {its}.")
    if code in STRANGER:
        return EngineRefused(f"ClickHouse does not know the user and password of ENGINE_URL {its}.")
    if code in DENIED:
        return EngineRefused(f"The user of ENGINE_URL may not create and fill its database in ClickHouse {its}.")
    if code in LOST:
        return EngineUnreachable(f"Stratum's tables are gone from ClickHouse {its}. They are made and filled again.")
    return EngineError(f"ClickHouse refused a statement {its}.")


def names_of(error: BaseException) -> set[str]:
    """Of what the driver met on the wire: only one place of ours may import that library."""
    names = set()
    met: BaseException | None = error
    while met is not None:
        names.add(type(met).__name__)
        reason = getattr(met, "reason", None)
        met = reason if isinstance(reason, BaseException) else met.__cause__
    return names


def code_of(text: str) -> int | None:
    """The number in `Code: 241. DB::Exception: …`."""
    _, found, rest = text.partition("Code: ")
    digits = rest.split(".", 1)[0] if found else ""
    return int(digits) if digits.isdigit() else None
