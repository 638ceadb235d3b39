"""How services start background work without importing it."""

from celery import current_app
from django.db import transaction


def after_commit(task: str, **arguments: object) -> None:
    """Start the task of that name once the transaction has committed.

    The task is looked up then and there: `send_task` would neither honour eager mode nor notice a typo.
    """
    transaction.on_commit(lambda: _start(task, arguments))


def _start(task: str, arguments: dict[str, object]) -> None:
    if task not in current_app.tasks:
        current_app.loader.import_default_modules()  # only workers have done so by themselves
    current_app.tasks[task].delay(**arguments)
