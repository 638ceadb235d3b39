"""/api/v1/notifications and Slack's connection: read, changed, tested, and only by those who may."""

from collections.abc import Callable

from rest_framework.test import APIClient

from stratum.notifications.models import NotificationSettings, SlackConnection, Subscription
from stratum.workspaces.models import Member, User, Workspace
from tests.notifications.conftest import Slack, Tell

PLACE = "/api/v1/notifications"
SLACK = "/api/v1/integrations/slack"


def kind_of(told: dict, name: str = "floods") -> dict:
    return next(one for one in told["kinds"] if one["kind"] == name)


def test_it_works(api: APIClient, workspace: Workspace, bob: User) -> None:
    place = Member.objects.get(workspace=workspace, user=bob)
    told = api.get(PLACE).json()
    assert (told["time_zone"], told["quiet_hours"]) == ("Europe/Berlin", None)
    assert kind_of(told)["known_options"] == ["river", "sea"]
    changed = api.patch(
        PLACE,
        {
            "minimum_severity": "warning",
            "quiet_hours": {"from": 22, "until": 7},
            "kinds": [{"kind": "floods", "members": [place.pk], "options": ["sea"]}],
        },
    )
    assert changed.status_code == 200, changed.content
    assert kind_of(changed.json())["members"] == [place.pk]
    assert changed.json()["summary_hour"] == told["summary_hour"], "not named, so it stays"
    row = NotificationSettings.objects.get(workspace=workspace)
    assert (row.minimum_severity, row.quiet_from, row.quiet_until) == ("warning", 22, 7)
    later = api.patch(PLACE, {"kinds": [{"kind": "floods", "slack": True}]}).json()
    assert kind_of(later)["members"] == [place.pk] and kind_of(later)["options"] == ["sea"]
    assert api.patch(PLACE, {"quiet_hours": None}).json()["quiet_hours"] is None


def test_what_makes_no_sense_has_a_pointer(api: APIClient, charlie: User) -> None:
    stranger = Member.objects.get(user=charlie).pk
    for body, pointer in (
        ({"time_zone": "Mars"}, "/time_zone"),
        ({"summary_hour": 24}, "/summary_hour"),
        ({"colour": "red"}, "/colour"),
        ({"quiet_hours": {"from": 7, "until": 7}}, "/quiet_until"),
        ({"kinds": [{"kind": "fires"}]}, "/kinds/fires"),
        ({"kinds": [{"kind": "floods", "options": ["fire"]}]}, "/kinds/floods/options"),
        ({"kinds": [{"kind": "floods", "members": [stranger]}]}, "/kinds/floods/members"),
    ):
        refused = api.patch(PLACE, body)
        assert refused.status_code == 422, body
        assert refused.json()["errors"][0]["pointer"] == pointer
    assert not Subscription.objects.exists()


def test_what_became_of_messages(api: APIClient, connected: Slack, tell: Tell, stranger_api: APIClient) -> None:
    tell()
    [line] = api.get(f"{PLACE}/messages").json()["results"]
    assert (line["kind"], line["title"], line["channel"], line["state"]) == ("floods", "Water!", "slack", "sent")
    assert stranger_api.get(f"{PLACE}/messages").json()["results"] == []


def test_slack_is_connected_and_its_address_is_not_told(api: APIClient, slack_server: Slack) -> None:
    answer = api.put(SLACK, {"url": slack_server.url})
    assert (answer.status_code, answer.json()) == (200, {"connected": True, "hint": "1234", "problem": None})
    assert slack_server.url not in api.get(PLACE).content.decode()
    assert api.post(f"{SLACK}/test").json()["state"] == "sent"
    assert len(slack_server.received) == 1
    assert api.delete(SLACK).status_code == 204
    assert not SlackConnection.objects.exists()
    assert api.delete(SLACK).status_code == 404


def test_other_hosts_are_not_called(api: APIClient) -> None:
    refused = api.put(SLACK, {"url": "https://169.254.169.254/latest"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/url")


def test_scopes(api_with: Callable[..., APIClient]) -> None:
    reader = api_with("read")
    assert reader.get(PLACE).status_code == 200
    assert reader.patch(PLACE, {"summary_hour": 9}).status_code == 403
    assert reader.put(SLACK, {"url": "https://hooks.slack.com/services/T/B/x"}).status_code == 403
