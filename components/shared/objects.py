"""Objects of kinds that the Kubernetes SDK has no class for."""

from collections.abc import Mapping
from typing import Any

import pulumi


class CustomObject(pulumi.CustomResource):
    """An object of a custom resource definition.

    The SDK's own `CustomResource` takes nothing but `spec`; Kueue's WorkloadPriorityClass keeps its fields beside it.
    """

    def __init__(self, name: str, manifest: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the object.

        Args:
            name: The resource's name in Pulumi.
            manifest: The whole object, spelled as Kubernetes does, apiVersion and kind included.
            opts: Pulumi's options.
        """
        super().__init__(f"kubernetes:{manifest['apiVersion']}:{manifest['kind']}", name, dict(manifest), opts)
