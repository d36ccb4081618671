"""Building the lab's images once, keeping what is built, and reusing it."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

from lab import debian_packages, paths
from lab.images import debian, package_lock
from lab.images.archive import Layer, RuntimeConfiguration, read_layer, write_archive, write_layer
from lab.images.catalogue import IMAGES, Image, ImageName
from lab.images.debian_archive import DebianArchive
from lab.images.errors import ImageBuildError, ImageEnvironmentError, explain
from lab.images.layer import RECIPES, BuildPlace, LayerRecipe, Step, build_layer, run_step
from lab.locks import BUILDING, exclusive
from lab.progress import Progress

RECORD = "etc/bulkhead-lab-image"
"""The file in each image that says, in JSON, that the lab built it, and out of what."""

_KEY_LENGTH = 16
_ARCHITECTURES = {"x86_64": "amd64"}
_TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "unshare": "util-linux",
    "setpriv": "util-linux",
    "chroot": "coreutils",
    "gcc": "gcc",
    "nm": "binutils",
    "readelf": "binutils",
}
_STATUS = "var/lib/dpkg/status"
_EMPTIED = ("var/cache", "var/log", "var/lib/apt/lists")
_REFUSE_DAEMONS = "#!/bin/sh\n# No daemon is started while an image is built.\nexit 101\n"


def image_key(image: Image) -> str:
    """Return the hexadecimal SHA-256 of everything that the image is made from."""
    configuration = asdict(image.configuration)
    if not image.configuration.stop_signal:
        # As before there was one, so that what is built stays good.
        del configuration["stop_signal"]
    parts = {"top": image.top.key(), "reference": image.reference, "configuration": configuration}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def archive_path(image: Image) -> Path:
    """Return where the image's archive is kept, built or not."""
    return paths.images_directory() / f"{image.name}-{image_key(image)[:_KEY_LENGTH]}.tar"


def ensure_images(names: Iterable[ImageName], progress: Progress) -> dict[str, Path]:
    """Return the OCI archive of each named image by its reference, building those that are not there yet.

    One process builds at a time and the others wait for it; an archive appears whole or not at all. Needs root and
    Debian on x86-64; mmdebstrap, and for the vLLM image gcc and binutils, are installed where they are missing.
    `progress` gets a line for each step, and one every 15 seconds of a long one. Raises ImageBuildError.
    """
    # Named once: a recipe that changes meanwhile is for the next build.
    archives = {name: archive_path(IMAGES[name]) for name in names}
    wanted = [IMAGES[name] for name in archives]
    if any(not archive.is_file() for archive in archives.values()):
        _check_machine()
        try:
            _ensure_tools(wanted, progress)
            paths.images_directory().mkdir(parents=True, exist_ok=True)
            with exclusive(paths.build_lock(), BUILDING, progress):
                missing = {name: archive for name, archive in archives.items() if not archive.is_file()}
                if missing:
                    _build(missing, progress)
        except OSError as error:
            raise ImageBuildError(f"the lab's images could not be built: {explain(str(error))}.") from error
    return {IMAGES[name].reference: archive for name, archive in archives.items()}


def _check_machine() -> None:
    if platform.machine() not in _ARCHITECTURES or sys.platform != "linux":
        raise ImageEnvironmentError(
            f"the lab's images are built on Linux on x86-64 only, and this is {sys.platform} on {platform.machine()}. "
            "Point the stack at a cluster that can pull the real images."
        )
    if os.geteuid() != 0:
        raise ImageEnvironmentError(
            "building the lab's images needs root (mounts and chroot). Repeat as root, or with sudo."
        )


def _ensure_tools(images: Iterable[Image], progress: Progress) -> None:
    tools = {"mmdebstrap", "unshare", "setpriv", "chroot"}.union(*(image.tools for image in images))
    lacking = sorted({_TOOLS[tool] for tool in tools if shutil.which(tool) is None})
    if not lacking:
        return
    progress(f"images: installing the Debian packages {' '.join(lacking)}")
    if (output := debian_packages.install(lacking)) is not None:
        raise ImageEnvironmentError(
            f"building the lab's images needs programs that could not be installed: {explain(output)}. "
            f"Run: apt-get install {' '.join(lacking)}"
        )


