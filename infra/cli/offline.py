"""What commands that run the program offline share."""

import shutil
from pathlib import Path

from infra.config.stack import PROJECT, SECRET_KEYS
from infra.config.stack_file import read_stack_file
from lab.paths import binaries_directory


def stand_in_secrets(stack_file: Path) -> dict[str, str]:
    """Stand-ins for the secrets that the stack file sets; what they hold stays encrypted."""
    document = read_stack_file(stack_file).document
    return {name: f"the secret {name}" for name in sorted(SECRET_KEYS) if f"{PROJECT}:{name}" in document}


def helm_binary() -> Path | None:
    """The `helm` on PATH, or the one that the lab has built."""
    on_path = shutil.which("helm")
    if on_path:
        return Path(on_path)
    built = binaries_directory() / "helm"
    return built if built.is_file() else None


def kyverno_binary() -> Path | None:
    """Kyverno's command line: the `kyverno` on PATH, or the one that the lab has built under a name of its own."""
    built = binaries_directory() / "kyverno-cli"
    if built.is_file():
        return built
    on_path = shutil.which("kyverno")
    # The lab's own `kyverno` is the controller, which would start instead of answering.
    return Path(on_path) if on_path and Path(on_path).parent != binaries_directory() else None
