"""Reads versions out of a family's go.mod, the only place where they are written."""

import re
from pathlib import Path


def required_version(module_folder: Path, module: str) -> str:
    """Return the version that `module_folder`'s go.mod requires of `module`, for example `v1.36.3`.

    Raises:
        KeyError: When the go.mod does not require the module: a fault in the registry.
    """
    text = (module_folder / "go.mod").read_text(encoding="utf-8")
    found = re.search(rf"^(?:require)?\s+{re.escape(module)}\s+(v\S+)", text, re.MULTILINE)
    if found is None:
        raise KeyError(f"{module} is not required by {module_folder.name}/go.mod")
    return found[1]
