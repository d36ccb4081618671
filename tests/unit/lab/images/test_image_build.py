import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lab import paths
from lab.cluster.host import mounts_below
from lab.images import IMAGES, ImageBuildError, ImageName, ensure_images
from lab.images import build as building
from lab.images import layer as layering
from lab.images.build import RECORD, archive_path, image_key
from lab.images.debian_archive import DebianArchive
from lab.images.layer import BuildPlace, LayerRecipe, Step, build_layer, run_step
from lab.images.package_lock import LockedPackage, Served
from lab.progress import Progress

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mount namespaces need root")
SHA256 = "a" * 64
DPKG_STATUS = "Package: example\nStatus: install ok installed\nVersion: 1.0\n\nPackage: removed\nStatus: deinstall ok\n"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BULKHEAD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace every tool that builds a layer, and tell the layers that were built."""
    names: list[str] = []

    def bootstrap(recipe: LayerRecipe, place: BuildPlace, progress: Progress) -> Path:
        return fake_layer(recipe, [], place, progress)

    def fake_layer(recipe: LayerRecipe, below: list[Path], place: BuildPlace, progress: Progress) -> Path:
        names.append(recipe.name)
        tree = place.work / recipe.name / "tree"
        (tree / "var/lib/dpkg").mkdir(parents=True)
        (tree / "var/lib/dpkg/status").write_text(DPKG_STATUS)
        (tree / "var/log").mkdir()
        (tree / "var/log/build.log").write_text("only the build's")
        (tree / recipe.name).write_text("\n".join(path.parent.name.partition("-")[0] for path in below))
        progress(recipe.name)
        return tree

    def uv(progress: Progress) -> Path:
        return Path("uv")

    monkeypatch.setattr(building, "_bootstrap", bootstrap)
    monkeypatch.setattr(building, "build_layer", fake_layer)
    monkeypatch.setattr(building, "_uv", uv)
    monkeypatch.setattr(building.debian, "transport_settings", str)
    monkeypatch.setattr(LayerRecipe, "locked", locked_by_this_test)
    archive_serves(monkeypatch, {"1.0": SHA256})
    tools_on_path(monkeypatch, lacking=())
    monkeypatch.setattr(building.os, "geteuid", lambda: 0)
    return names


def locked_by_this_test(recipe: LayerRecipe) -> tuple[LockedPackage, ...]:
    """The one package that every faked layer has."""
    return () if recipe.below else (LockedPackage("example", "1.0", SHA256),)


def locked_before(recipe: LayerRecipe) -> tuple[LockedPackage, ...]:
    """The same with an older version."""
    return () if recipe.below else (LockedPackage("example", "0.9", SHA256),)


def archive_serves(monkeypatch: pytest.MonkeyPatch, versions: dict[str, str]) -> None:
    def read(_: DebianArchive) -> Served:
        return {"example": versions}

    monkeypatch.setattr(DebianArchive, "read", read)


def tools_on_path(monkeypatch: pytest.MonkeyPatch, lacking: tuple[str, ...]) -> None:
    def which(tool: str) -> str | None:
        return None if tool in lacking or "*" in lacking else f"/usr/bin/{tool}"

    monkeypatch.setattr(building.shutil, "which", which)


def quiet(line: str) -> None:
    pass


def members(archive: Path) -> dict[str, bytes]:
    """The files of all layers of an archive."""
    found: dict[str, bytes] = {}
    with tarfile.open(archive) as tar:
        for blob in tar.getmembers():
            file = tar.extractfile(blob)
            if blob.name.startswith("blobs/") and file and blob.size >= 10240:
                with tarfile.open(fileobj=file) as layer:
                    found |= {m.name: f.read() for m in layer.getmembers() if (f := layer.extractfile(m))}
    return found


def test_an_image_is_the_layers_of_its_stack_under_the_production_reference(built: list[str]) -> None:
    images = ensure_images([ImageName.LITELLM], quiet)

    assert list(images) == [IMAGES[ImageName.LITELLM].reference]
    assert built == ["debian", "python", "litellm"]
    content = members(images[IMAGES[ImageName.LITELLM].reference])
    assert content["litellm"] == b"debian\npython"
    assert "var/log/build.log" not in content


def test_an_image_says_that_the_lab_built_it_and_out_of_what(built: list[str]) -> None:
    (archive,) = ensure_images([ImageName.REDIS], quiet).values()

    record = json.loads(members(archive)[RECORD])
    assert record["built_by"] == "Bulkhead's lab"
    assert record["stands_in_for"] == IMAGES[ImageName.REDIS].reference
    assert record["debian_packages"] == {"example": "1.0"}


def test_a_package_that_is_served_with_another_checksum_ends_the_build_before_it_begins(
    built: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive_serves(monkeypatch, {"1.0": "b" * 64})

    with pytest.raises(ImageBuildError, match=f"example 1.0 with the checksum {'b' * 64}, and {SHA256} is locked"):
        ensure_images([ImageName.REDIS], quiet)
    assert built == []


def test_a_locked_version_that_is_served_no_more_is_replaced_with_a_warning(
    built: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(LayerRecipe, "locked", locked_before)

    assert ensure_images([ImageName.REDIS], lines.append)
    assert (
        "warning: image layer debian: example 0.9 is locked and no longer served, so that its successor 1.0 was taken"
        " out of the signed archive. Lock anew: python -m lab.images.lock debian"
    ) in lines


def test_another_version_than_the_locked_one_that_is_served_is_refused(
    built: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LayerRecipe, "locked", locked_before)
    archive_serves(monkeypatch, {"0.9": SHA256, "1.0": SHA256})

    with pytest.raises(ImageBuildError, match=r"example 1\.0 was installed, and 0\.9 is locked"):
        ensure_images([ImageName.REDIS], quiet)


def test_what_is_built_is_not_built_again_and_shared_layers_are_built_once(built: list[str]) -> None:
    first = ensure_images([ImageName.REDIS], quiet)
    ensure_images([ImageName.POSTGRES], quiet)

    assert ensure_images([ImageName.REDIS, ImageName.POSTGRES], quiet).items() >= first.items()
    assert built == ["debian", "redis", "postgres"]


def test_built_images_need_neither_root_nor_tools(built: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    expected = ensure_images([ImageName.REDIS], quiet)
    monkeypatch.setattr(building.os, "geteuid", lambda: 1000)
    tools_on_path(monkeypatch, lacking=("*",))

    assert ensure_images([ImageName.REDIS], quiet) == expected


def test_without_root_nothing_is_started(built: list[str], monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setattr(building.os, "geteuid", lambda: 1000)

    with pytest.raises(ImageBuildError, match="needs root"):
        ensure_images([ImageName.REDIS], quiet)
    assert not cache.exists()


def test_missing_programs_are_installed_by_their_debian_packages(
    built: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    installed: list[str] = []
    tools_on_path(monkeypatch, lacking=("setpriv", "mmdebstrap", "unshare"))
    monkeypatch.setattr(building.debian_packages, "install", installed.extend)

    assert ensure_images([ImageName.REDIS], quiet)
    assert installed == ["mmdebstrap", "util-linux"]


def test_programs_that_cannot_be_installed_are_named_by_their_debian_packages(
    built: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(packages: list[str]) -> str:
        return "E: Could not connect to mirror.example:80"

    tools_on_path(monkeypatch, lacking=("nm", "mmdebstrap"))
    monkeypatch.setattr(building.debian_packages, "install", fail)

    with pytest.raises(ImageBuildError, match=r"could not be reached.*apt-get install binutils mmdebstrap$"):
        ensure_images([ImageName.VLLM], quiet)
    assert built == []


def test_a_disk_that_is_too_small_is_said_before_anything_is_started(
    built: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 10**9))  # pyright: ignore

    with pytest.raises(ImageBuildError, match=r"takes about 12 GB and .* has 1\.0 GB free"):
        ensure_images([ImageName.VLLM], quiet)
    assert built == []


@pytest.mark.parametrize("failing", ["debian", "redis"])
def test_a_failed_build_leaves_no_archive_and_no_work_and_the_next_one_succeeds(
    built: list[str], monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    function = "_bootstrap" if failing == "debian" else "build_layer"
    working: Callable[..., Path] = getattr(building, function)

    def fail(recipe: LayerRecipe, *rest: object) -> Path:
        working(recipe, *rest)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(building, function, fail)
        with pytest.raises(ImageBuildError, match="the disk is full"):
            ensure_images([ImageName.REDIS], quiet)
    images = paths.images_directory()
    assert not (images / "work").exists()
    assert not list(images.glob("*.tar"))

    assert ensure_images([ImageName.REDIS], quiet)


def test_what_an_older_recipe_built_is_removed(built: list[str]) -> None:
    images = paths.images_directory()
    (images / "layers/debian-0000").mkdir(parents=True)
    (images / "redis-0000.tar").touch()
    (images / "work/litellm").mkdir(parents=True)

    ensure_images([ImageName.REDIS], quiet)

    assert [path.name for path in images.glob("*.tar")] == [archive_path(IMAGES[ImageName.REDIS]).name]
    assert not (images / "layers/debian-0000").exists()
    assert not (images / "work").exists()
    assert not (images / "downloads").exists()


def test_two_builders_build_once(built: list[str]) -> None:
    lines: list[str] = []
    threads = [threading.Thread(target=ensure_images, args=([ImageName.REDIS], lines.append)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert built == ["debian", "redis"]


def test_every_image_has_a_key_of_its_own_and_every_reference_is_exact() -> None:
    assert len({image_key(image) for image in IMAGES.values()}) == len(ImageName)
    for image in IMAGES.values():
        assert not image.reference.endswith(":latest")


def test_a_changed_recipe_changes_the_key_of_its_layer_and_of_all_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes = tmp_path / "recipes"
    for name in ("lower", "upper"):
        (recipes / name).mkdir(parents=True)
        (recipes / name / "build.sh").write_text("true\n")
    (recipes / "run_in_layer.sh").touch()
    (recipes / "install_packages.sh").touch()
    monkeypatch.setattr(layering, "RECIPES", recipes)
    monkeypatch.setattr(layering, "_RUNNER", recipes / "run_in_layer.sh")
    monkeypatch.setattr(layering, "_INSTALLER", recipes / "install_packages.sh")
    lower = LayerRecipe("lower", "Lower")
    upper = LayerRecipe("upper", "Upper", lower)
    before = lower.key(), upper.key()

    (recipes / "upper/build.sh").write_text("false\n")
    assert (lower.key(), upper.key() != before[1]) == (before[0], True)
    (recipes / "upper/build.sh").write_text("true\n")
    assert (lower.key(), upper.key()) == before

    (recipes / "lower/package").write_text("")
    assert all(now != then for now, then in zip((lower.key(), upper.key()), before, strict=True))


def a_place(tmp_path: Path) -> BuildPlace:
    folders = (tmp_path / name for name in ("work", "downloads", "logs", "uv", "apt", "preferences"))
    place = BuildPlace(*folders, served={})
    for folder in (place.work, place.downloads, place.logs):
        folder.mkdir()
    for file in (place.uv, place.apt_configuration, place.apt_preferences):
        file.touch()
    return place


@needs_root
def test_a_failing_step_is_explained_and_its_output_kept(tmp_path: Path) -> None:
    place = a_place(tmp_path)
    step = Step("redis", "Redis 7.0", ("/bin/sh", "-c", "echo some detail; echo No space left on device >&2; exit 3"))

    with pytest.raises(ImageBuildError, match=r"image layer redis \(Redis 7\.0\) .*: the disk is full") as failure:
        run_step(step, place, quiet)

    assert "Traceback" not in str(failure.value)
    assert (place.logs / "redis.log").read_text() == "some detail\nNo space left on device\n"


@needs_root
def test_a_long_step_tells_its_elapsed_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layering, "_TICK_SECONDS", 0.05)
    lines: list[str] = []

    run_step(Step("redis", "Redis 7.0", ("/bin/sleep", "0.3")), a_place(tmp_path), lines.append)

    assert lines[0] == "image layer redis: Redis 7.0 … 0 s"
    assert lines[-1] == "image layer redis: Redis 7.0, 0 s"


@needs_root
def test_mounts_of_a_failed_layer_end_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = a_place(tmp_path)
    lower = tmp_path / "lower"
    for name in ("proc", "dev", "tmp", "run", "etc"):
        (lower / name).mkdir(parents=True)
    (lower / "etc/resolv.conf").touch()

    # There is no shell in the lower layer, so the chroot fails after everything was mounted.
    with pytest.raises(ImageBuildError, match="/bin/sh"):
        build_layer(LayerRecipe("redis", "Redis 7.0"), [lower], place, quiet)

    assert mounts_below(tmp_path) == []
    assert list((place.work / "redis/merged").iterdir()) == []


@needs_root
def test_a_killed_builder_leaves_neither_process_nor_mount(tmp_path: Path) -> None:
    mark = f"{90_000 + os.getpid() % 9_000}.5"
    place = a_place(tmp_path)
    program = (
        "import sys; from pathlib import Path; from lab.images.layer import *; p = Path(sys.argv[1]);"
        "place = BuildPlace(p / 'work', p / 'downloads', p / 'logs', p / 'uv', p / 'apt', p / 'preferences', {});"
        "command = f'mount -t tmpfs t {p}/work && sleep {sys.argv[2]}';"
        "run_step(Step('x', 'x', ('/bin/sh', '-c', command)), place, print)"
    )
    builder = subprocess.Popen((sys.executable, "-c", program, str(tmp_path), mark))
    try:
        wait_for(lambda: sleeping(mark))
        assert str(place.work) not in Path("/proc/self/mountinfo").read_text()
    finally:
        builder.send_signal(signal.SIGKILL)
        builder.wait()

    wait_for(lambda: not sleeping(mark))


def sleeping(mark: str) -> bool:
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if command.read_bytes().split(b"\0")[:2] == [b"sleep", mark.encode()]:
                return True
        except OSError:
            continue
    return False


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
