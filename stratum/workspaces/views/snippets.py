"""What to paste into a website or server, with the real host and key in place."""

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Snippet:
    id: str
    label: str
    install: str
    code: str


PYTHON = """import segment.analytics as analytics

analytics.write_key = "{key}"
analytics.host = "{host}"

analytics.identify("user-42", {{"email": "ada@example.com"}})
analytics.track("user-42", "purchase", {{"revenue": 49.90, "currency": "EUR"}})
analytics.flush()"""

NODE = """import {{ Analytics }} from "@segment/analytics-node"

const analytics = new Analytics({{ writeKey: "{key}", host: "{host}" }})

analytics.identify({{ userId: "user-42", traits: {{ email: "ada@example.com" }} }})
analytics.track({{ userId: "user-42", event: "purchase", properties: {{ revenue: 49.9, currency: "EUR" }} }})
await analytics.closeAndFlush()"""

BROWSER = """import {{ AnalyticsBrowser }} from "@segment/analytics-next"

const analytics = AnalyticsBrowser.load({{
  writeKey: "{key}",
  cdnSettings: {{
    integrations: {{ "Segment.io": {{ apiKey: "{key}", apiHost: "{netloc}/v1", protocol: "{scheme}" }} }},
  }},
}})

analytics.page()
analytics.identify("user-42", {{ email: "ada@example.com" }})
analytics.track("purchase", {{ revenue: 49.9, currency: "EUR" }})"""

RUDDER = """import rudderstack.analytics as rudder_analytics

rudder_analytics.write_key = "{key}"
rudder_analytics.host = "{host}"

rudder_analytics.identify("user-42", {{"email": "ada@example.com"}})
rudder_analytics.track("user-42", "purchase", {{"revenue": 49.90, "currency": "EUR"}})
rudder_analytics.flush()"""

CURL = """curl {host}/v1/track -u "{key}:" -d '{{
  "userId": "user-42", "event": "purchase", "properties": {{"revenue": 49.9, "currency": "EUR"}}
}}'"""

KINDS = (
    ("python", "Python", "pip install segment-analytics-python", PYTHON),
    ("node", "Node", "npm install @segment/analytics-node", NODE),
    ("browser", "Browser", "npm install @segment/analytics-next", BROWSER),
    ("rudder", "Python (RudderStack)", "pip install rudder-sdk-python", RUDDER),
    ("curl", "Command line", "", CURL),
)


def snippets(host: str, key: str) -> list[Snippet]:
    parts = urlsplit(host)
    given = {"host": host, "key": key, "netloc": parts.netloc, "scheme": parts.scheme}
    return [Snippet(id, label, install, code.format(**given)) for id, label, install, code in KINDS]
