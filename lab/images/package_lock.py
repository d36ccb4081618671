"""Debian packages that are locked: their lock files, what an archive serves of them, and what came of it. Pure.

A lock file has a line `NAME=VERSION sha256:CHECKSUM` for each package that a layer adds to those below it, dependencies
included. The checksum is that of the package's file, as the archive's signed index has it. apt takes no file that is
another one than its index says, so that comparing the two checksums compares the bytes.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lab.images.errors import ImageBuildError

LOCK_NAME = "packages.lock"
REQUEST_NAME = "packages.in"
RELOCK = "python -m lab.images.lock debian"
PIN_PRIORITY = 1001
"""Above 1000 apt takes the version whatever others are served (apt_preferences(5))."""

Served = Mapping[str, Mapping[str, str]]
"""Package → each version that the archive serves → the SHA-256 of its file, hexadecimal."""

_LINE = re.compile(r"^([a-z0-9][a-z0-9+.-]+)=(\S+) sha256:([0-9a-f]{64})$")


@dataclass(frozen=True, order=True)
class LockedPackage:
    """One package: its name, its version and its file's SHA-256, hexadecimal."""

    name: str
    version: str
    sha256: str


def read_lock(text: str) -> tuple[LockedPackage, ...]:
    """The packages of a lock file's text.

    Raises:
        ImageBuildError: A line is not one of a lock file.
    """
    found = [_LINE.match(line) for line in text.splitlines()]
    if not all(found):
        raise ImageBuildError(f"a {LOCK_NAME} has a line that is no locked package. Write it anew: {RELOCK}")
    return tuple(LockedPackage(*match.groups()) for match in found if match)


def lock_text(packages: Iterable[LockedPackage]) -> str:
    """A lock file, sorted by name."""
    return "".join(f"{package.name}={package.version} sha256:{package.sha256}\n" for package in sorted(packages))


def preferences(packages: Iterable[LockedPackage]) -> str:
    """Preferences (apt_preferences(5)) by which apt takes the locked versions that are served."""
    return "\n".join(
        f"Package: {package.name}\nPin: version {package.version}\nPin-Priority: {PIN_PRIORITY}\n"
        for package in sorted(set(packages))
    )


def served_by(indexes: Iterable[str]) -> Served:
    """What indexes of an archive (`Packages` files) serve."""
    found: dict[str, dict[str, str]] = {}
    for index in indexes:
        for paragraph in index.split("\n\n"):
            fields = dict(re.findall(r"^(Package|Version|SHA256): (.*)$", paragraph, re.MULTILINE))
            if len(fields) == len(("Package", "Version", "SHA256")):
                found.setdefault(fields["Package"], {})[fields["Version"]] = fields["SHA256"]
    return found


def refuse_changed(layer: str, locked: Iterable[LockedPackage], served: Served) -> None:
    """Refuse to build out of other files than are locked; that a newer version has taken a place is no such thing.

    Raises:
        ImageBuildError: A locked version is served with another checksum, or its package not at all.
    """
    for package in locked:
        versions = served.get(package.name)
        if not versions:
            raise ImageBuildError(
                f"image layer {layer}: {package.name} {package.version} is locked, and the Debian archive in use "
                "serves no version of it, so that nothing was built. Check the package mirror that is in use, or lock "
                f"anew: {RELOCK}"
            )
        found = versions.get(package.version, package.sha256)
        if found != package.sha256:
            raise ImageBuildError(
                f"image layer {layer}: the Debian archive in use serves {package.name} {package.version} with the "
                f"checksum {found}, and {package.sha256} is locked, so that nothing was built. Check the package "
                "mirror that is in use: what it serves under this version is another file"
            )


def otherwise_than_locked(
    layer: str, locked: Iterable[LockedPackage], installed: Mapping[str, str], served: Served
) -> Iterator[str]:
    """Warnings of what a finished layer holds in place of what is locked: a line for each package.

    Debian's archive drops a version when its successor is there, so that a layer could otherwise never be built again.

    Args:
        layer: The layer's name.
        locked: What is locked of it and of all layers below.
        installed: Package → the version that it holds.
        served: What the archive served.

    Raises:
        ImageBuildError: A package has another version though the locked one was served, or is locked nowhere though all
            locked versions were served.
    """
    wanted = {package.name: package.version for package in locked}
    gone = {name for name, version in wanted.items() if version not in served.get(name, {})}
    for name, version in sorted(installed.items()):
        if version == wanted.get(name):
            continue
        if name in gone:
            yield (
                f"warning: image layer {layer}: {name} {wanted[name]} is locked and no longer served, so that its "
                f"successor {version} was taken out of the signed archive. Lock anew: {RELOCK}"
            )
        elif name not in wanted and gone:
            yield (
                f"warning: image layer {layer}: {name} {version} is locked nowhere and came with a successor of "
                f"another package. Lock anew: {RELOCK}"
            )
        else:
            raise ImageBuildError(
                f"image layer {layer}: {name} {version} was installed, and "
                f"{f'{wanted[name]} is' if name in wanted else 'nothing of it is'} locked. Lock anew: {RELOCK}"
            )
