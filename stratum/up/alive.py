"""Ask the web server that was started whether all works."""

import http.client
import json

from django.conf import settings


def problems(host: str, port: int) -> list[str]:
    """What `/healthz` says is wrong; empty when all works."""
    headers = {"Host": _a_name(), "X-Forwarded-Proto": "https" if settings.SECURE else "http"}
    connection = http.client.HTTPConnection(_reachable(host), port, timeout=10)
    try:
        connection.request("GET", "/healthz", headers=headers)
        answer = connection.getresponse()
        return _failing(json.loads(answer.read())) if answer.status in {200, 503} else [f"/healthz: {answer.status}"]
    except (OSError, ValueError, http.client.HTTPException) as error:
        return [f"The web server does not answer: {error}"]
    finally:
        connection.close()


def _failing(body: dict[str, dict[str, dict[str, str]]]) -> list[str]:
    return [f"{name}: {check['detail']}" for name, check in body["checks"].items() if not check["ok"]]


def _a_name() -> str:
    """One that the web server takes for its own."""
    plain = [host.lstrip(".") for host in settings.ALLOWED_HOSTS if host != "*"]
    return plain[0] if plain else "localhost"


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
