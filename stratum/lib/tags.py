"""ETags: what an answer is called, and whether a condition of a request names it."""

import hashlib
from collections.abc import Container
from typing import Any

from django.utils.http import parse_etags
from rest_framework.renderers import JSONRenderer


def names_tag(header: str, tag: str) -> bool:
    """Whether an If-Match or If-None-Match names this tag. Proxies that compress an answer have weakened its tag."""
    return any(named == "*" or named.removeprefix("W/") == tag for named in parse_etags(header))


def of_content(data: Any, passing: Container[str] = ()) -> str:
    """A tag of what is told, without the members that change by themselves."""
    kept = {name: value for name, value in data.items() if name not in passing}
    return f'"{hashlib.sha256(JSONRenderer().render(kept)).hexdigest()[:32]}"'
