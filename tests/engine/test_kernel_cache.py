"""Where compiled kernels are kept."""

import os
from pathlib import Path

import pytest

from cdp.engine.columnar import jit, memory


def test_the_environment_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/somewhere")
    assert jit.cache_folder() == "/somewhere"


def test_read_only_code_keeps_them_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(jit.tempfile, "gettempdir", lambda: str(tmp_path))
    assert Path(jit.cache_folder()).parent == tmp_path
    assert Path(jit.cache_folder()).stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_can_write_is_not_trusted(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    theirs.mkdir()
    theirs.chmod(0o777)
    (tmp_path / "link").symlink_to(ours)
    assert jit.private_folder(ours) == str(ours)
    assert jit.private_folder(theirs) != str(theirs)
    assert jit.private_folder(tmp_path / "link") != str(tmp_path / "link")


def test_what_is_kept_is_of_these_sources(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kernel, other = tmp_path / "kernel.py", tmp_path / "other.py"
    kernel.write_text("from cdp.engine.columnar.jit import kernel")
    other.write_text("")
    monkeypatch.setattr(jit, "__file__", str(tmp_path / "jit.py"))
    before = jit.sources()
    other.write_text("nothing compiled")
    assert jit.sources() == before
    kernel.write_text("from cdp.engine.columnar.jit import kernel\n\n")
    assert jit.sources() != before


def test_loaders_that_kernels_are_made_of_are_sources_too() -> None:
    assert b"columnar.jit import" not in Path(memory.__file__).read_bytes()
    before = jit.sources()
    with pytest.MonkeyPatch.context() as patch:
        read = Path.read_bytes
        patch.setattr(Path, "read_bytes", lambda path: read(path) + b"#" * (path.name == "memory.py"))
        assert jit.sources() != before
    assert jit.sources() == before


def test_kernels_of_sources_that_are_gone_are_swept(tmp_path: Path) -> None:
    ours, recent, old, other = (tmp_path / name for name in ("a" * 16, "b" * 16, "c" * 16, "not kernels"))
    for folder in (ours, recent, old, other):
        folder.mkdir()
        (folder / "kernel.nbi").touch()
    for folder in (old, other):
        os.utime(folder, (0, 0))
    jit.sweep(ours)
    assert sorted(tmp_path.iterdir()) == [ours, recent, other]
