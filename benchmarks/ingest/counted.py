"""How long after its acknowledgement an event is counted, while others send: asked by a client of the API."""

import base64
import http.client
import json
import threading
import time
import uuid
from typing import Any

PAUSE = 0.1  # seconds between two probes


class Prober:
    """Sends two events of somebody new, and asks for their funnel as soon as they are acknowledged."""

    def __init__(self, port: int, write_key: str, api_key: str) -> None:
        self.link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.login = "Basic " + base64.b64encode(f"{write_key}:".encode()).decode()
        self.bearer = f"Bearer {api_key}"
        self.names = [f"{what} {uuid.uuid4().hex[:8]}" for what in ("Begun", "Ended")]
        self.question = {"funnel": {"steps": [{"event": name} for name in self.names]}}
        self.sent = 0
        self.milliseconds: list[float] = []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self) -> "Prober":
        self.probe()  # the first question of a workspace makes its engine
        self.milliseconds.clear()
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()
        self.link.close()

    def run(self) -> None:
        while not self.ended.wait(PAUSE):
            self.probe()

    def probe(self) -> None:
        user = f"{self.names[0]} {self.sent}"
        items = [
            {"type": "track", "event": name, "userId": user, "messageId": f"{name}-{self.sent}"} for name in self.names
        ]
        self.call("/v1/batch", {"batch": items}, self.login)
        self.sent += 1
        acknowledged = time.perf_counter()
        answer = self.call("/api/v1/cdp/funnels/preview", self.question, self.bearer)
        self.milliseconds.append(1_000 * (time.perf_counter() - acknowledged))
        if (answer["entered"], answer["converted"]) != (self.sent, self.sent):
            raise SystemExit(f"{self.sent} probes were acknowledged, but the answer counts {answer['entered']}")

    def call(self, path: str, body: object, login: str) -> dict[str, Any]:
        self.link.request("POST", path, json.dumps(body), {"Authorization": login, "Content-Type": "application/json"})
        answer = self.link.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path} answered {answer.status}: {text[:300]!r}")
        told: dict[str, Any] = json.loads(text)
        return told
