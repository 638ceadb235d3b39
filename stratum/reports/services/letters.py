"""What a delivery's mails say: the file or a link to it with its manifest, or that it failed."""

from typing import Any
from urllib.parse import urljoin

import orjson
from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse

from stratum.lib import mail
from stratum.reports import queries, sheets
from stratum.reports.models import Delivery, DeliveryMessage, Export
from stratum.reports.registry import exporters

LONGEST_SUBJECT = 200


def written(delivery: Delivery, message: DeliveryMessage) -> EmailMessage:
    """The same message each time: its id is the recipient's, so a repeat is known as one."""
    is_report = message.purpose == DeliveryMessage.Purpose.REPORT
    letter = EmailMessage(
        subject=_subject(delivery, is_report=is_report),
        body=render_to_string(f"reports/mail/{message.purpose}.txt", _facts(delivery, message)),
        to=[message.email],
        headers={
            "Message-ID": mail.message_id(delivery.pk.hex, message.pk),
            "Auto-Submitted": "auto-generated",
        },
    )
    if is_report and delivery.export is not None:
        _attach(letter, delivery, delivery.export)
    return letter


def _attach(letter: EmailMessage, delivery: Delivery, export: Export) -> None:
    if delivery.attached:
        content_type = sheets.CONTENT_TYPES[export.format].partition(";")[0]
        letter.attach(export.filename, queries.file_of(export).read_bytes(), content_type)
    manifest = orjson.dumps(export.manifest, option=orjson.OPT_INDENT_2)
    letter.attach(f"{export.filename}.manifest.json", manifest, "application/json")


def _subject(delivery: Delivery, *, is_report: bool) -> str:
    name = f"{delivery.schedule.name} ({delivery.workspace.name})"
    return (name if is_report else f"Not delivered: {name}")[:LONGEST_SUBJECT]


def _facts(delivery: Delivery, message: DeliveryMessage) -> dict[str, Any]:
    schedule, export = delivery.schedule, delivery.export
    known = exporters.get(schedule.exporter)
    link = reverse("export_link", args=[queries.link_token(export)]) if export else ""
    return {
        "delivery": delivery,
        "message": message,
        "schedule": schedule,
        "workspace": delivery.workspace,
        "export": export,
        "table": known.label if known else schedule.exporter,
        "filters": [(name.replace("_", " "), value) for name, value in sorted(schedule.parameters.items())],
        "rhythm": schedule.rhythm.words(),
        "link": _absolute(link),
        "manage": _absolute(reverse("export_schedule", args=[schedule.pk])),
        "lost": queries.outcome(delivery)[1],
    }


def _absolute(path: str) -> str:
    return urljoin(settings.BASE_URL, path)
