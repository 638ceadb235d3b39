"""The embedded PostgreSQL: a real server out of a wheel, used when DATABASE_URL is unset.

This half is read by the settings and starts nothing. `stratum.lib.postgres` starts the server at the first connection
and stops it when the last process that used it ends.
"""

import hashlib
import os
import pwd
import secrets
import stat
from pathlib import Path

DATABASE = "stratum"
SUPERUSER = "postgres"

# A socket's address has room for 108 bytes, the closing NUL among them.
LONGEST_SOCKET = 107
SOCKET = ".s.PGSQL.5432"

# For root with a private home: the server runs as someone else, who cannot walk through it.
PUBLIC_HOME = Path("/var/lib/stratum")


def database_settings(home: Path) -> dict[str, object]:
    """Django's settings for the embedded server of `home`, reached over its socket."""
    place = settle(home)
    return {
        "ENGINE": "stratum.lib.postgres",
        "NAME": DATABASE,
        "USER": SUPERUSER,
        "PASSWORD": "",
        "HOST": str(socket_folder(place)),
        "PORT": "",
        "OPTIONS": {},
        "PLACE": str(place),
    }


def settle(home: Path) -> Path:
    """The folder of the cluster, its socket, log and locks: `<home>/postgres`, or what that links to.

    The link is made on the first start and then stays, so that a later chmod of a parent folder loses nothing.
    """
    door = home / "postgres"
    if not os.path.lexists(door):
        home.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0 and not open_to_others(home):
            _link(door, PUBLIC_HOME / f"{home.parent.name}-{secrets.token_hex(4)}")
        else:
            _open_folder(door)
    return door.resolve()


def open_to_others(folder: Path) -> bool:
    """Whether any user may walk down to `folder`."""
    return all(step.stat().st_mode & stat.S_IXOTH for step in (folder, *folder.parents))


def _link(door: Path, target: Path) -> None:
    _open_folder(target)
    try:
        door.symlink_to(target)
    except FileExistsError:  # another process was quicker
        target.rmdir()


def _open_folder(folder: Path) -> None:
    """May be walked through, not listed. The umask has no say."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)


def database_user(place: Path) -> pwd.struct_passwd | None:
    """Whom the server runs as, if not as us: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    data = place / "data"
    if data.exists():
        return pwd.getpwuid(data.stat().st_uid)
    try:
        return pwd.getpwnam("stratum")
    except KeyError:
        return pwd.getpwnam("nobody")


def socket_folder(place: Path) -> Path:
    inside = place / "socket"
    if len(os.fsencode(inside / SOCKET)) <= LONGEST_SOCKET:
        return inside
    short = Path("/tmp") / f"stratum-{hashlib.sha256(os.fsencode(place)).hexdigest()[:16]}"
    short.mkdir(mode=0o700, exist_ok=True)
    _refuse_foreign(short, place)
    return short


def _refuse_foreign(folder: Path, place: Path) -> None:
    """In /tmp anybody could have put a folder of that name there first, with a server of his own."""
    user = database_user(place)
    ours = {os.geteuid(), user.pw_uid if user else os.geteuid()}
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid not in ours:
        raise PermissionError(f"{folder} belongs to somebody else. Remove it, or choose a shorter STRATUM_HOME.")
