"""The web server's settings: `gunicorn -c python:stratum.gunicorn stratum.wsgi`.

Two processes use two cores; threads cover what waits for the database.
"""

import gc

from django.urls import get_resolver
from gunicorn.arbiter import Arbiter

from stratum.lib import env

worker_class = "gthread"
workers = env.number("WEB_CONCURRENCY", 2)
threads = env.number("WEB_THREADS", 4)
timeout = 60
graceful_timeout = 5
keepalive = 75  # longer than the usual idle time of a proxy's connection, so the proxy closes first
control_socket_disable = True
proc_name = "stratum"

# Imports take three seconds of processor time: once, so that a worker which dies is there again in a moment, and all
# share the memory. New code therefore needs a restart: SIGHUP starts workers with the old one.
preload_app = True


def when_ready(server: Arbiter) -> None:
    """Views are imported by the first request otherwise. What is loaded now stays: the collector need not walk it."""
    assert get_resolver().url_patterns
    gc.collect()
    gc.freeze()
