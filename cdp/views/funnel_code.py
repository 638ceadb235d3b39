"""A funnel as other programs take it: its definition as JSON, and the command that creates it through the API."""

import json
import shlex
from dataclasses import dataclass

from cdp.definitions.funnels import FunnelDraft

KEY = "stm_live_YOUR_KEY"  # stands where an API key belongs


@dataclass(frozen=True, slots=True)
class FunnelCode:
    """Both as text to be copied; `command` is for a POSIX shell."""

    json: str
    command: str


def funnel_code(draft: FunnelDraft, address: str) -> FunnelCode:
    """`address` is that of POST /api/v1/cdp/funnels."""
    body = {"name": draft.name, "description": draft.description, **draft.definition.as_json()}
    text = json.dumps(body, ensure_ascii=False, indent=2)
    lines = (
        f"curl -X POST {shlex.quote(address)}",
        f"-H 'Authorization: Bearer {KEY}'",
        "-H 'Content-Type: application/json'",
        f"--data {shlex.quote(text)}",
    )
    return FunnelCode(text, " \\\n  ".join(lines))


def command_of_question(address: str) -> str:
    """`address` is that of a GET with its query."""
    return f"curl {shlex.quote(address)} \\\n  -H 'Authorization: Bearer {KEY}'"
