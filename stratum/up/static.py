"""Static files, collected only when one has changed.

Not compressed: that takes a minute and gains nothing on one machine. `manage.py collectstatic` does it for production.
"""

import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.management.commands import collectstatic
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.management import call_command


def collect() -> bool:
    """Returns whether there was anything to do."""
    stamp = Path(settings.STATIC_ROOT) / ".collected"
    now = fingerprint()
    if stamp.exists() and stamp.read_text() == now:
        return False
    command = collectstatic.Command()
    command.storage = ManifestStaticFilesStorage()
    call_command(command, interactive=False, verbosity=0)
    stamp.write_text(now)
    return True


def fingerprint() -> str:
    """Of names, sizes and times of change; reading every file would take longer than it saves."""
    state = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            file = Path(storage.path(name)).stat()
            state.update(f"{name} {file.st_size} {file.st_mtime_ns}\n".encode())
    return state.hexdigest()
