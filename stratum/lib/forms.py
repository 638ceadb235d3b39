"""What forms share: a service's refusal shown beside the fields it is about."""

from django.forms import BaseForm

from stratum.lib.refusal import Refusal


def show(form: BaseForm, refusal: Refusal) -> None:
    """Put each fault of a bound form beside its field (`/email`), and what fits no field above them all."""
    for fault in refusal.faults:
        field = fault.pointer.split("/")[1] if "/" in fault.pointer else ""
        form.add_error(field if field in form.fields else None, fault.detail)
    if not refusal.faults:
        form.add_error(None, refusal.sentence)
