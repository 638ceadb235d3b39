"""The folders behind the addresses in the settings."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit


def engine_folder(url: str) -> Path | None:
    """Of `columnar:///path`; other engines have none."""
    parts = urlsplit(url)
    return Path(parts.path) if parts.scheme == "columnar" else None


def broker_folders(options: Mapping[str, object]) -> list[Path]:
    """Of the filesystem broker's transport options; other brokers have none."""
    names = ("data_folder_in", "data_folder_out", "control_folder")
    return sorted({Path(str(options[name])) for name in names if name in options})


def writable(folder: Path) -> bool:
    """Whether a file can be made and filled in `folder`: false on a full disk, too."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"x")
            probe.flush()
    except OSError:
        return False
    return True
