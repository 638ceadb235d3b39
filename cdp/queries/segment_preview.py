"""A condition tried: how many it finds, how many each of its parts finds, and some of them."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from cdp.definitions.conditions import Condition
from cdp.queries import profiles, segment_uses
from cdp.queries.engine import answering, fresh_engine
from cdp.queries.profiles import ProfileCard
from cdp.queries.segment_answers import answers
from cdp.queries.universe import universe
from cdp.segments.evaluation import blocks
from stratum.workspaces.models import Workspace

SAMPLE = 5


@dataclass(frozen=True, slots=True)
class Block:
    """How many satisfy the node at `path` alone, a JSON pointer."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Preview:
    """Counts of live profiles. The `universe` are those who may be in it: the identified ones, or everybody."""

    size: int
    universe: int
    identified: int
    anonymous: int
    blocks: tuple[Block, ...]
    sample: tuple[ProfileCard, ...]
    as_of: datetime

    @property
    def rate(self) -> float:
        return self.size / self.universe if self.universe else 0.0


def preview(workspace: Workspace, condition: Condition, *, include_anonymous: bool, now: datetime) -> Preview:
    """Raises a Refusal where the plan lacks such a condition or the engine cannot answer."""
    segment_uses.require_in_plan(workspace, condition)
    with answering():
        those = universe(workspace)
        found = answers(workspace, fresh_engine(workspace), [condition], those, now=now, is_everybody=True)
    counted = those.counted(include_anonymous)
    masks = [(path, mask & counted) for path, mask in blocks(condition, found, len(counted))]
    chosen = masks[0][1]
    size, identified = int(chosen.sum()), int((chosen & those.identified).sum())
    newest = those.profile[np.flatnonzero(chosen)[::-1][:SAMPLE]].tolist()
    return Preview(
        size,
        int(counted.sum()),
        identified,
        size - identified,
        tuple(Block(path, int(mask.sum())) for path, mask in masks),
        tuple(profiles.shown(workspace, newest, now=now)),
        now,
    )
