"""A definition as other programs take it: as JSON, and as the command that creates it through the API."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KEY = "stm_live_YOUR_KEY"  # stands where an API key belongs


@dataclass(frozen=True, slots=True)
class ApiCode:
    """Both as text to be copied; `command` is for a POSIX shell."""

    json: str
    command: str


def api_code(body: Mapping[str, Any], address: str) -> ApiCode:
    """`address` is the one that the body is posted to."""
    text = json.dumps(body, ensure_ascii=False, indent=2)
    lines = (
        f"curl -X POST {shlex.quote(address)}",
        f"-H 'Authorization: Bearer {KEY}'",
        "-H 'Content-Type: application/json'",
        f"--data {shlex.quote(text)}",
    )
    return ApiCode(text, " \\\n  ".join(lines))


def command_of_question(address: str) -> str:
    """`address` is that of a GET with its query."""
    return f"curl {shlex.quote(address)} \\\n  -H 'Authorization: Bearer {KEY}'"