def _check_space(images: list[Image], folder: Path) -> None:
    needed = max(image.gigabytes for image in images) + sum(image.gigabytes for image in images) / 3
    free = shutil.disk_usage(folder).free / 1e9
    if free < needed:
        raise ImageEnvironmentError(
            f"building {', '.join(image.name for image in images)} takes about {needed:.0f} GB and {folder} has "
            f"{free:.1f} GB free, so nothing was started. Free some space, or set BULKHEAD_CACHE to a larger disk."
        )


def _build(archives: dict[ImageName, Path], progress: Progress) -> None:
    folder = paths.images_directory()
    work = folder / "work"
    # Whatever an interrupted build left; its mounts went with it.
    shutil.rmtree(work, ignore_errors=True)
    _check_space([IMAGES[name] for name in archives], folder)
    for needed in (work, folder / "downloads", folder / "logs", folder / "layers"):
        needed.mkdir(exist_ok=True)
    try:
        place = _build_place(work, [IMAGES[name] for name in archives], progress)
        for name, archive in archives.items():
            _build_image(IMAGES[name], archive, place, progress)
    except subprocess.CalledProcessError as error:
        reason = explain("\n".join((error.stdout or "", error.stderr or "")))
        raise ImageBuildError(f"the lab's images could not be built: {error.cmd[0]} failed: {reason}.") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    shutil.rmtree(folder / "downloads")
    _remove_outdated(folder, set(archives.values()))


def _build_place(work: Path, images: Iterable[Image], progress: Progress) -> BuildPlace:
    """Lay out what a build needs, once the archive is seen to serve what is locked."""
    recipes = [recipe for image in images for recipe in image.top.stack() if not _kept_layer(recipe).is_dir()]
    locked = {recipe.name: packages for recipe in recipes if (packages := recipe.locked())}
    served: package_lock.Served = {}
    if locked:
        progress("images: reading what Debian's archive serves")
        served = DebianArchive(work / "apt").read()
    for name, packages in sorted(locked.items()):
        package_lock.refuse_changed(name, packages, served)
    configuration, preferences = work / "apt.conf", work / "apt-preferences"
    configuration.write_text(debian.transport_settings())
    preferences.write_text(package_lock.preferences(package for packages in locked.values() for package in packages))
    folder = paths.images_directory()
    return BuildPlace(work, folder / "downloads", folder / "logs", _uv(progress), configuration, preferences, served)


def _tell_otherwise_than_locked(recipe: LayerRecipe, tree: Path, place: BuildPlace, progress: Progress) -> None:
    """Compare the packages of a finished layer with the lock files. Raises ImageBuildError."""
    status = tree / _STATUS
    if status.is_file():
        locked = [package for layer in recipe.stack() for package in layer.locked()]
        installed = dict(_installed(status))
        for line in package_lock.otherwise_than_locked(recipe.name, locked, installed, place.served):
            progress(line)


def _build_image(image: Image, target: Path, place: BuildPlace, progress: Progress) -> None:
    started = time.monotonic()
    *shared, top = image.top.stack()
    trees: list[Path] = []
    layers: list[Layer] = []
    for recipe in shared:
        kept = _shared_layer(recipe, trees, place, progress)
        trees.append(kept / "tree")
        layers.append(read_layer(kept / "layer.tar"))
    tree = build_layer(top, trees, place, progress)
    _tell_otherwise_than_locked(top, tree, place, progress)
    if top.finish:
        top.finish(tree)
    _clean(tree)
    _record(image, tree, trees)
    layers.append(write_layer(tree, place.work / "layer.tar"))
    shutil.rmtree(place.work / top.name)
    archive = place.work / "archive.tar"
    configuration = _labelled(image)
    write_archive(archive, image.reference, layers, configuration, _ARCHITECTURES[platform.machine()])
    (place.work / "layer.tar").unlink()
    archive.replace(target)
    size = target.stat().st_size / 1e6
    progress(f"image {image.name}: {image.reference}, {size:.0f} MB, {time.monotonic() - started:.0f} s in all")


