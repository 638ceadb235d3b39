"""How the OpenAPI document describes our ways in."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from stratum.lib import problems

PROBLEM = {"$ref": "#/components/schemas/Problem"}


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


def describe_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Every request may be one that nobody can read (400), and every error is told as problem+json."""
    for operations in result["paths"].values():
        for operation in operations.values():
            answers = operation["responses"]
            answers.setdefault("400", {"description": "", "content": {"application/json": {"schema": PROBLEM}}})
            for status, answer in answers.items():
                if status >= "400" and "content" in answer:
                    answer["content"] = {problems.MEDIA_TYPE: {"schema": PROBLEM}}
    return result
