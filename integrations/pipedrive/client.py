"""Pipedrive's API, one method per endpoint used, each with its page linked above.

Every request is checked by our own schemas, waits for its place in the rate limit, and is told to the meter. What goes
wrong becomes a branch of `stratum.lib.http`'s tree, with these of its own:

- `DailySpent`: the company's tokens of the day are used up. Nothing is sent until tomorrow, or until a probe succeeds.
- `Blocked`: the firewall in front of Pipedrive answers instead of it.
- `Closed`: the company's account is closed or unpaid.
- `Hidden`: the record may be there, but this user must not see it. No proof that it was deleted.
"""

import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from integrations.pipedrive import shapes
from integrations.pipedrive.limits import COSTS, Limiter, number, reset_of
from integrations.pipedrive.shapes import Activity, Me, Page, Person, RemoteField, second
from stratum.lib import clock
from stratum.lib.http import READ, Answer, Gone, NotAuthorised, Rejected, Session, Throttled, Unreachable
from stratum.lib.refusal import Fault

DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]*", re.ASCII)
ANYWHERE = "https://api.pipedrive.com"
PAGE_SIZE = 500
MOST_IDS = 100
TRIES = 4  # of a call that is told to slow down
LONGEST_WAIT = 5.0  # seconds
BLOCKED_FOR = timedelta(minutes=30)
PROBED_AFTER = timedelta(hours=1)
MOST_TOLD = 2_000  # bytes of an answer that is no JSON
CUSTOM_KEY = re.compile(r"\b[0-9a-f]{40}\b")


class DailySpent(Throttled):
    pass


class Blocked(Throttled):
    pass


class Closed(NotAuthorised):
    pass


class Hidden(Gone):
    pass


class Transport(Protocol):
    """A Session, or something inside this process that answers as one."""

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer: ...


class Meter(Protocol):
    """Is asked before every call, and told what it was."""

    def before(self, call: str, tokens: int) -> None:
        """Raises when the call must not be made."""

    def after(self, call: str, tokens: int, headers: Mapping[str, str]) -> None: ...


@dataclass(frozen=True, slots=True)
class Exchange:
    """A call and what it was answered. `status` and `answer` are None where no answer came."""

    call: str
    path: str
    params: dict[str, Any]
    request: Any
    status: int | None
    answer: Any


class NoMeter:
    def before(self, call: str, tokens: int) -> None:
        pass

    def after(self, call: str, tokens: int, headers: Mapping[str, str]) -> None:
        pass


def base_url(domain: str) -> str:
    """Raises ValueError for anything but a plain name, which could lead a token elsewhere."""
    if not DOMAIN.fullmatch(domain):
        raise ValueError(f"{domain!r} is not a Pipedrive domain.")
    return f"https://{domain}.pipedrive.com"


def sessions(
    url: str, token: str, *, sleep: Callable[[float], None] = time.sleep, read_timeout: float = READ
) -> Callable[[], Transport]:
    """A session for each thread that asks."""
    headers = {"x-api-token": token, "Accept": "application/json"}
    return lambda: Session(url, headers=headers, sleep=sleep, read_timeout=read_timeout)


