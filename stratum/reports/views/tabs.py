"""The two halves of Settings > Exports."""

from django.urls import reverse


def tabs(active: str) -> list[dict[str, object]]:
    """`active`: files or schedules."""
    known = (("files", "Files", "settings_exports"), ("schedules", "Scheduled delivery", "export_schedule_list"))
    return [{"label": label, "url": reverse(name), "active": key == active} for key, label, name in known]
