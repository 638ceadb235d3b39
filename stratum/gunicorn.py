"""The web server's settings: `gunicorn -c python:stratum.gunicorn stratum.wsgi`.

Two processes use two cores; threads cover what waits for the database.
"""

import gc

from gunicorn.workers.base import Worker

from stratum.lib import env

worker_class = "gthread"
workers = env.number("WEB_CONCURRENCY", 2)
threads = env.number("WEB_THREADS", 4)
timeout = 60
graceful_timeout = 5
keepalive = 75  # longer than the usual idle time of a proxy's connection, so the proxy closes first
control_socket_disable = True
proc_name = "stratum"


def post_worker_init(worker: Worker) -> None:
    """What is loaded now stays: the collector need not walk it again."""
    gc.collect()
    gc.freeze()
