"""PostgreSQL column types that Django does not know."""

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Func


class CurrentTransaction(Func):
    """The id of the transaction that writes the row."""

    function = "pg_current_xact_id"
    arity = 0


class TransactionIdField(models.Field):  # type: ignore[type-arg]
    """`xid8`: the 64-bit id of the writing transaction, by which the projection finds its place."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"editable": False, "db_default": CurrentTransaction(), **kwargs})

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "xid8"
