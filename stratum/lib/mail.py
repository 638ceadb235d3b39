"""Mail handed to the server, one message at a time; what goes wrong is told in the errors of stratum.lib.http.

- `Rejected`: the server will never take it for this address (5xx); `code` is the server's.
- `Throttled`: not now (4xx).
- `Unreachable`: no server, or it went away; `may_have_arrived` when that was after the message had begun.
"""

from smtplib import (
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from stratum.lib.http import Failure, Rejected, Throttled, Unreachable

TOO_LARGE = frozenset({"523", "552"})
LONGEST_ANSWER = 200


class Post:
    """A connection to the mail server, opened at the first message and again after it broke."""

    def __init__(self) -> None:
        self._connection: Any = get_connection()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._close()

    def send(self, message: EmailMessage) -> None:
        """Raises a Failure."""
        self._open()
        try:
            self._connection.send_messages([message])
        except SMTPRecipientsRefused as error:
            raise _answered(*next(iter(error.recipients.values()))) from None
        except (SMTPDataError, SMTPSenderRefused) as error:
            raise _answered(error.smtp_code, error.smtp_error) from None
        except (SMTPServerDisconnected, OSError):
            self._close()
            sentence = "The mail server went away before it confirmed the message."
            raise Unreachable(sentence) from None
        except (SMTPException, UnicodeError, ValueError) as error:
            raise Rejected(f"The mail server cannot take this message: {str(error)[:LONGEST_ANSWER]}") from None

    def _open(self) -> None:
        try:
            self._connection.open()
        except SMTPAuthenticationError as error:
            self._close()
            raise Throttled(f"The mail server refused our login ({error.smtp_code}).") from None
        except SMTPResponseException as error:
            self._close()
            raise Throttled(f"The mail server is not ready: {_words(error.smtp_code, error.smtp_error)}") from None
        except (SMTPException, OSError):
            self._close()
            raise Unreachable("The mail server cannot be reached.", may_have_arrived=False) from None

    def _close(self) -> None:
        """A broken connection is let go of, however broken."""
        try:
            self._connection.close()
        except (SMTPException, OSError):
            self._connection.connection = None


def _answered(code: int, answer: bytes | str) -> Failure:
    words = _words(code, answer)
    if 500 <= code < 600:
        return Rejected(f"The mail server refused it: {words}", code=str(code))
    return Throttled(f"The mail server put it off: {words}")


def _words(code: int, answer: bytes | str) -> str:
    text = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    return f"{code} {' '.join(text.split())}"[:LONGEST_ANSWER]


def message_id(*parts: object) -> str:
    """The same for the same parts, so that a message sent twice is one message to whoever sorts mail."""
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    return f"<{'.'.join(str(part) for part in parts)}@{host}>"
