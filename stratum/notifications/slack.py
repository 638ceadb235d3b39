"""Slack's incoming webhooks: one address, one call.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks

What is told is Block Kit; whatever people or platforms named is escaped, so no name can mention a channel or hide a
link.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from stratum.lib.http import Answer, Gone, NotAuthorised, Rejected, Session, Throttled, Unreachable

HOST = "hooks.slack.com"
PATH = "/services/"
LOOPBACK = {"127.0.0.1", "localhost"}
LONGEST_HEADER, LONGEST_TEXT, LONGEST_FIELD, MOST_FIELDS = 150, 3_000, 2_000, 10
LONGEST_WAIT = timedelta(hours=1)
READ_TIMEOUT = 10.0
SIGNS = {"info": ":information_source:", "warning": ":warning:", "critical": ":rotating_light:"}

# What Slack answers, in words that say what to do.
WORDS = {
    "no_service": "Slack does not know this webhook any more. Connect a new one.",
    "no_service_id": "Slack does not know this webhook any more. Connect a new one.",
    "invalid_token": "Slack does not know this webhook any more. Connect a new one.",
    "action_prohibited": "An administrator of Slack has forbidden this webhook to post.",
    "channel_not_found": "The channel of this webhook is gone. Connect a webhook of another one.",
    "channel_is_archived": "The channel of this webhook is archived. Restore it, or connect another one.",
    "invalid_payload": "Slack does not accept this message.",
}


@dataclass(frozen=True, slots=True)
class Told:
    """What a message says; `url` leads to its page."""

    workspace: str
    severity: str
    title: str
    text: str
    facts: Sequence[tuple[str, str]]
    url: str
    repeated: bool = False


def objection(url: str) -> str:
    """Why an address is no incoming webhook, or nothing."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return "This is not an address."
    if settings.MAY_CALL_LOOPBACK and parts.scheme == "http" and parts.hostname in LOOPBACK:
        return ""
    if parts.scheme != "https" or parts.hostname != HOST or port or parts.username:
        return f"An incoming webhook begins with https://{HOST}{PATH}."
    if not parts.path.startswith(PATH) or parts.path.count("/") != 4 or parts.query or parts.fragment:
        return "Copy the whole webhook address from Slack; it ends in three parts divided by slashes."
    return ""


def post(url: str, told: Told, *, now: Callable[[], datetime]) -> None:
    """Raises a Failure. The address is the secret, so it is the session's base and stands in no log line."""
    answer = Session(url, read_timeout=READ_TIMEOUT).call("POST", "", json=payload(told))
    if answer.status == 200:
        return
    raise _failure(answer, now())


def _failure(answer: Answer, now: datetime) -> Exception:
    code = answer.body[:80].decode(errors="replace").strip()
    sentence = WORDS.get(code, f"Slack answered {answer.status} {code}".strip())
    if answer.status == 429:
        return Throttled("Slack asked us to wait.", retry_at=now + _wait(answer.headers))
    if answer.status == 403:
        return NotAuthorised(sentence)
    if answer.status in {404, 410}:
        return Gone(sentence)
    if 400 <= answer.status < 500:
        return Rejected(sentence, code=code)
    return Unreachable(sentence, may_have_arrived=answer.status != 503)


def _wait(headers: Mapping[str, str]) -> timedelta:
    given = headers.get("Retry-After", "")
    seconds = int(given) if given.isascii() and given.isdigit() else 60
    return min(timedelta(seconds=max(1, seconds)), LONGEST_WAIT)


def payload(told: Told) -> dict[str, Any]:
    """`text` is what notifications on a phone show."""
    title = f"{SIGNS.get(told.severity, '')} {told.title}".strip()
    return {"text": escaped(f"{told.title} ({told.workspace})"), "blocks": list(_blocks(told, title))}


def _blocks(told: Told, title: str) -> Sequence[dict[str, Any]]:
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": cut(title, LONGEST_HEADER), "emoji": True}}
    ]
    if told.text:
        blocks.append({"type": "section", "text": _words(cut(escaped(told.text), LONGEST_TEXT))})
    facts = [_words(cut(f"*{escaped(label)}*\n{escaped(value)}", LONGEST_FIELD)) for label, value in told.facts]
    blocks += [{"type": "section", "fields": facts[at : at + MOST_FIELDS]} for at in range(0, len(facts), MOST_FIELDS)]
    link = f" · <{told.url}|Open in Stratum>" if told.url else ""
    again = " · Sent again: Slack did not confirm the first one." if told.repeated else ""
    blocks.append({"type": "context", "elements": [_words(f"{escaped(told.workspace)}{link}{again}")]})
    return blocks[:50]


def _words(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text}


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, longest: int) -> str:
    """Never in the middle of an escaped character."""
    if len(text) <= longest:
        return text
    kept = text[: longest - 1]
    start = kept.rfind("&")
    return (kept[:start] if start > len(kept) - 5 and ";" not in kept[start:] else kept) + "…"
