"""What predicates say about the rows of files that do not change, remembered for the next question within a budget."""

import threading
from collections import OrderedDict
from weakref import ref

import numpy as np

from cdp.engine.arrays import Bytes
from cdp.engine.columnar.masks import row_mask
from cdp.engine.columnar.snapshot import Stream
from cdp.engine.columnar.table import Table, View
from cdp.engine.predicates import DURATION_OPERATORS, AllOf, AnyItem, AnyOf, Not, Predicate

# All masks of a process together; one of ten million events has ten.
MOST_BYTES = 64 * 2**20
Key = tuple["ref[Table]", str, str]


class Kept:
    """Masks by when they were last asked for."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.masks: OrderedDict[Key, Bytes] = OrderedDict()
        self.bytes = 0
        self.lock = threading.Lock()

    def get(self, key: Key) -> Bytes | None:
        with self.lock:
            if key in self.masks:
                self.masks.move_to_end(key)
            return self.masks.get(key)

    def put(self, key: Key, mask: Bytes) -> None:
        with self.lock:
            self.bytes += mask.nbytes - self.size(key)
            self.masks[key] = mask
            while self.bytes > self.most_bytes:
                self.bytes -= self.masks.popitem(last=False)[1].nbytes

    def size(self, key: Key) -> int:
        return self.masks[key].nbytes if key in self.masks else 0


KEPT = Kept(MOST_BYTES)


def stream_mask(stream: Stream, where: Predicate, as_of: int) -> Bytes:
    """1 for each row of the stream that satisfies the predicate."""
    view = stream.pieces[0].view
    if stream.order is not None or type(view) is not View:
        return mask_of(stream, where, as_of)
    # Predicates that differ in 1 and true only are equal, but their texts are not.
    moment = str(as_of) if is_moving(where) else ""
    key = ref(view.table), stream.name, f"{where!r} {moment}"
    mask = KEPT.get(key)
    if mask is None:
        mask = mask_of(stream, where, as_of)
        KEPT.put(key, mask)
    return mask


def mask_of(stream: Stream, where: Predicate, as_of: int) -> Bytes:
    mask: Bytes = stream.gather(lambda view: row_mask(where, view, as_of)).view(np.uint8)
    return mask


def is_moving(where: Predicate) -> bool:
    """Whether the answer depends on when it is asked."""
    match where:
        case AllOf(children) | AnyOf(children):
            return any(map(is_moving, children))
        case Not(child) | AnyItem(_, child):
            return is_moving(child)
    return where.op in DURATION_OPERATORS
