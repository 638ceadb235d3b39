"""What ClickHouse does not answer so far, by test of the shared suite, each with the reason.

Such a test has to fail with NotSupported; one that passes has to be taken out of this table.
"""

# Whole files, and single tests as file::test.
UNANSWERED: dict[str, str] = {}


def reason(file: str, test: str) -> str | None:
    return UNANSWERED.get(f"{file}::{test}") or UNANSWERED.get(file)
