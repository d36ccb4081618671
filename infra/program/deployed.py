"""What the engine knows of this stack's last deployment."""

from collections.abc import Mapping
from typing import Any, cast

import pulumi
import pulumi.runtime

STACK_OUTPUTS_FUNCTION = "pulumi:pulumi:readStackOutputs"
"""The engine's own function behind a StackReference, which would add a resource and answer only later."""


def last_posture() -> object:
    """The output `posture` of this stack's last deployment; None where there is none.

    Raises:
        pulumi.RunError: The engine cannot say; nothing has been registered.
    """
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    try:
        answer = cast("Mapping[str, Any]", pulumi.runtime.invoke(STACK_OUTPUTS_FUNCTION, {"name": name}).value or {})
    except Exception as error:
        raise pulumi.RunError(
            f"The outputs of stack {name} cannot be read ({type(error).__name__}): whether the tier is lowered cannot"
            " be told, and nothing was changed. Look at `pulumi stack output posture`."
        ) from None
    outputs = cast("Mapping[str, Any]", answer.get("outputs") or {})
    return outputs.get("posture")
