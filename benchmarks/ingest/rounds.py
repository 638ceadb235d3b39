"""One round: the rate alone, then with a client who asks, then COPY."""

import psutil

from benchmarks.ingest import report, stage, traffic
from benchmarks.ingest.counted import Prober
from benchmarks.ingest.server import web, worked

PROBED_SECONDS = 20
WANTED = 8_000  # events a second
WARM_UP = 6_000  # events, until all connections and statements are prepared


def measure(made: stage.Stage, database: psutil.Process, port: int, events: int, seed: int) -> report.Round:
    stored = stage.stored(made)
    with web(port) as server, traffic.clients() as pool:
        traffic.send(pool, port, made.write_key, WARM_UP, seed).get()
        before = worked(server), worked(database)
        took = traffic.send(pool, port, made.write_key, events, seed + 20).get()
        after = worked(server), worked(database)
        load = report.load()
        rate = events / max(whole for whole, _ in took)
        counted = [probe(made, pool, port, int(one / 2), seed + 40 + place) for place, one in enumerate((WANTED, rate))]
    seconds = [after[which] - before[which] for which in (0, 1)] + [sum(used for _, used in took)]
    spent = [1e6 * used / events for used in seconds]
    return report.Round(stored, rate, stage.copy_rate(made, events), *spent, *counted, load)


def probe(made: stage.Stage, pool: traffic.Pool, port: int, rate: int, seed: int) -> list[float]:
    """Milliseconds from acknowledgement to answer while the clients send so many events a second."""
    with Prober(port, made.write_key, made.api_key) as prober:
        traffic.send(pool, port, made.write_key, rate * PROBED_SECONDS, seed, rate).get()
    return prober.milliseconds
