"""What runs in LiteLLM's image around its migration command, mounted as the package `bulkhead_schema`.

The modules need the standard library and the image's own psycopg, and import each other relatively, so that they are
the same here and there. `finish` runs before the migration, `check` after it.
"""

from pathlib import Path

PACKAGE = "bulkhead_schema"
"""The package's name inside the pod."""
FINISH = ("python3", "-m", f"{PACKAGE}.finish")
CHECK = ("python3", "-m", f"{PACKAGE}.check")


def sources() -> dict[str, str]:
    """The package's files by name, for a ConfigMap."""
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(Path(__file__).parent.glob("*.py"))}
