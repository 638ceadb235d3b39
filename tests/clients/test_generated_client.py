"""A Python client that openapi-python-client makes of the OpenAPI document, against a running server."""

import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from cdp.models import Funnel, Segment
from stratum.workspaces.models import ApiKey, Workspace
from tests import factories

pytestmark = [pytest.mark.clients, pytest.mark.django_db(transaction=True)]

GENERATOR = "openapi-python-client==0.29.1"

# As its user would write it.
PROGRAM = """
import sys
from stratum_client import AuthenticatedClient
from stratum_client.api.funnels import v1_cdp_funnels_create as create_funnel
from stratum_client.api.funnels import v1_cdp_funnels_list as list_funnels
from stratum_client.api.funnels import v1_cdp_funnels_retrieve as get_funnel
from stratum_client.api.keys import api_keys_issue, api_keys_revoke
from stratum_client.api.notifications import notifications_change
from stratum_client.api.segments import v1_cdp_segments_create as create_segment
from stratum_client.api.workspace import workspace_get
from stratum_client.models import FunnelBodyRequest, IssueApiKeyRequest, Problem, SegmentBodyRequest
from stratum_client.models import PatchedNotificationsPatchRequest

client = AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2])
assert workspace_get.sync(client=client).slug == "acme"
steps = [{"event": "page_view"}, {"event": "purchase"}]
funnel = create_funnel.sync(client=client, body=FunnelBodyRequest.from_dict({"name": "Way", "steps": steps}))
assert [one.name for one in list_funnels.sync(client=client).results] == ["Way"]
assert [step.event for step in get_funnel.sync(funnel.id, client=client).steps] == ["page_view", "purchase"]
everybody = {"name": "Everybody", "condition": {"type": "all"}}
create_segment.sync(client=client, body=SegmentBodyRequest.from_dict(everybody))
refused = create_segment.sync(client=client, body=SegmentBodyRequest.from_dict(everybody))
assert isinstance(refused, Problem) and refused.errors[0].pointer == "/name", refused
nine = PatchedNotificationsPatchRequest.from_dict({"summary_hour": 9})
changed = notifications_change.sync(client=client, body=nine)
assert changed.summary_hour == 9
key = api_keys_issue.sync(client=client, body=IssueApiKeyRequest(name="Made by a client", scopes=["read"]))
assert key.key.startswith("stm_live_")
assert api_keys_revoke.sync_detailed(key.id, client=client).status_code == 204
"""


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment of its own, so that what it needs is none of ours."""
    folder = tmp_path_factory.mktemp("generator")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=120)
    install = [str(folder / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", GENERATOR]
    if subprocess.run(install, capture_output=True, timeout=300, check=False).returncode:
        pytest.skip("The generator cannot be installed here")
    return folder / "bin"


def test_a_generated_client_works(live_server: LiveServer, workspace: Workspace, generator: Path) -> None:
    key, here = factories.api_key(workspace), generator.parent
    said = call(
        *(str(generator / "openapi-python-client"), "generate", "--meta", "none", "--overwrite"),
        *("--url", f"{live_server.url}/api/schema?format=json", "--output-path", str(here / "stratum_client")),
        cwd=here,
    )
    assert "Unable to parse" not in said and "WARNING parsing" not in said
    (here / "program.py").write_text(PROGRAM)
    call(str(generator / "python"), "program.py", live_server.url, key, cwd=here)
    assert Funnel.objects.get().name == "Way" and Segment.objects.get().name == "Everybody"
    assert ApiKey.objects.get(name="Made by a client").revoked_at is not None


def call(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
