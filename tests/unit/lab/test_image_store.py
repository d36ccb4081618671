"""The store of unpacked images: made of just these archives, whole or not at all, and shared by labs without harm."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab import paths
from lab.cluster import image_store
from lab.cluster.image_store import ensure_image_store, lay_image_store, store_directory
from lab.errors import LabEnvironmentError, LabError

CTR = """#!/bin/sh
echo "$@" >>{calls}
case "$*" in *broken.tar*) echo 'ctr: not an archive' >&2; exit 1 ;; esac
"""
CONTAINERD = """#!/bin/sh
store=$(dirname "${1#--config=}")
mkdir -p "$store/root/snapshots"
echo layer >"$store/root/snapshots/file"
echo known >"$store/root/meta.db"
touch "$store/containerd.sock"
exec sleep 60
"""
ENDS = "#!/bin/sh\necho 'no such device' >&2\nexit 1\n"


@pytest.fixture(autouse=True)
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What was asked of ctr, in a cache of the test's own with stand-ins for containerd and ctr."""
    monkeypatch.setenv("BULKHEAD_CACHE", str(tmp_path / "cache"))
    asked = tmp_path / "calls"
    asked.touch()
    stand_in("ctr", CTR.format(calls=asked))
    stand_in("containerd", CONTAINERD)
    return asked


def stand_in(name: str, script: str) -> None:
    folder = paths.binaries_directory()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)


def imports(calls: Path) -> Sequence[str]:
    return [line.rpartition("/")[2] for line in calls.read_text().splitlines() if "images import" in line]


def archives(*names: str) -> dict[str, Path]:
    folder = paths.images_directory()
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}.tar").write_bytes(b"an archive")
    return {f"example.org/{name}:1": folder / f"{name}.tar" for name in names}


def laid() -> Path:
    root = paths.state_directory() / "containerd" / "root"
    assert lay_image_store(root)
    return root


def test_each_archive_is_unpacked_once(calls: Path) -> None:
    ensure_image_store(archives("one", "two"))
    ensure_image_store(archives("two", "one"))

    assert imports(calls) == ["one.tar", "two.tar"]


def test_another_archive_makes_another_store(calls: Path) -> None:
    ensure_image_store(archives("one"))
    ensure_image_store(archives("one-of-today"))

    assert imports(calls) == ["one.tar", "one-of-today.tar"]


def test_a_store_that_was_interrupted_is_none_and_is_made_anew(calls: Path) -> None:
    with pytest.raises(LabError, match="not an archive"):
        ensure_image_store(archives("one", "broken"))
    assert not lay_image_store(paths.state_directory() / "root")

    ensure_image_store(archives("one"))

    assert imports(calls) == ["one.tar", "broken.tar", "one.tar"]
    assert (laid() / "meta.db").read_text() == "known\n"


def test_a_store_whose_removal_was_interrupted_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(folder: Path) -> None:
        (folder / "root" / "meta.db").unlink()
        raise KeyboardInterrupt

    ensure_image_store(archives("one"))
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(image_store.shutil, "rmtree", interrupted)
        ensure_image_store(archives("one-of-today"))

    assert not lay_image_store(paths.state_directory() / "root")


def test_a_disk_without_room_is_said_before_anything_is_unpacked(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path) -> SimpleNamespace:
        return SimpleNamespace(free=3)

    monkeypatch.setattr(image_store.shutil, "disk_usage", full)
    with pytest.raises(LabEnvironmentError, match="BULKHEAD_CACHE"):
        ensure_image_store(archives("one"))

    assert imports(calls) == []


def test_a_containerd_that_does_not_start_says_why() -> None:
    stand_in("containerd", ENDS)

    with pytest.raises(LabError, match=r"containerd did not start \(no such device\)"):
        ensure_image_store(archives("one"))


def test_layers_are_shared_and_databases_are_the_lab_s_own() -> None:
    ensure_image_store(archives("one"))
    root, store = laid(), store_directory() / "root"

    (root / "meta.db").write_text("changed by the lab\n")

    assert (root / "snapshots" / "file").samefile(store / "snapshots" / "file")
    assert (store / "meta.db").read_text() == "known\n"


def test_a_lab_that_has_images_keeps_them() -> None:
    ensure_image_store(archives("one"))
    root = laid()
    (root / "meta.db").write_text("changed by the lab\n")

    assert not lay_image_store(root)
    assert (root / "meta.db").read_text() == "changed by the lab\n"


def test_without_a_store_nothing_is_laid() -> None:
    root = paths.state_directory() / "containerd" / "root"

    assert not lay_image_store(root)
    assert not root.exists()


def test_where_files_cannot_be_linked_nothing_is_laid(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(command: Sequence[object], **_: object) -> bool:
        assert "--link" in command
        return False

    ensure_image_store(archives("one"))
    monkeypatch.setattr(image_store, "succeeds", refuses)
    root = paths.state_directory() / "containerd" / "root"

    assert not lay_image_store(root)
    assert not root.exists()
