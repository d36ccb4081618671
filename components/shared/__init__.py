"""What every component shares: labels, pod security, variables, scheduling. Nothing here makes a resource."""

from components.shared.metadata import labels, object_metadata, selector
from components.shared.objects import CustomObject
from components.shared.pods import (
    NON_ROOT_ID,
    environment,
    from_secret,
    restricted_container_security_context,
    restricted_pod_security_context,
    spread,
    tolerations,
)

__all__ = [
    "NON_ROOT_ID",
    "CustomObject",
    "environment",
    "from_secret",
    "labels",
    "object_metadata",
    "restricted_container_security_context",
    "restricted_pod_security_context",
    "selector",
    "spread",
    "tolerations",
]
