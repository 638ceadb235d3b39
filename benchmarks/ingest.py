"""Ingestion rate: events per second through gunicorn into PostgreSQL, beside a plain COPY of the same rows.

    DATABASE_URL=postgres://… python -m benchmarks.ingest [--events 100000] [--direct]

Events of about 810 bytes of 20,000 people who are known beforehand, in batches of 100, from six client processes that
share the machine with server and database.
`--direct` calls the service in this process instead: what one worker spends without HTTP.
"""

import argparse
import base64
import http.client
import multiprocessing
import os
import random
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import django
import orjson

BATCH = 100
PEOPLE = 20_000
CLIENTS = 6  # enough connections that both processes of the server get some
COPIES = 2
PORT = 8_911


def item(chance: random.Random, number: int, user: int) -> dict[str, object]:
    """A product view as a browser SDK sends it."""
    return {
        "type": "track",
        "event": chance.choice(["Product Viewed", "Product Added", "Order Completed", "Searched"]),
        "messageId": f"bench-{number}-{uuid.UUID(int=chance.getrandbits(128))}",
        "userId": f"user-{user}",
        "anonymousId": str(uuid.UUID(int=user)),
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        "properties": {
            "product_id": f"sku-{chance.randrange(500)}",
            "name": "Trail running shoe, waterproof",
            "category": chance.choice(["shoes", "jackets", "tents"]),
            "price": chance.randrange(1_000, 20_000) / 100,
            "currency": "EUR",
            "quantity": 1,
            "url": "https://shop.example/products/trail-running-shoe?utm_source=facebook&utm_campaign=Summer+Sale",
        },
        "context": {
            "ip": "203.0.113.7",
            "locale": "en-GB",
            "library": {"name": "analytics.js", "version": "1.84.3"},
            "page": {"url": "https://shop.example/", "path": "/", "referrer": "https://www.facebook.com/"},
            "userAgent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
            "campaign": {"source": "facebook", "name": "Summer Sale"},
        },
    }


def bodies(count: int, seed: int) -> list[bytes]:
    chance = random.Random(seed)
    return [
        orjson.dumps({"batch": [item(chance, n, chance.randrange(PEOPLE)) for n in range(first, first + BATCH)]})
        for first in range(seed * 10_000_000, seed * 10_000_000 + count, BATCH)
    ]


def first_visits() -> list[bytes]:
    """One event of everybody, so that the measured ones meet people who are known."""
    chance = random.Random(0)
    visits = [item(chance, -1 - user, user) for user in range(PEOPLE)]
    return [orjson.dumps({"batch": visits[first : first + 500]}) for first in range(0, PEOPLE, 500)]


def send_all(arguments: tuple[str, int, int]) -> float:
    """One client: returns the seconds it needed."""
    key, count, seed = arguments
    prepared = bodies(count, seed)
    headers = {
        "Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode(),
        "Content-Type": "application/json",
    }
    link = http.client.HTTPConnection("127.0.0.1", PORT)
    begun = time.perf_counter()
    for body in prepared:
        link.request("POST", "/v1/batch", body, headers)
        answer = link.getresponse()
        text = answer.read()
        assert (answer.status, text) == (200, b'{"success": true}'), text
    return time.perf_counter() - begun


def through_http(key: str, events: int) -> float:
    command = [sys.executable, "-m", "gunicorn", "stratum.wsgi", "-k", "gthread", "-w", "2", "--threads", "4"]
    server = subprocess.Popen([*command, "-b", f"127.0.0.1:{PORT}", "--log-level", "warning"])
    try:
        _wait_for_port()
        with multiprocessing.get_context("spawn").Pool(CLIENTS) as pool:
            send = pool.map_async(send_all, [(key, events // CLIENTS, 1 + n) for n in range(CLIENTS)])
            return events / max(send.get())
    finally:
        server.terminate()
        server.wait()


def _wait_for_port() -> None:
    for _ in range(100):
        try:
            http.client.HTTPConnection("127.0.0.1", PORT).connect()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("gunicorn did not start")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--direct", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stratum.settings")
    django.setup()
    from benchmarks import ingest_setting  # noqa: PLC0415  (models exist after setup)

    workspace, source, key = ingest_setting.stage()
    ingest_setting.direct(workspace, source, first_visits())
    size = sum(map(len, bodies(BATCH * 10, 9))) / (BATCH * 10)
    print(f"{options.events:,} events of {size:.0f} bytes in batches of {BATCH}")
    if options.direct:
        rate = ingest_setting.direct(workspace, source, bodies(options.events, 3))
        print(f"service in one process: {rate:,.0f} events/s")
        return
    rate = through_http(key, options.events)
    print(f"gunicorn, 2 workers: {rate:,.0f} events/s")
    with ThreadPoolExecutor(COPIES) as pool:
        copied = ingest_setting.copy_rate(workspace, pool, COPIES)
    print(f"COPY of the same rows over {COPIES} connections: {copied:,.0f} rows/s; ratio {rate / copied:.2f}")


if __name__ == "__main__":
    main()
