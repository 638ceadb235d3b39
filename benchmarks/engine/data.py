"""Events from a seed, kept as Parquet files that every contender loads.

Users' activity is log-normal, about 20 events each over 180 days; no two events share an instant, because databases
order equal instants as they like. Names beyond the shop's five are the rarer the higher their number.
"""

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cdp.engine.batches import EventBatch

DAY = 86_400_000_000
DAYS = 180
START = 1_750_032_000_000_000  # a midnight of UTC, so that days of the trend are days everywhere
END = START + DAYS * DAY
SEED = 7
SLICE = 1_000_000
EVENTS_PER_USER = 20

SHOP = ("page_view", "view_content", "add_to_cart", "initiate_checkout", "purchase")
SHARES = (0.30, 0.22, 0.08, 0.04, 0.03)
PLATFORMS = ("meta", "google", "tiktok", "pinterest", "direct")
DEVICES = ("mobile", "desktop", "tablet")
CATEGORIES = tuple(f"category-{number}" for number in range(12))
PAGES = tuple(f"/p/{number}" for number in range(1_000))
# Ten segments of the profiles p with p * factor % PRIME < below, which any database can compute.
PRIME = 1_009
PLACES = tuple((7 + 31 * number, 100 + 60 * number) for number in range(10))

# Platforms are missing from a fifth of the events; `value` is money in cents.
SCHEMA = pa.schema(
    [
        ("seq", pa.int64()),
        ("profile", pa.int64()),
        ("ts", pa.int64()),
        ("event", pa.dictionary(pa.int32(), pa.string())),
        ("platform", pa.dictionary(pa.int32(), pa.string())),
        ("device", pa.dictionary(pa.int32(), pa.string())),
        ("category", pa.dictionary(pa.int32(), pa.string())),
        ("url", pa.dictionary(pa.int32(), pa.string())),
        ("value", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Size:
    """How much to generate: so many events of so many names."""

    events: int
    names: int = 40

    @property
    def users(self) -> int:
        return max(self.events // EVENTS_PER_USER, 10)

    @property
    def label(self) -> str:
        """Names what is kept of it between runs; another generator gets other names."""
        return f"{self.events}-{self.names}-{fingerprint()}"

    def event_names(self) -> tuple[str, ...]:
        return SHOP + tuple(f"event_{number}" for number in range(self.names - len(SHOP)))

    def chances(self) -> NDArray[np.float64]:
        """What share of the events each name has."""
        rare = 1 / (np.arange(self.names - len(SHOP)) + 10)
        return np.concatenate([SHARES, rare / rare.sum() * (1 - sum(SHARES))])


def events_file(folder: Path, size: Size) -> Path:
    """The generated events, from an earlier run if there was one."""
    path = folder / f"events-{size.label}.parquet"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        with pq.ParquetWriter(unfinished, SCHEMA) as writer:
            for part in generate(size):
                writer.write_table(part)
        os.replace(unfinished, path)
    return path


def generate(size: Size) -> Iterator[pa.Table]:
    """Slices in the order of time."""
    random = np.random.default_rng(SEED)
    weights = activity(random, size)
    firsts = range(0, size.events, SLICE)
    edges = np.linspace(START, END, len(firsts) + 1).astype(np.int64)
    for first, (low, high) in zip(firsts, pairwise(edges), strict=True):
        ts = np.sort(random.integers(low, high - SLICE, min(SLICE, size.events - first)))
        yield events(random, size, weights, distinct(ts), first + 1)


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """Of what this generator makes of its seed, whatever changed it: this file, or numpy's generators."""
    [part] = generate(Size(1_000))
    return f"{zlib.crc32(repr(part.to_pydict()).encode()):08x}"


def arrivals(size: Size, count: int, number: int) -> pa.Table:
    """The `number`-th batch of events of the last day that come when all others are stored."""
    random = np.random.default_rng((SEED, number))
    ts = np.sort(random.integers(END - DAY, END - SLICE, count))
    return events(random, size, activity(random, size), distinct(ts), size.events + number * count + 1)


def activity(random: np.random.Generator, size: Size) -> NDArray[np.float64]:
    """How often each user does something, summed up from the first user to the last."""
    return random.lognormal(0, 1.2, size.users).cumsum()


def distinct(ascending: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each at least one microsecond after the one before it."""
    place = np.arange(len(ascending))
    return np.maximum.accumulate(ascending - place) + place


def events(
    random: np.random.Generator, size: Size, weights: NDArray[np.float64], ts: NDArray[np.int64], first_seq: int
) -> pa.Table:
    count = len(ts)
    user = np.searchsorted(weights, random.random(count) * weights[-1])
    name = random.choice(size.names, count, p=size.chances()).astype(np.int32)
    has_platform = random.random(count) > 0.2
    columns = [
        pa.array(np.arange(first_seq, first_seq + count)),
        pa.array(user * 3 + 1),
        pa.array(ts),
        coded(name, size.event_names()),
        coded(random.integers(0, len(PLATFORMS), count), PLATFORMS, mask=~has_platform),
        coded(random.choice(len(DEVICES), count, p=(0.6, 0.3, 0.1)), DEVICES),
        coded(random.integers(0, len(CATEGORIES), count), CATEGORIES),
        coded(random.integers(0, len(PAGES), count), PAGES),
        pa.array(np.round(random.gamma(2, 3_000, count)).astype(np.int64) + 1),
    ]
    return pa.table(columns, schema=SCHEMA)


def coded(place: NDArray[Any], values: tuple[str, ...], mask: NDArray[np.bool_] | None = None) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(place.astype(np.int32), mask=mask), pa.array(values))


def slices(path: Path) -> Iterator[pa.Table]:
    """What `generate` gave, read back."""
    file = pq.ParquetFile(path, read_dictionary=["event", "platform", "device", "category", "url"])
    for group in range(file.num_row_groups):
        yield file.read_row_group(group)


def batch(part: pa.Table) -> EventBatch:
    """A slice as the engine takes it: properties are parsed JSON."""
    column = {name: part[name].to_pylist() for name in ("event", "platform", "device", "category", "url", "value")}
    ts = part["ts"].to_numpy()
    return EventBatch(
        seq=part["seq"].to_numpy(),
        profile=part["profile"].to_numpy(),
        ts=ts,
        received=ts + 1_000_000,
        name=column["event"],
        kind=np.zeros(len(part), np.uint8),
        properties=[
            {"url": url, "category": category, "value": value / 100, "$device": device}
            | ({"$platform": platform} if platform else {})
            for url, category, value, device, platform in zip(
                *(column[name] for name in ("url", "category", "value", "device", "platform")), strict=True
            )
        ],
    )
