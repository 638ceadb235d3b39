"""RFM written: the cut-offs."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cdp.models import RfmCutOffs
from cdp.queries import rfm as queries
from cdp.rfm.scores import CutOffs
from stratum.lib.refusal import Fault, Invalid
from stratum.workspaces.models import Workspace

FIELDS = ("recency", "orders", "spend")
COUNT = 4  # what earns 5, 4, 3 and 2
MOST = 1_000_000_000


def save_cut_offs(*, workspace: Workspace, body: object, now: datetime) -> CutOffs:
    """`body`: four numbers each for recency (ascending), orders and spend (descending). Raises Invalid with every
    fault."""
    queries.require_feature(workspace)
    if not isinstance(body, Mapping):
        raise Invalid([Fault("", "This must be an object with recency, orders and spend.", "wrong_type")])
    faults = [
        Fault(f"/{name}", "This field is not known here.", "unknown_field") for name in body if name not in FIELDS
    ]
    faults += [Fault(f"/{name}", sentence) for name in FIELDS if (sentence := _trouble(name, body.get(name)))]
    if faults:
        raise Invalid(faults)
    told = {name: list(body[name]) for name in FIELDS}
    RfmCutOffs.objects.update_or_create(workspace=workspace, defaults=told | {"updated_at": now})
    return queries.cut_offs(workspace)


def _trouble(name: str, value: object) -> str:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != COUNT:
        return "Give four numbers: what still earns 5, 4, 3 and 2."
    if not all(_is_number(one, whole=name != "spend") for one in value):
        return "Give numbers from 0 up." if name == "spend" else "Give whole numbers from 0 up."
    steps: list[Any] = list(value)
    if steps != sorted(set(steps), reverse=name != "recency"):
        order = "the smallest first" if name == "recency" else "the largest first"
        return f"Give four different numbers, {order}."
    return ""


def _is_number(value: object, *, whole: bool) -> bool:
    kinds = int if whole else (int, float)
    if not isinstance(value, kinds) or isinstance(value, bool):
        return False
    return math.isfinite(value) and 0 <= value <= MOST
