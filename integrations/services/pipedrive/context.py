"""What every step of a run works with: connection, client, plan, tally, and the rows that tell what was done."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from integrations.models import PipedriveConnection, PipedriveField, PipedriveOutbox, PipedriveRow, PipedriveRun
from integrations.pipedrive.canonical import Canonical
from integrations.pipedrive.client import Client
from integrations.pipedrive.fields import TRAITS, Direction
from integrations.pipedrive.mapping import LABELS, Labels, Pair, Setting, digest, ours
from integrations.queries import pipedrive_local, pipedrive_sources
from integrations.queries.pipedrive_local import Local
from integrations.services.pipedrive.spending import Halt, Ledger
from stratum.workspaces.models import Workspace

MOST_ROWS = 20_000  # of a run; beyond, only the counts grow
STAGE = "lifecycle_stage"
ATTRIBUTION = frozenset(
    {f"traits.{touch}_touch_{name}" for touch in ("first", "last") for name in ("platform", "campaign", "source")}
    | {"traits.attributed_revenue"}
)


@dataclass(frozen=True, slots=True)
class Plan:
    """The mapping and the settings as they are now; read again at every batch, so that a change counts at once."""

    pairs: tuple[Pair, ...]
    labels: Labels
    setting: Setting
    direction: str
    syncs_labels: bool

    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys([*(pair.local for pair in self.pairs), "email", "phone", STAGE]))

    @property
    def goes_out(self) -> bool:
        return self.direction != PipedriveConnection.Direction.FROM_PIPEDRIVE

    @property
    def comes_in(self) -> bool:
        return self.direction != PipedriveConnection.Direction.TO_PIPEDRIVE

    def outward(self) -> list[Pair]:
        return [pair for pair in self.pairs if pair.goes_out]

    def said(self, local: Local) -> dict[Pair, Canonical]:
        """What a profile says in every pair."""
        return {pair: ours(pair, local.values.get(pair.local), self.setting) for pair in self.pairs}

    def desired_labels(self, local: Local) -> list[int]:
        if not self.syncs_labels:
            return []
        return self.labels.desired(local.values.get(STAGE), local.segments)

    def local_hash(self, local: Local) -> str:
        """Another one only when something would be said otherwise."""
        said = {pair.code: value for pair, value in self.said(local).items() if pair.goes_out}
        return digest([said, self.desired_labels(local)])


def plan_of(connection: PipedriveConnection) -> Plan:
    workspace = connection.workspace
    lines = list(connection.fields.filter(enabled=True).exclude(code=LABELS).order_by("position", "id"))
    if not connection.syncs("attribution"):
        lines = [line for line in lines if line.local not in ATTRIBUTION]
    currencies = pipedrive_local.currencies(workspace, [line.local for line in lines])
    # A trait that serves nothing yet, or no longer, has nothing to say: silence is not “no value”.
    lines = [line for line in lines if not line.local.startswith(TRAITS) or line.local in currencies]
    kinds = pipedrive_sources.kinds(workspace, [line.local for line in lines])
    pairs = []
    for line in lines:
        currency = currencies.get(line.local, workspace.currency)
        pairs.append(_pair(connection, line, kinds.get(line.local, "text"), currency))
    return Plan(
        pairs=tuple(pairs),
        labels=_labels(connection),
        setting=Setting(workspace.default_country, ZoneInfo(workspace.time_zone)),
        direction=connection.direction,
        syncs_labels=connection.syncs("labels"),
    )


def _pair(connection: PipedriveConnection, line: PipedriveField, kind: Any, currency: str) -> Pair:
    direction: Direction = line.direction  # type: ignore[assignment]
    if connection.direction != PipedriveConnection.Direction.BOTH and direction == "both":
        direction = connection.direction  # type: ignore[assignment]
    options = {str(one["label"]).strip().lower(): int(one["id"]) for one in line.options}
    return Pair(
        local=line.local,
        code=line.code,
        name=line.remote_name,
        type=line.remote_type,
        direction=direction,
        rule=line.rule,  # type: ignore[arg-type]
        kind=kind,
        currency=currency,
        options=options,
    )


def _labels(connection: PipedriveConnection) -> Labels:
    stage_is_mapped = connection.fields.filter(enabled=True, code=LABELS, local=STAGE).exists()
    rows = list(connection.labels.filter(option_id__isnull=False))
    return Labels(
        by_stage={stage: int(option) for stage, option in connection.lifecycle_options.items()}
        if stage_is_mapped
        else {},
        by_segment={str(row.segment_id): row.option_id for row in rows if row.retired_at is None and row.option_id},
        retired=frozenset(row.option_id for row in rows if row.retired_at is not None and row.option_id),
    )


@dataclass(slots=True)
class Work:
    """A run at work. `alive` is asked between steps and raises when the run is no longer wanted."""

    connection: PipedriveConnection
    run: PipedriveRun
    client: Client
    ledger: Ledger
    now: Callable[[], datetime]
    report: Callable[[int, int, str], None]
    plan: Plan = field(init=False)
    tally: Counter[str] = field(default_factory=Counter)
    rows: list[PipedriveRow] = field(default_factory=list)
    written_rows: int = 0
    planned: Counter[str] = field(default_factory=Counter)
    dry_rows: list[PipedriveOutbox] = field(default_factory=list)
    reconciling_from: datetime | None = None  # what changed before and is news now, no window had shown

    def __post_init__(self) -> None:
        self.plan = plan_of(self.connection)

    @property
    def workspace(self) -> Workspace:
        return self.connection.workspace

    @property
    def dry_run(self) -> bool:
        return self.run.dry_run

    def step(self, message: str, done: int = 0, total: int = 0) -> None:
        """Between batches: write down what was spent and done, look whether to go on, and read the mapping again."""
        self.flush()
        fresh = PipedriveConnection.objects.filter(pk=self.connection.pk).select_related("workspace").first()
        if fresh is None or fresh.generation != self.connection.generation or not fresh.is_active:
            raise Halt("The connection was paused, changed or disconnected.")
        self.connection = self.ledger.connection = fresh
        self.plan = plan_of(fresh)
        self.report(done, total, message)

    def flush(self) -> None:
        self.ledger.flush(self.now(), burst_limit=self.client.limiter.burst)
        PipedriveRow.objects.bulk_create(self.rows)
        self.rows = []
        self.run.counts, self.run.calls, self.run.tokens = dict(self.tally), self.ledger.calls, self.ledger.tokens
        self.run.planned_tokens = sum(self.planned.values())
        self.run.save(update_fields=["counts", "calls", "tokens", "planned_tokens", "phase"])

    def note(
        self,
        action: str,
        *,
        kind: str = "person",
        local_id: int | None = None,
        remote_id: int | None = None,
        title: str = "",
        differences: Sequence[Mapping[str, Any]] = (),
        request: Any = None,
        response_code: int | None = None,
        error: str = "",
        is_open: bool = False,
    ) -> None:
        """A row of the run."""
        self.written_rows += 1
        if self.written_rows > MOST_ROWS:
            return
        state = PipedriveRow.State.PLANNED if self.dry_run else PipedriveRow.State.DONE
        self.rows.append(
            PipedriveRow(
                run=self.run,
                kind=kind,
                action=action,
                state=PipedriveRow.State.OPEN if is_open and not self.dry_run else state,
                local_id=local_id,
                remote_id=remote_id,
                title=title[:200],
                differences=list(differences),
                request=request,
                response_code=response_code,
                error=error[:500],
                at=self.now(),
            )
        )

    def differences(self, pairs: Iterable[tuple[Pair, Canonical, Canonical]], to: str) -> list[dict[str, Any]]:
        return [{"field": pair.name, "before": before, "after": after, "to": to} for pair, before, after in pairs]

    def without(self, pairs: Iterable[str]) -> None:
        """Go on without these codes until the mapping is read again."""
        codes = set(pairs)
        self.plan = replace(self.plan, pairs=tuple(pair for pair in self.plan.pairs if pair.code not in codes))
