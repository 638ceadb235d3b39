"""Programs enter with a key, people with a session; both only where their rights reach."""

from datetime import timedelta

import pytest
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from stratum.workspaces.models import ApiKey
from tests import factories


class Echo(APIView):
    rights = {"GET": "view", "POST": "build"}

    def get(self, request: Request) -> Response:
        return Response({"workspace": request.workspace.slug, "actor": request.actor.label})

    def post(self, request: Request) -> Response:
        return Response({"workspace": request.workspace.slug})


def call(method="get", **headers):
    request = getattr(APIRequestFactory(), method)("/api/v1/echo", headers=headers)
    request.request_id = "r1"
    response = Echo.as_view()(request)
    return response.render()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Api-Key", "Token"])
def test_it_works(api_key, scheme):
    answer = call(Authorization=f"{scheme} {api_key}")
    assert answer.status_code == 200
    assert answer.data == {"workspace": "acme", "actor": "API key Test program"}


def test_the_key_may_come_in_a_header_of_its_own(api_key):
    assert call(**{"X-API-Key": api_key}).status_code == 200


def test_it_notes_when_a_key_was_used(api_key, now):
    call(Authorization=f"Bearer {api_key}")
    assert ApiKey.objects.get().last_used_at == now


def test_without_a_key_the_answer_is_401_and_says_how(db):
    answer = call()
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer.data["code"] == "not_authenticated"
    assert answer.data["request_id"] == "r1"


@pytest.mark.parametrize("text", ["", "stm_live_", "stm_live_" + "a" * 50, "ключ", "x" * 5000])
def test_a_wrong_key_is_401(db, text):
    answer = call(Authorization=f"Bearer {text}".encode().decode("latin-1"))
    assert answer.status_code == 401
    assert answer.data["code"] == "invalid_api_key"


def test_another_secret_behind_a_known_prefix_is_401(api_key, other_workspace):
    other = factories.api_key(other_workspace)
    ApiKey.objects.filter(workspace=other_workspace).update(prefix="stm_live_elsewhere")
    ApiKey.objects.filter(prefix=api_key[:21]).update(prefix=other[:21])
    assert call(Authorization=f"Bearer {other}").status_code == 401


@pytest.mark.parametrize("change", [{"revoked_at": 0}, {"expires_at": 0}, {"expires_at": -1}])
def test_a_revoked_or_expired_key_is_401(api_key, now, change):
    ((field, seconds),) = change.items()
    ApiKey.objects.update(**{field: now + timedelta(seconds=seconds)})
    assert call(Authorization=f"Bearer {api_key}").status_code == 401


def test_a_key_before_its_expiry_works(api_key, now):
    ApiKey.objects.update(expires_at=now + timedelta(seconds=1))
    assert call(Authorization=f"Bearer {api_key}").status_code == 200


def test_a_key_does_only_what_its_scopes_say(workspace):
    key = factories.api_key(workspace, scopes=["read"])
    assert call(Authorization=f"Bearer {key}").status_code == 200
    refused = call("post", Authorization=f"Bearer {key}")
    assert refused.status_code == 403
    assert refused.data["code"] == "scope_missing"
    assert "“write”" in refused.data["detail"]


def test_earlier_secret_keys_still_open(api_key, settings):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new one after rotation"
    assert call(Authorization=f"Bearer {api_key}").status_code == 200
