"""What the engine knows of this stack's last deployment."""

import contextlib
import time
from collections.abc import Mapping
from typing import Any, cast

import pulumi
import pulumi.runtime

from infra.report.text import printable

STACK_OUTPUTS_FUNCTION = "pulumi:pulumi:readStackOutputs"
"""The engine's own function behind a StackReference, which would add a resource and answer only later."""
ATTEMPTS = 3
PAUSE_SECONDS = 1.0


def last_outputs() -> Mapping[str, Any]:
    """The outputs of this stack's last deployment; none where there was none.

    Raises:
        pulumi.RunError: The engine cannot say; nothing has been registered.
    """
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    return cast("Mapping[str, Any]", _answer(name).get("outputs") or {})


def _answer(name: str) -> Mapping[str, Any]:
    """What the engine says of a stack's outputs; asked again where it fails, as while a backend is busy."""
    for _ in range(ATTEMPTS - 1):
        with contextlib.suppress(Exception):
            return _asked(name)
        time.sleep(PAUSE_SECONDS)
    try:
        return _asked(name)
    except Exception as error:
        raise pulumi.RunError(
            f"The outputs of stack {name} cannot be read: {printable(str(error))}. Whether the tier is lowered"
            " cannot be told, and nothing was changed. Look at `pulumi stack output posture`."
        ) from None


def _asked(name: str) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", pulumi.runtime.invoke(STACK_OUTPUTS_FUNCTION, {"name": name}).value or {})
