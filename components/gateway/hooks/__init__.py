"""What runs inside LiteLLM's own process, mounted into its pod as the package `bulkhead_gateway`.

The modules need the standard library alone until they are installed, and import each other relatively, so that they are
the same here and there. `startup` is what LiteLLM calls.
"""

from pathlib import Path

PACKAGE = "bulkhead_gateway"
"""The package's name inside the pod."""
STARTUP_HOOK = f"{PACKAGE}.startup:install"
"""For LiteLLM's `LITELLM_WORKER_STARTUP_HOOKS`: a hook that fails there keeps the gateway from starting."""


def sources() -> dict[str, str]:
    """The package's files by name, for a ConfigMap."""
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(Path(__file__).parent.glob("*.py"))}
