"""Django's PostgreSQL backend over the embedded server."""

from pathlib import Path
from typing import Any

import psycopg
from django.db.backends.postgresql import base

from stratum.lib.postgres import server


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> psycopg.Connection[Any]:
        cluster = server.Cluster(Path(self.settings_dict["PLACE"]))
        server.hold(cluster)
        try:
            return self._connect(conn_params)
        except psycopg.OperationalError:
            server.attach(cluster)
            return self._connect(conn_params)

    def _connect(self, conn_params: dict[str, Any]) -> psycopg.Connection[Any]:
        connection: psycopg.Connection[Any] = super().get_new_connection(conn_params)
        return connection
