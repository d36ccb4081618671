"""The Go toolchain: is it there, is it new enough, and with which environment is it run."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabEnvironmentError

MINIMUM_GO = (1, 26)
"""What the pinned modules' own go.mod files ask for."""

_USUAL_PLACE = Path("/usr/local/go/bin/go")


@dataclass(frozen=True)
class Toolchain:
    """A usable Go.

    Attributes:
        go: The `go` command.
        version: Its own answer to `go env GOVERSION`, for example `go1.26.8`.
    """

    go: Path
    version: str


def find_toolchain() -> Toolchain:
    """Find Go on PATH, else in /usr/local/go.

    Raises:
        LabEnvironmentError: When there is none, or it is older than `MINIMUM_GO`.
    """
    wanted = ".".join(map(str, MINIMUM_GO))
    advice = f"Install Go {wanted} or newer and put its `bin` folder on PATH, then run this again."
    found = shutil.which("go")
    go = Path(found) if found else _USUAL_PLACE
    if not go.exists():
        raise LabEnvironmentError(
            f"Go is not installed: the lab builds its cluster from Go modules and cannot start. {advice}"
        )
    answer = subprocess.run(
        [go, "env", "GOVERSION"], capture_output=True, text=True, check=False, env=build_environment()
    )
    version = answer.stdout.strip()
    numbers = re.match(r"go(\d+)\.(\d+)", version)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < MINIMUM_GO:
        raise LabEnvironmentError(
            f"{go} is {version or 'not a working Go'}: the pinned modules need Go {wanted}. {advice}"
        )
    return Toolchain(go, version)


def cache_folders(toolchain: Toolchain) -> list[Path]:
    """Return the folders of Go's build cache and module cache, which a build fills; they may not exist yet."""
    answer = subprocess.run(
        [toolchain.go, "env", "GOCACHE", "GOMODCACHE"],
        capture_output=True,
        text=True,
        check=False,
        env=build_environment(),
    )
    return [Path(line) for line in answer.stdout.splitlines() if line.startswith("/")]


def build_environment() -> dict[str, str]:
    """Return this process's environment with every setting that could change a build's outcome fixed.

    Static binaries (CGO_ENABLED=0) need no C compiler here and no C library in their one-layer images. Go's
    own build and module caches stay where the user keeps them.
    """
    return os.environ | {
        "CGO_ENABLED": "0",
        "GOOS": "linux",
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
