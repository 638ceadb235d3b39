"""A real SMTP server on loopback, for tests of what is mailed. It can refuse, be slow, or break off."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

Answer = Callable[[str], str]  # to an address, or to a message for it


def agree(_: str) -> str:
    return "250 OK"


@dataclass(slots=True)
class PostOffice:
    """`port` is where it listens; `answer_to_address` and `answer_to_message` decide; `taken` is what it has."""

    port: int
    answer_to_address: Answer = agree
    answer_to_message: Answer = agree
    waits: float = 0.0  # seconds before it answers to a message
    taken: list[tuple[str, EmailMessage]] = field(default_factory=list)

    @property
    def addresses(self) -> list[str]:
        return [address for address, _ in self.taken]

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        answer = self.answer_to_address(address)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        await asyncio.sleep(self.waits)
        answer = self.answer_to_message(envelope.rcpt_tos[0])
        if answer == "break off":  # taken, and never confirmed
            answer = "250 OK"
            assert server.transport is not None
            server.transport.abort()
        if answer.startswith("250"):
            self.taken.append((envelope.rcpt_tos[0], message))
        return answer


def _free_port() -> int:
    """The controller wants to know it before it listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def post_office() -> Iterator[PostOffice]:
    office = PostOffice(_free_port())
    controller = Controller(office, hostname="127.0.0.1", port=office.port)
    controller.start()
    try:
        yield office
    finally:
        controller.stop()
