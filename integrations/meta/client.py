"""One method per endpoint that we use. https://developers.facebook.com/docs/marketing-api/reference"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Literal

import orjson

from integrations.callers import Caller
from integrations.meta import shapes
from integrations.meta.errors import WAIT, busiest, failure_of, longest_wait
from stratum.lib.http import Answer, Garbled, Rejected, Throttled

Level = Literal["campaign", "adset", "ad"]
PAGE = "200"
SLOW_DOWN_AT = 75.0  # percent of a limit: long lists stop here and leave the rest to people's changes
NODE_FIELDS: dict[Level, str] = {
    "campaign": "id,name,status,effective_status,account_id,daily_budget,lifetime_budget,updated_time",
    "adset": "id,name,status,effective_status,account_id,campaign_id,daily_budget,lifetime_budget,bid_amount,"
    "updated_time,learning_stage_info",
    "ad": "id,name,status,effective_status,account_id,campaign_id,adset_id,updated_time",
}
QUALITY_FIELDS = (
    "web{event_name,event_match_quality{composite_score},event_coverage{percentage,goal_percentage},"
    "data_freshness{upload_frequency}}"
)


class MetaClient:
    """`caller` sends the access token in a header with everything."""

    def __init__(self, caller: Caller, *, now: Callable[[], datetime]) -> None:
        self._caller, self._now = caller, now
        self._usage = 0.0
        self._wait = WAIT

    def me(self) -> shapes.Told:
        return self._get("me", {"fields": "id,name"})

    def permissions(self) -> set[str]:
        rows = self._all("me/permissions", {})
        return {str(row.get("permission")) for row in rows if row.get("status") == "granted"}

    def accounts(self) -> list[shapes.MetaAccount]:
        fields = "account_id,name,currency,timezone_name,account_status"
        return [shapes.account(row) for row in self._all("me/adaccounts", {"fields": fields, "limit": PAGE})]

    def account(self, account_id: str) -> shapes.MetaAccount:
        fields = "account_id,name,currency,timezone_name,account_status"
        return shapes.account(self._get(f"act_{account_id}", {"fields": fields}))

    def nodes(self, account_id: str, level: Level) -> Iterator[shapes.MetaNode]:
        asked = {"fields": NODE_FIELDS[level], "limit": PAGE}
        for row in self._all(f"act_{account_id}/{level}s", asked):
            yield shapes.node(row)

    def node(self, node_id: str, level: Level) -> shapes.MetaNode:
        return shapes.node(self._get(node_id, {"fields": NODE_FIELDS[level]}))

    def update(self, node_id: str, fields: Mapping[str, str], *, validate_only: bool = False) -> str:
        """The request id. Meta answers a refused change with 200 and `success: false` at times; whatever is neither
        true nor false does not say what became of it.
        """
        form = dict(fields)
        if validate_only:
            form["execution_options"] = orjson.dumps(["validate_only"]).decode()
        answer = self._caller.call("POST", node_id, form=form)
        told = self._checked(answer)
        if told.get("success") is False:
            raise Rejected("Meta answered that the change was not made.")
        if told.get("success") is not True:
            raise Garbled("Meta answered a change without saying whether it was made.")
        return answer.headers.get("x-fb-trace-id") or ""

    def insights(self, account_id: str, level: Level, since: date, until: date) -> Iterator[shapes.MetaInsight]:
        asked = {
            "level": level,
            "fields": f"{level}_id,spend,impressions,clicks,actions,action_values",
            "time_range": orjson.dumps({"since": since.isoformat(), "until": until.isoformat()}).decode(),
            "time_increment": "1",
            "limit": "500",
        }
        for row in self._all(f"act_{account_id}/insights", asked):
            yield shapes.insight(row, level)

    def action_types(self, account_id: str) -> list[str]:
        asked = {"fields": "actions", "date_preset": "last_30d"}
        rows = self._all(f"act_{account_id}/insights", asked)
        return [name for row in rows for name in shapes.action_types(row)]

    def activities(self, account_id: str, since: datetime, until: datetime) -> Iterator[shapes.MetaActivity]:
        asked = {
            "fields": "event_time,event_type,object_id,actor_name,application_id,application_name",
            "since": str(int(since.timestamp())),
            "until": str(int(until.timestamp())),
            "limit": PAGE,
        }
        for row in self._all(f"act_{account_id}/activities", asked, leave_room=False):
            yield shapes.activity(row)

    def rules(self, account_id: str) -> list[shapes.MetaRule]:
        asked = {"fields": "id,name,status,evaluation_spec,execution_spec", "limit": PAGE}
        rows = self._all(f"act_{account_id}/adrules_library", asked, leave_room=False)
        return [shapes.rule(row) for row in rows]

    def datasets(self, account_id: str) -> list[str]:
        return [shapes.text(row, "id") for row in self._all(f"act_{account_id}/adspixels", {"fields": "id,name"})]

    def match_quality(self, dataset_id: str) -> list[shapes.MetaMatchQuality]:
        told = self._get("dataset_quality", {"dataset_id": dataset_id, "fields": QUALITY_FIELDS})
        rows = told.get("web")
        return [shapes.match_quality(row) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

    # Underneath

    def _get(self, path: str, params: Mapping[str, str]) -> shapes.Told:
        return self._checked(self._caller.call("GET", path, params=params))

    def _all(self, path: str, params: Mapping[str, str], *, leave_room: bool = True) -> Iterator[shapes.Told]:
        """Every row of every page. Raises Throttled before a page when little of the hour's room is left, but for
        lists that a change is waiting for (`leave_room` is for those).
        """
        asked = dict(params)
        while True:
            if leave_room:
                self._leave_room()
            told = self._get(path, asked)
            rows = told.get("data")
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise Garbled("Meta answered without a list.")
            yield from rows
            paging = told.get("paging")
            cursors = paging.get("cursors") if isinstance(paging, dict) and "next" in paging else None
            after = cursors.get("after") if isinstance(cursors, dict) else None
            if not after:
                return
            asked["after"] = str(after)

    def _leave_room(self) -> None:
        if self._usage >= SLOW_DOWN_AT:
            sentence = f"{self._usage:.0f}% of the calls that Meta allows are used up; the rest waits."
            raise Throttled(sentence, retry_at=self._now() + self._wait)

    def _checked(self, answer: Answer) -> shapes.Told:
        self._usage = busiest(answer.headers)
        self._wait = longest_wait(answer.headers) or WAIT
        if answer.status != 200:
            raise failure_of(answer, now=self._now())
        told: Any = answer.json()
        if not isinstance(told, dict):
            raise Garbled("Meta answered with something else than an object.")
        if "error" in told:
            raise failure_of(answer, now=self._now())
        return told