def _shared_layer(recipe: LayerRecipe, below: list[Path], place: BuildPlace, progress: Progress) -> Path:
    """Return the kept folder of a layer that other images stand on, with its `tree` and its `layer.tar`."""
    kept = _kept_layer(recipe)
    if kept.is_dir():
        return kept
    tree = build_layer(recipe, below, place, progress) if recipe.below else _bootstrap(recipe, place, progress)
    _tell_otherwise_than_locked(recipe, tree, place, progress)
    _clean(tree)
    write_layer(tree, tree.parent / "layer.tar")
    tree.parent.replace(kept)
    return kept


def _kept_layer(recipe: LayerRecipe) -> Path:
    return paths.images_directory() / "layers" / f"{recipe.name}-{recipe.key()[:_KEY_LENGTH]}"


def _bootstrap(recipe: LayerRecipe, place: BuildPlace, progress: Progress) -> Path:
    tree = place.work / recipe.name / "tree"
    tree.parent.mkdir()
    command = debian.bootstrap_command(str(tree), debian.archive_sources(), str(place.apt_preferences))
    run_step(Step(recipe.name, recipe.summary, command), place, progress)
    (tree / debian.PREFERENCES).unlink()
    policy = tree / "usr/sbin/policy-rc.d"
    policy.write_text(_REFUSE_DAEMONS)
    policy.chmod(0o755)
    # mmdebstrap copies this machine's own.
    (tree / "etc/resolv.conf").unlink(missing_ok=True)
    (tree / "etc/resolv.conf").touch()
    (tree / "etc/hostname").write_text("localhost\n")
    return tree


def _clean(tree: Path) -> None:
    """Empty the folders of caches and logs, which only the build used."""
    for name in _EMPTIED:
        for path in (tree / name).glob("*"):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def _record(image: Image, tree: Path, below: list[Path]) -> None:
    packages = next(found for found in (tree, *reversed(below)) if (found / _STATUS).is_file())
    record = {
        "built_by": "Bulkhead's lab",
        "image": image.name,
        "stands_in_for": image.reference,
        "key": image_key(image),
        "debian_packages": dict(sorted(_installed(packages / _STATUS))),
    }
    (tree / "etc").mkdir(exist_ok=True)
    (tree / RECORD).write_text(json.dumps(record, indent=1) + "\n")


def _installed(status: Path) -> Iterator[tuple[str, str]]:
    for paragraph in status.read_text().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] != " ")
        if fields.get("Status", "").endswith(" installed"):
            yield fields["Package"], fields["Version"]


def _labelled(image: Image) -> RuntimeConfiguration:
    labels = {
        "org.opencontainers.image.title": f"{image.name}, built by Bulkhead's lab",
        "org.opencontainers.image.description": f"Stands in for {image.reference}",
    }
    return replace(image.configuration, labels=labels)


def _uv(progress: Progress) -> Path:
    """Return the pinned uv program, fetched by pip with its hash checked. Raises CalledProcessError."""
    lock = RECIPES / "uv" / "requirements.lock"
    key = hashlib.sha256(lock.read_bytes()).hexdigest()[:_KEY_LENGTH]
    folder = paths.images_directory() / f"uv-{key}"
    if not folder.is_dir():
        progress("images: fetching the package installer uv")
        target = paths.images_directory() / "work" / "uv"
        options = ("--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--target", str(target))
        command = (sys.executable, "-m", "pip", "install", *options, "--requirement", str(lock))
        subprocess.run(command, check=True, capture_output=True, text=True)
        target.replace(folder)
    return folder / "bin" / "uv"


def _remove_outdated(folder: Path, just_built: set[Path]) -> None:
    """Remove what an older recipe built, so that the cache holds one build of each image."""
    current = just_built | {archive_path(image) for image in IMAGES.values()}
    for archive in folder.glob("*.tar"):
        if archive not in current:
            archive.unlink()
    kept = {_kept_layer(recipe) for image in IMAGES.values() for recipe in image.top.stack()[:-1]}
    for layer in (folder / "layers").iterdir():
        if layer not in kept:
            shutil.rmtree(layer)
