"""JSON texts that ClickHouse sends, as small numbers: every different text is read once."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cdp.engine.clickhouse.values import from_text
from cdp.engine.columnar.labels import Codes, Labels


def labels_of(texts: pa.ChunkedArray, labels: Labels) -> Codes:
    """The label of each text. Of values that are one, such as 1 and 1.0, the one whose text comes first is it."""
    place, different = encoded(texts)
    order = sorted(range(len(different)), key=different.__getitem__)
    code = np.empty(len(different), np.int32)
    code[order] = labels.codes(from_text(different[one]) for one in order)
    return code[place]


def encoded(texts: pa.ChunkedArray) -> tuple[NDArray[np.int32], list[str]]:
    """Each text's place among the different ones."""
    found = texts.combine_chunks().dictionary_encode()
    place = np.frombuffer(found.indices.buffers()[1], np.int32, len(found)) if len(found) else np.empty(0, np.int32)
    return place, found.dictionary.to_pylist()
