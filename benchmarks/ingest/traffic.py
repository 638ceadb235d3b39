"""The clients: events of about 810 bytes of 20,000 people, as browsers send them, in batches of 100."""

import base64
import http.client
import math
import multiprocessing
import random
import time
import uuid
from multiprocessing.pool import AsyncResult, Pool

import orjson

BATCH = 100
PEOPLE = 20_000
CLIENTS = 6  # enough connections that both processes of the server get some


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


def send_all(arguments: tuple[int, str, int, int, float]) -> tuple[float, float]:
    """One client: the seconds that it needed, and those of its processor. `pause`: the least from batch to batch."""
    port, key, count, seed, pause = arguments
    prepared = bodies(count, seed)
    headers = {
        "Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode(),
        "Content-Type": "application/json",
    }
    link = http.client.HTTPConnection("127.0.0.1", port)
    begun, worked = time.perf_counter(), time.process_time()
    for number, body in enumerate(prepared):
        time.sleep(max(0.0, begun + number * pause - time.perf_counter()))
        link.request("POST", "/v1/batch", body, headers)
        answer = link.getresponse()
        text = answer.read()
        assert (answer.status, text) == (200, b'{"success": true}'), text
    return time.perf_counter() - begun, time.process_time() - worked


def clients() -> Pool:
    return multiprocessing.get_context("spawn").Pool(CLIENTS)


def send(
    pool: Pool, port: int, key: str, events: int, seed: int, rate: float = math.inf
) -> "AsyncResult[list[tuple[float, float]]]":
    """All clients at once, at most `rate` events a second; `seed` makes the messages other ones than before."""
    pause = BATCH * CLIENTS / rate
    return pool.map_async(send_all, [(port, key, events // CLIENTS, seed + one, pause) for one in range(CLIENTS)])
