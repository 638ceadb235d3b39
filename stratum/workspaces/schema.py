"""How the OpenAPI document describes our ways in."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from stratum.lib import problems
from stratum.workspaces.conditional import TaggedView

PROBLEM = {"$ref": "#/components/schemas/Problem"}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A repeat with the same key does nothing again and is answered as before, for a day.",
    "schema": {"type": "string", "maxLength": 255, "pattern": "^[ -~]+$"},
}

IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "Refuse with 412 when the ETag is another.",
    "schema": {"type": "string"},
}


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "stratum.workspaces.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key from Settings > API Keys."}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "stratum.workspaces.authentication.MemberAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "A signed-in browser."}


def describe_tags(result: dict[str, Any], generator: Any, **_: Any) -> dict[str, Any]:
    """What TaggedView does with every document that has no version of its own."""
    for path, _regex, method, view in generator.endpoints:
        operation = result["paths"].get(path, {}).get(method.lower())
        if operation is None or not isinstance(view, TaggedView):
            continue
        if method == "GET":
            operation["responses"]["304"] = {"description": "If-None-Match names what it still is."}
        else:
            operation.setdefault("parameters", []).append(IF_MATCH)
            operation["responses"]["412"] = {"description": "", "content": {"application/json": {"schema": PROBLEM}}}
    return result


def loosen(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Any JSON or null is any JSON: said as a choice of one, null would fit twice and so not at all."""
    for schema in result["components"]["schemas"].values():
        for told in schema.get("properties", {}).values():
            if {} in told.get("oneOf", ()):
                del told["oneOf"]
    return result


def describe_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Every request may be one that nobody can read (400), one that does not fit what is there (409) or one too many
    (429), and every error is told as problem+json. Every POST may be repeated under an Idempotency-Key.
    """
    for operations in result["paths"].values():
        for method, operation in operations.items():
            if method == "post":
                _repeatable(operation)
            answers = operation["responses"]
            for status in ("400", "409", "429"):
                answers.setdefault(status, {"description": "", "content": {"application/json": {"schema": PROBLEM}}})
            for status, answer in answers.items():
                if status >= "400" and "content" in answer:
                    answer["content"] = {problems.MEDIA_TYPE: {"schema": PROBLEM}}
    return result


def _repeatable(operation: dict[str, Any]) -> None:
    operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    used_before = {"description": "", "content": {"application/json": {"schema": PROBLEM}}}
    operation["responses"].setdefault("422", used_before)  # for another request
