"""What platforms say about conversions, held against our own counts: the signal of attribution variance."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from stratum.workspaces.models import Workspace
from trustlayer.drift import BASELINE, RECENT, ConversionDay, drift
from trustlayer.services import readings
from trustlayer.services.readings import NewReading


def report(
    *, workspace: Workspace, platform: str, days: Sequence[ConversionDay], last: date, source: str, now: datetime
) -> float | None:
    """The drift, stored as a reading; None, and nothing stored, where too little was counted to tell.

    `days`: at least the last 35 complete ones, of one conversion action; `last`: the newest of them.
    """
    found = drift(days, last=last)
    if found is None:
        return None
    evidence: dict[str, Any] = {
        "sentence": f"{found.ratio:.2f} conversions on the platform for one of ours in the last {RECENT} complete "
        f"days, {found.usual:.2f} in the {BASELINE} days before.",
        "ratio": found.ratio,
        "usual": found.usual,
    }
    value = min(found.value, 100.0)
    told = NewReading("variance", value, now, source, platform, evidence=evidence)
    readings.report(workspace=workspace, readings=[told], now=now)
    return value
