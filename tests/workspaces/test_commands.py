"""manage.py create_workspace and issue_key, for scripts and operators."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from stratum.workspaces import queries
from stratum.workspaces.models import ApiKey, Member, User, Workspace, WriteKey


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_a_workspace_is_made_with_its_owner(alice):
    made = json.loads(
        run("create_workspace", "Acme", "--time-zone", "Asia/Tokyo", "--owner", "Alice@example.com", "--json")
    )
    workspace = Workspace.objects.get(slug=made["slug"])
    assert (workspace.name, workspace.plan, workspace.time_zone) == ("Acme", "professional", "Asia/Tokyo")
    assert made["slug"] != "acme"  # taken by the cast
    assert Member.objects.get(workspace=workspace).user == alice
    assert made["hint"] is None


def test_an_unknown_owner_gets_an_account_and_a_hint(db):
    out = run("create_workspace", "New", "--owner", "new@example.com", "--plan", "starter")
    assert "manage.py changepassword new@example.com" in out
    assert not User.objects.get().has_usable_password()
    assert Member.objects.get().role == "owner"
    assert Workspace.objects.get().plan == "starter"


def test_without_an_owner_there_is_a_workspace_all_the_same(db):
    assert json.loads(run("create_workspace", "Lonely", "--json"))["owner"] is None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["X", "--time-zone", "Mars"], "not a time zone"),
        ([""], "needs a name"),
        (["X", "--owner", "nobody"], "whole e-mail address"),
        (["X", "--currency", "euro"], "three capital letters"),
        (["X", "--plan", "gold"], "invalid choice"),
    ],
)
def test_bad_input_is_one_sentence_and_makes_nothing(db, words, sentence):
    with pytest.raises(CommandError, match=sentence):
        run("create_workspace", *words, "--json")
    assert not Workspace.objects.exists() and not User.objects.exists()


def test_an_api_key_is_issued(workspace, now):
    made = json.loads(run("issue_key", "acme", "--kind", "api", "--scope", "read", "--scope", "write", "--json"))
    key = queries.authenticate_api_key(made["key"], now=now)
    assert (key.workspace, key.scopes) == (workspace, ["read", "write"])


def test_scopes_may_be_parted_by_commas(workspace):
    made = json.loads(run("issue_key", "acme", "--kind", "api", "--scope", "read,write", "--scope", "team", "--json"))
    assert made["scopes"] == ["read", "write", "team"]


def test_a_write_key_is_issued(workspace):
    made = json.loads(run("issue_key", "acme", "--kind", "write", "--client-side", "--name", "web", "--json"))
    key = queries.authenticate_write_key(made["key"])
    assert (key.name, key.client_side) == ("web", True)


def test_without_json_only_the_key_stands_on_stdout(workspace, now):
    text = run("issue_key", "acme", "--kind", "api").strip()
    assert queries.authenticate_api_key(text, now=now).scopes == [
        "read",
        "write",
        "approve",
        "execute",
        "settings",
        "team",
    ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere", "--kind", "api"], "no workspace “nowhere”"),
        (["acme", "--kind", "write", "--scope", "read"], "no scopes"),
        (["acme", "--kind", "api", "--client-side"], "--kind write"),
        (["acme", "--kind", "api", "--scope", "sudo"], "no scope “sudo”"),
        (["acme", "--kind", "api", "--scope", "read,"], "no scope “”"),
        (["acme", "--kind", "api", "--name", ""], "needs a name"),
        (["acme"], "--kind"),
    ],
)
def test_bad_input_issues_no_key(workspace, words, sentence):
    with pytest.raises(CommandError, match=sentence):
        run("issue_key", *words)
    assert not ApiKey.objects.exists() and not WriteKey.objects.exists()
