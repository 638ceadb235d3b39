"""Pipedrive's own specifications, where they lie beside the checkout: requests and answers are held against them."""

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
import yaml
from django.conf import settings
from openapi_schema_validator import OAS30Validator

from integrations.sandbox.wire import Reply, Request

NAMES = {"v1": "needed-v1-strict.yaml", "v2": "needed-v2-strict.yaml"}


def folder() -> Path | None:
    """PIPEDRIVE_SPECS, else `shared/pipedrive` beside the checkout or one above."""
    base = Path(settings.BASE_DIR)
    named = [Path(os.environ["PIPEDRIVE_SPECS"])] if "PIPEDRIVE_SPECS" in os.environ else []
    for place in (*named, base.parent / "shared" / "pipedrive", base.parent.parent / "shared" / "pipedrive"):
        if all((place / name).is_file() for name in NAMES.values()):
            return place
    return None


@lru_cache
def spec(version: str) -> Any:
    place = folder()
    assert place is not None
    return yaml.load((place / NAMES[version]).read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def check(request: Request, reply: Reply) -> None:
    """Raises AssertionError with what does not fit. Only answers that the specification has are checked."""
    version, path, operation = _operation(request)
    body = operation.get("requestBody")
    if body and request.body:
        schema = _schema(version, next(iter(body["content"].values()))["schema"])
        _valid(schema, orjson.loads(request.body), f"{request.method} {path} request")
    known = {one["name"] for one in (_resolved(version, one) for one in operation.get("parameters", ()))}
    assert set(request.params) <= known, f"{request.method} {path}: {set(request.params) - known}"
    answer = operation["responses"].get(str(reply.status))
    if answer is not None:
        schema = _schema(version, next(iter(_resolved(version, answer)["content"].values()))["schema"])
        _valid(schema, orjson.loads(reply.body), f"{request.method} {path} answer")


def _operation(request: Request) -> tuple[str, str, Any]:
    version = "v2" if "/v2/" in request.path else "v1"
    path = "/" + request.path.partition(f"/{version}/")[2]
    for template, operations in spec(version)["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        if re.fullmatch(pattern, path) and request.method.lower() in operations and _is_best(template, path, version):
            return version, template, operations[request.method.lower()]
    raise AssertionError(f"{request.method} {request.path} is in no specification")


def _is_best(template: str, path: str, version: str) -> bool:
    """`/persons/search` is not `/persons/{id}`."""
    return template == path or path not in spec(version)["paths"]


def _resolved(version: str, node: Any) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        found = spec(version)
        for part in node["$ref"].split("/")[1:]:
            found = found[part.replace("~1", "/")]
        node = found
    return node


def _schema(version: str, node: Any) -> Any:
    """Without references."""
    node = _resolved(version, node)
    if isinstance(node, dict):
        return {key: _schema(version, value) for key, value in node.items() if key not in ("example", "examples")}
    return [_schema(version, one) for one in node] if isinstance(node, list) else node


def _valid(schema: Any, value: Any, where: str) -> None:
    errors = [
        f"{'/'.join(map(str, error.path))}: {error.message[:200]}"
        for error in OAS30Validator(schema).iter_errors(value)
    ]
    assert not errors, f"{where}: {errors[:5]}"
