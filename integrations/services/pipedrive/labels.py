"""Lifecycle stages and segments as labels, and a filter for each segment's label."""

from collections.abc import Iterable
from typing import Any

from integrations.models import PipedriveConnection, PipedriveLabel
from integrations.pipedrive.mapping import LABELS
from integrations.services.pipedrive import mapping, outbox
from integrations.services.pipedrive.context import STAGE, Work
from stratum.lib.http import Failure, Gone, NotAuthorised, Rejected, Throttled, Unreachable

STAGES = {"known": "Known", "customer": "Customer", "churned": "Churned"}
FILTER = "Stratum: {name}"
V1_KEYS = ("label", LABELS, "label_ids")


def prepare(work: Work) -> None:
    """Everything that labels need in Pipedrive, before persons are written. Costs nothing when it is there already."""
    if not work.connection.syncs("labels") or not work.plan.goes_out:
        return
    _check_known(work)
    _drop_retired(work)
    _ensure_options(work)
    _ensure_filters(work)


def _options(work: Work) -> dict[int, str]:
    """As the fields were loaded last."""
    return {int(one["id"]): one["label"] for one in mapping.options_of(work.connection, LABELS)}


def _check_known(work: Work) -> None:
    """An option that is gone is made again. Whoever deleted it may take the segment off the labels."""
    present = _options(work)
    if not present:
        return
    stages = {stage: key for stage, key in work.connection.lifecycle_options.items() if int(key) in present}
    if stages != work.connection.lifecycle_options:
        _keep_stages(work, stages)
    gone = work.connection.labels.filter(option_id__isnull=False).exclude(option_id__in=list(present))
    gone.update(option_id=None)


def _keep_stages(work: Work, stages: dict[str, int]) -> None:
    work.connection.lifecycle_options = stages
    PipedriveConnection.objects.filter(pk=work.connection.pk).update(lifecycle_options=stages)


def _wanted(work: Work) -> dict[str, Any]:
    """What has no option yet, by the option's label."""
    wanted: dict[str, Any] = {}
    if work.connection.fields.filter(enabled=True, code=LABELS, local=STAGE).exists():
        known = work.connection.lifecycle_options
        wanted |= {label: stage for stage, label in STAGES.items() if stage not in known}
    for label in work.connection.labels.filter(retired_at=None, option_id=None):
        wanted[label.name] = label
    return wanted


def _ensure_options(work: Work) -> None:
    wanted = _wanted(work)
    if not wanted:
        return
    by_label = {label.strip().lower(): key for key, label in _options(work).items()}
    missing = [label for label in wanted if label.strip().lower() not in by_label]
    if work.dry_run:
        for label in missing:
            work.note("label", kind="label", title=label)
        return
    if missing:
        by_label |= _made(work, missing)
    for label, whose in wanted.items():
        option = by_label.get(label.strip().lower())
        if option is None:
            continue
        if isinstance(whose, PipedriveLabel):
            PipedriveLabel.objects.filter(pk=whose.pk).update(option_id=option, problem="")
        else:
            _keep_stages(work, {**work.connection.lifecycle_options, whose: option})
    work.step("Labels")


def _made(work: Work, labels: list[str]) -> dict[str, int]:
    """New options by label in lower case. One whose answer was lost is found when the fields are read again."""
    try:
        _add(work, labels)
        work.tally["labels"] += len(labels)
    except (NotAuthorised, Throttled):
        raise
    except Unreachable:
        pass
    except Failure as failure:
        _refused(work, labels, failure.sentence)
    mapping.load(work.connection, work.client, now=work.now())
    return {label.strip().lower(): key for key, label in _options(work).items()}


def _add(work: Work, labels: list[str]) -> None:
    """By the new call where the account takes it for the built-in field, else by the old one, with all options."""
    if work.connection.capabilities.get("label_options") != "v1":
        try:
            work.client.add_options(LABELS, labels)
            return
        except Rejected as error:
            if error.code and "capping" in error.code:
                raise
        capabilities = {**work.connection.capabilities, "label_options": "v1"}
        work.connection.capabilities = capabilities
        PipedriveConnection.objects.filter(pk=work.connection.pk).update(capabilities=capabilities)
    field = _numbered(work)
    work.client.replace_options(field["id"], [*_plain(field["options"]), *({"label": label} for label in labels)])


def _plain(options: Iterable[dict[str, Any]] | None) -> list[dict[str, Any]]:
    return [{"id": int(one["id"]), "label": str(one["label"])} for one in options or ()]


def _numbered(work: Work) -> dict[str, Any]:
    """The built-in field of labels as filters and the old call know it."""
    for field in work.client.numbered_fields():
        if field.get("key") in V1_KEYS:
            return field
    raise Rejected("Pipedrive shows no field of labels on persons.")


def _refused(work: Work, labels: list[str], sentence: str) -> None:
    work.connection.labels.filter(name__in=labels, option_id=None).update(problem=sentence[:300])
    work.tally["failed"] += 1
    work.note("failed", kind="label", title=", ".join(labels), error=sentence, is_open=True)


# Filters


def _ensure_filters(work: Work) -> None:
    """One for each segment's label; found by name when an answer was lost."""
    bare = list(work.connection.labels.filter(retired_at=None, option_id__isnull=False, filter_id=None))
    if not bare:
        return
    if work.dry_run:
        for label in bare:
            work.note("label", kind="filter", title=FILTER.format(name=label.name))
        return
    known = {name: key for key, name in work.client.filters()}
    field_id = int(_numbered(work)["id"])
    for label in bare:
        _ensure_filter(work, label, known, field_id)


def _ensure_filter(work: Work, label: PipedriveLabel, known: dict[str, int], field_id: int) -> None:
    assert label.option_id is not None
    name = FILTER.format(name=label.name)
    try:
        key = known.get(name) or _made_filter(work, name, field_id, label.option_id)
        PipedriveLabel.objects.filter(pk=label.pk).update(filter_id=key, problem="")
        work.tally["filters"] += 1
    except (NotAuthorised, Throttled):
        raise
    except Failure as failure:
        PipedriveLabel.objects.filter(pk=label.pk).update(problem=failure.sentence[:300])


def _made_filter(work: Work, name: str, field_id: int, option_id: int) -> int:
    try:
        return work.client.create_filter(name, field_id=field_id, value=option_id)
    except Unreachable:
        found = {known: key for key, known in work.client.filters()}
        if name not in found:
            raise
        return found[name]


# Taken off


def _drop_retired(work: Work) -> None:
    """Persons lose the label by their next update, which is put in line here; then the filter goes."""
    if work.dry_run:
        return
    for label in work.connection.labels.filter(retired_at__isnull=False):
        if label.option_id is not None and _still_worn(work, label.option_id):
            continue
        if label.filter_id is not None:
            _drop_filter(work, label.filter_id)
        label.delete()


def _still_worn(work: Work, option_id: int) -> bool:
    wearers = work.connection.persons.filter(labels__contains=[option_id]).values_list("remote_id", flat=True)
    links = work.connection.links.filter(kind="person", remote_state="live", remote_id__in=list(wearers))
    profiles = list(links.values_list("local_id", flat=True))
    outbox.put(work.connection, "person", profiles, now=work.now(), forced=True)
    return bool(profiles)


def _drop_filter(work: Work, filter_id: int) -> None:
    try:
        work.client.delete_filter(filter_id)
    except Gone:
        return