class Client:
    """Calls of one token. May be used by several threads."""

    def __init__(
        self,
        open_transport: Callable[[], Transport],
        *,
        limiter: Limiter | None = None,
        meter: Meter | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._open = open_transport
        self._local = threading.local()
        self.limiter = limiter or Limiter(share=50, known=None, clock=time.monotonic, sleep=sleep)
        self._meter: Meter = meter or NoMeter()
        self._sleep = sleep
        self.heard: list[Exchange] | None = None  # a list there is given every exchange

    # Who

    # https://developers.pipedrive.com/docs/api/v1/Users#getCurrentUser
    def me(self) -> Me:
        return shapes.read_me(self._data("GET users/me", "v1/users/me"))

    # Persons

    # https://developers.pipedrive.com/docs/api/v2/Persons#getPersons
    def persons(
        self, *, since: datetime | None = None, until: datetime | None = None, cursor: str | None = None
    ) -> Page:
        return self._page("GET persons", "api/v2/persons", {**_window(since, until), **_at(cursor)})

    def persons_by_id(self, ids: Sequence[int]) -> list[Person]:
        """Those among up to 100 that this user sees; the others are left out in silence."""
        params = {"ids": ",".join(map(str, ids)), "limit": PAGE_SIZE}
        return [shapes.read_person(one) for one in self._page("GET persons", "api/v2/persons", params).items]

    # https://developers.pipedrive.com/docs/api/v2/Persons#getPerson
    def person(self, person_id: int) -> Person:
        """Raises Gone, and Hidden where it may exist."""
        return shapes.read_person(self._data("GET persons/{id}", f"api/v2/persons/{person_id}"))

    # https://developers.pipedrive.com/docs/api/v2/Persons#searchPersons
    def search_persons(self, term: str, *, by: str) -> list[int]:
        """Numbers of persons that may match: the index lags and is fuzzy, so that each has to be read."""
        params = {"term": term, "fields": by, "exact_match": "true", "limit": 100}
        found = self._data("GET persons/search", "api/v2/persons/search", params=params)
        return [int(one["item"]["id"]) for one in (found or {}).get("items") or () if (one.get("item") or {}).get("id")]

    # https://developers.pipedrive.com/docs/api/v2/Persons#addPerson
    def create_person(self, body: Mapping[str, Any]) -> Person:
        return shapes.read_person(self._data("POST persons", "api/v2/persons", body=dict(body)))

    # https://developers.pipedrive.com/docs/api/v2/Persons#updatePerson
    def update_person(self, person_id: int, body: Mapping[str, Any]) -> Person:
        path = f"api/v2/persons/{person_id}"
        return shapes.read_person(self._data("PATCH persons/{id}", path, body=dict(body)))

    # https://developers.pipedrive.com/docs/api/v1/Persons#mergePersons
    def merge_persons(self, loser: int, survivor: int) -> None:
        """Cannot be undone."""
        self._data("PUT persons/{id}/merge", f"v1/persons/{loser}/merge", body={"merge_with_id": survivor})

    # Activities

    # https://developers.pipedrive.com/docs/api/v2/Activities#getActivities
    def activities(self, *, person_id: int, since: datetime) -> Iterator[Activity]:
        params = {**_window(since, None), "person_id": person_id}
        for one in self._every("GET activities", "api/v2/activities", params):
            yield shapes.read_activity(one)

    # https://developers.pipedrive.com/docs/api/v2/Activities#addActivity
    def create_activity(self, body: Mapping[str, Any]) -> Activity:
        return shapes.read_activity(self._data("POST activities", "api/v2/activities", body=dict(body)))

    # https://developers.pipedrive.com/docs/api/v1/ActivityTypes#getActivityTypes
    def activity_types(self) -> list[tuple[str, str]]:
        """(key, name) of the active ones."""
        found = self._data("GET activityTypes", "v1/activityTypes") or ()
        return [(one["key_string"], one["name"]) for one in found if one.get("active_flag") is not False]

    # Deals

    # https://developers.pipedrive.com/docs/api/v2/Deals#getDeals
    def deals(
        self, *, since: datetime | None, until: datetime | None, cursor: str | None = None, deleted: bool = False
    ) -> Page:
        """All that are neither archived nor deleted, or those deleted in the last 30 days."""
        status = {"status": "deleted"} if deleted else {}
        return self._page("GET deals", "api/v2/deals", {**_window(since, until), **status, **_at(cursor)})

    # https://developers.pipedrive.com/docs/api/v2/Deals#getArchivedDeals
    def archived_deals(self, *, since: datetime | None, until: datetime | None, cursor: str | None = None) -> Page:
        return self._page("GET deals/archived", "api/v2/deals/archived", {**_window(since, until), **_at(cursor)})

    # https://developers.pipedrive.com/docs/api/v2/Deals#getDeal
    def deal(self, deal_id: int) -> dict[str, Any]:
        """As it came, like an item of the lists. Raises Gone."""
        return dict(self._data("GET deals/{id}", f"api/v2/deals/{deal_id}"))

    # Fields

    # https://developers.pipedrive.com/docs/api/v2/PersonFields#getPersonFields
    def fields(self) -> list[RemoteField]:
        return [shapes.read_field(one) for one in self._every("GET personFields", "api/v2/personFields", {})]

    # https://developers.pipedrive.com/docs/api/v2/PersonFields#addPersonField
    def create_field(self, name: str, kind: str, options: Sequence[str] = ()) -> RemoteField:
        body: dict[str, Any] = {"field_name": name, "field_type": kind}
        if options:
            body["options"] = [{"label": label} for label in options]
        return shapes.read_field(self._data("POST personFields", "api/v2/personFields", body=body))

    # https://developers.pipedrive.com/docs/api/v2/PersonFields#addPersonFieldOptions
    def add_options(self, code: str, labels: Sequence[str]) -> list[tuple[int, str]]:
        """The new ones: (id, label)."""
        path = f"api/v2/personFields/{code}/options"
        found = self._data("POST personFields/{code}/options", path, body=[{"label": label} for label in labels])
        return [(int(one["id"]), one["label"]) for one in found or ()]

    # https://developers.pipedrive.com/docs/api/v1/PersonFields#getPersonFields
    def numbered_fields(self) -> list[dict[str, Any]]:
        """As the first version of the API has them: with the number that filters ask for, `key` being the code."""
        found: list[dict[str, Any]] = []
        while True:
            params = {"start": len(found), "limit": PAGE_SIZE}
            answer = self._ask("GET personFields v1", "v1/personFields", params=params)
            found += answer.get("data") or []
            if not _has_more(answer) or not answer.get("data"):
                return found

    # https://developers.pipedrive.com/docs/api/v1/PersonFields#updatePersonField
    def replace_options(self, field_id: int, options: Sequence[Mapping[str, Any]]) -> None:
        """All options of a field at once: those not named are deleted."""
        body = {"options": [dict(one) for one in options]}
        self._data("PUT personFields/{id} v1", f"v1/personFields/{field_id}", body=body)

    # Filters

    # https://developers.pipedrive.com/docs/api/v1/Filters#getFilters
    def filters(self) -> list[tuple[int, str]]:
        """(id, name) of those on persons."""
        found = self._data("GET filters", "v1/filters", params={"type": "people"}) or ()
        return [(int(one["id"]), one.get("name") or "") for one in found]

    # https://developers.pipedrive.com/docs/api/v1/Filters#addFilter
    def create_filter(self, name: str, *, field_id: int, value: int) -> int:
        """Of the persons in whose set of options `value` is."""
        body = {"name": name, "type": "people", "conditions": _contains(field_id, value)}
        return int(self._data("POST filters", "v1/filters", body=body)["id"])

    # https://developers.pipedrive.com/docs/api/v1/Filters#updateFilter
    def update_filter(self, filter_id: int, name: str, *, field_id: int, value: int) -> None:
        body = {"name": name, "conditions": _contains(field_id, value)}
        self._data("PUT filters/{id}", f"v1/filters/{filter_id}", body=body)

    # https://developers.pipedrive.com/docs/api/v1/Filters#deleteFilter
    def delete_filter(self, filter_id: int) -> None:
        self._data("DELETE filters/{id}", f"v1/filters/{filter_id}")

    # Webhooks

    # https://developers.pipedrive.com/docs/api/v1/Webhooks#getWebhooks
    def webhooks(self) -> list[dict[str, Any]]:
        return list(self._data("GET webhooks", "v1/webhooks") or ())

    # https://developers.pipedrive.com/docs/api/v1/Webhooks#addWebhook
    def create_webhook(self, url: str, entity: str, *, name: str, user: str, password: str) -> int:
        body = {
            "subscription_url": url,
            "event_action": "*",
            "event_object": entity,
            "name": name,
            "version": "2.0",
            "http_auth_user": user,
            "http_auth_password": password,
        }
        return int(self._data("POST webhooks", "v1/webhooks", body=body)["id"])

    # https://developers.pipedrive.com/docs/api/v1/Webhooks#deleteWebhook
    def delete_webhook(self, webhook_id: int) -> None:
        self._data("DELETE webhooks/{id}", f"v1/webhooks/{webhook_id}")

    # The way there

    def _every(self, call: str, path: str, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            page = self._page(call, path, {"limit": PAGE_SIZE, **params, **_at(cursor)})
            yield from page.items
            if page.next_cursor is None:
                return
            cursor = page.next_cursor

    def _page(self, call: str, path: str, params: Mapping[str, Any]) -> Page:
        answer = self._ask(call, path, params={"limit": PAGE_SIZE, **params})
        return Page(answer.get("data") or [], (answer.get("additional_data") or {}).get("next_cursor"))

    def _data(self, call: str, path: str, *, params: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        return self._ask(call, path, params=params, body=body).get("data")

    def _ask(
        self, call: str, path: str, *, params: Mapping[str, Any] | None = None, body: Any = None
    ) -> dict[str, Any]:
        """The whole answer. Too fast is repeated, writes too: a call that was refused so had no effect."""
        shapes.check(call, params, body)
        for attempt in range(1, TRIES + 1):
            answer = self._once(call, path, params, body)
            if answer.status != 429:
                return _judged(answer)
            if (left := number(answer.headers, "x-daily-ratelimit-token-remaining")) is not None and left <= 0:
                raise DailySpent(
                    "Pipedrive's tokens of the day are used up for this company.", retry_at=clock.now() + PROBED_AFTER
                )
            if attempt < TRIES:
                wait = min(LONGEST_WAIT, reset_of(answer.headers) or 2.0 ** (attempt - 1))
                self._sleep(wait + random.uniform(0, 0.25))
        raise Throttled("Pipedrive keeps saying that we call too often.")

    def _once(self, call: str, path: str, params: Mapping[str, Any] | None, body: Any) -> Answer:
        tokens = COSTS[call]
        self._meter.before(call, tokens)
        self.limiter.enter(call)
        answer: Answer | None = None
        try:
            answer = self._transport().call(call.partition(" ")[0], path, params=params, json=body)
            self.limiter.learn(call, answer.headers)
            return answer
        finally:  # a call whose answer was lost has cost its tokens too
            self.limiter.leave(call)
            self._meter.after(call, tokens, answer.headers if answer else {})
            if self.heard is not None:
                self.heard.append(_exchange(call, path, params, body, answer))

    def _transport(self) -> Transport:
        transport: Transport | None = getattr(self._local, "transport", None)
        if transport is None:
            transport = self._local.transport = self._open()
        return transport


def _exchange(call: str, path: str, params: Mapping[str, Any] | None, body: Any, answer: Answer | None) -> Exchange:
    said: Any = None
    if answer is not None:
        said = _json_of(answer) or answer.body[:MOST_TOLD].decode(errors="replace")
    return Exchange(call, path, dict(params or {}), body, answer.status if answer else None, said)


def _judged(answer: Answer) -> dict[str, Any]:
    if 200 <= answer.status < 300:
        found = answer.json()
        if isinstance(found, dict) and found.get("success") is not False:
            return found
        raise Rejected(_sentence(found, answer.status))
    raise _failure(answer)


def _failure(answer: Answer) -> Exception:
    body = _json_of(answer)
    sentence = _sentence(body, answer.status)
    match answer.status:
        case 401:
            return NotAuthorised("Pipedrive does not accept the API token any more. Connect again with a new one.")
        case 402:
            return Closed("The Pipedrive account is closed or unpaid.")
        case 403 if body is None:
            until = clock.now() + BLOCKED_FOR
            return Blocked("Pipedrive's firewall has shut us out for a while.", retry_at=until)
        case 403:
            return Hidden(sentence) if not _code(body) else Rejected(sentence, code=_code(body))
        case 404 | 410:
            return Gone(sentence)
        case status if status >= 500:
            return Unreachable(f"Pipedrive failed (HTTP {status}).")
        case _:
            return Rejected(sentence, faults=_faults(body), code=_code(body))


def _json_of(answer: Answer) -> dict[str, Any] | None:
    try:
        found = answer.json()
    except Unreachable:
        return None
    return found if isinstance(found, dict) else None


def _sentence(body: Any, status: int) -> str:
    given = body if isinstance(body, dict) else {}
    text = given.get("error") or given.get("message") or given.get("errors") or ""
    info = given.get("error_info")
    told = " ".join(str(part) for part in (text, info) if part and "developers.pipedrive.com" not in str(part))
    return f"Pipedrive answered {status}: {told[:300]}" if told else f"Pipedrive answered {status}."


def _code(body: Mapping[str, Any] | None) -> str:
    return str((body or {}).get("code") or "")


def _faults(body: Mapping[str, Any] | None) -> list[Fault]:
    """The custom fields that the answer names, and our own properties that it does not know."""
    text = str(body or "")
    keys = dict.fromkeys(CUSTOM_KEY.findall(text))
    names = [name for name in ("first_name", "last_name", "label_ids", "emails", "phones") if name in text]
    return [Fault(f"/custom_fields/{key}", "Pipedrive refuses this field.") for key in keys] + [
        Fault(f"/{name}", "Pipedrive refuses this property.") for name in names
    ]


def _window(since: datetime | None, until: datetime | None) -> dict[str, Any]:
    window: dict[str, Any] = {"sort_by": "id"}
    if since is not None:
        window["updated_since"] = second(since)
    if until is not None:
        window["updated_until"] = second(until)
    return window


def _at(cursor: str | None) -> dict[str, Any]:
    return {"cursor": cursor} if cursor else {}


def _has_more(answer: Mapping[str, Any]) -> bool:
    about = answer.get("additional_data") or {}
    paging = about.get("pagination") or about
    return bool(paging.get("more_items_in_collection"))


def _contains(field_id: int, value: int) -> dict[str, Any]:
    condition = {
        "object": "person",
        "field_id": str(field_id),
        "operator": "contains",
        "value": str(value),
        "extra_value": None,
    }
    return {
        "glue": "and",
        "conditions": [{"glue": "and", "conditions": [condition]}, {"glue": "or", "conditions": []}],
    }
