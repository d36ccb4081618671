import hashlib
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.images.archive import Layer, RuntimeConfiguration, read_layer, write_archive, write_layer

REFERENCE = "docker.io/library/example:1.0"
CONFIGURATION = RuntimeConfiguration(
    entrypoint=("/bin/example",), environment={"PATH": "/bin"}, labels={"org.opencontainers.image.title": "example"}
)


def a_tree(folder: Path) -> Path:
    (folder / "usr/bin").mkdir(parents=True)
    program = folder / "usr/bin/program"
    program.write_bytes(b"#!/bin/sh\n")
    program.chmod(0o755)
    (folder / "usr/bin/link").symlink_to("program")
    os.link(program, folder / "usr/bin/same")
    (folder / "empty").mkdir(mode=0o700)
    return folder


def blobs(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        found = {member.name: tar.extractfile(member) for member in tar.getmembers()}
    with tarfile.open(archive) as tar:
        return {name: (tar.extractfile(name) or pytest.fail(name)).read() for name in found}


def an_archive(tmp_path: Path, layers: list[Layer]) -> Path:
    write_archive(tmp_path / "image.tar", REFERENCE, layers, CONFIGURATION, "amd64")
    return tmp_path / "image.tar"


def test_a_layer_keeps_modes_links_and_times(tmp_path: Path) -> None:
    tree = a_tree(tmp_path / "tree")
    os.utime(tree / "usr/bin/program", (1_700_000_000.75, 1_700_000_000.75))

    layer = write_layer(tree, tmp_path / "layer.tar")

    with tarfile.open(layer.path) as tar:
        members = {member.name: member for member in tar.getmembers()}
    assert members["usr/bin/program"].mode == 0o755
    assert members["usr/bin/program"].mtime == 1_700_000_000  # what a compiled Python module compares with
    assert members["usr/bin/link"].linkname == "program"
    assert {members["usr/bin/same"].type, members["usr/bin/program"].type} == {tarfile.REGTYPE, tarfile.LNKTYPE}
    assert members["empty"].isdir()
    assert members["empty"].mode == 0o700


def test_a_file_deleted_over_a_lower_layer_becomes_a_whiteout(tmp_path: Path) -> None:
    tree = a_tree(tmp_path / "tree")
    os.mknod(tree / "usr/gone", 0o020000, os.makedev(0, 0))  # how overlayfs marks a deleted file

    layer = write_layer(tree, tmp_path / "layer.tar")

    with tarfile.open(layer.path) as tar:
        names = tar.getnames()
    assert "usr/.wh.gone" in names
    assert "usr/gone" not in names


def test_sockets_and_pipes_are_left_out(tmp_path: Path) -> None:
    tree = a_tree(tmp_path / "tree")
    os.mkfifo(tree / "pipe")

    layer = write_layer(tree, tmp_path / "layer.tar")

    with tarfile.open(layer.path) as tar:
        assert "pipe" not in tar.getnames()


@settings(deadline=None)  # a busy machine
@given(
    content=st.dictionaries(
        st.text("abcdefgh.-_", min_size=1, max_size=8).filter(lambda name: name.strip(".")), st.binary()
    )
)
def test_a_layer_holds_each_file_and_names_its_own_digest(
    content: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("layer")
    (folder / "tree").mkdir()
    for name, data in content.items():
        (folder / "tree" / name).write_bytes(data)

    layer = write_layer(folder / "tree", folder / "layer.tar")

    assert layer == read_layer(folder / "layer.tar")
    assert layer.digest == hashlib.sha256(layer.path.read_bytes()).hexdigest()
    assert blobs(layer.path) == content


def test_every_blob_of_an_archive_is_named_by_its_digest_and_size(tmp_path: Path) -> None:
    layers = [write_layer(a_tree(tmp_path / name), tmp_path / f"{name}.tar") for name in ("lower", "upper")]

    found = blobs(an_archive(tmp_path, layers))

    for name, data in found.items():
        if name.startswith("blobs/"):
            assert name == f"blobs/sha256/{hashlib.sha256(data).hexdigest()}"
    index: dict[str, Any] = json.loads(found["index.json"])
    manifest: dict[str, Any] = json.loads(blob(found, index["manifests"][0]))
    configuration: dict[str, Any] = json.loads(blob(found, manifest["config"]))
    assert [len(blob(found, layer)) for layer in manifest["layers"]] == [layer.size for layer in layers]
    assert configuration["rootfs"]["diff_ids"] == [f"sha256:{layer.digest}" for layer in layers]


def blob(found: dict[str, bytes], descriptor: dict[str, Any]) -> bytes:
    data = found[f"blobs/{descriptor['digest'].replace(':', '/')}"]
    assert len(data) == descriptor["size"]
    return data


def test_an_archive_carries_the_production_reference_and_what_its_containers_start(tmp_path: Path) -> None:
    found = blobs(an_archive(tmp_path, [write_layer(a_tree(tmp_path / "tree"), tmp_path / "layer.tar")]))

    named = json.loads(found["index.json"])["manifests"][0]
    manifest = json.loads(blob(found, named))
    configuration = json.loads(blob(found, manifest["config"]))
    assert named["annotations"]["io.containerd.image.name"] == REFERENCE
    assert configuration["config"] == {
        "Entrypoint": ["/bin/example"],
        "Env": ["PATH=/bin"],
        "WorkingDir": "/",
        "Labels": {"org.opencontainers.image.title": "example"},
    }


def test_the_same_layers_make_the_same_archive(tmp_path: Path) -> None:
    layer = write_layer(a_tree(tmp_path / "tree"), tmp_path / "layer.tar")
    first = an_archive(tmp_path, [layer]).read_bytes()

    assert an_archive(tmp_path, [layer]).read_bytes() == first
