"""What every component shares: labels, pod security, scheduling. Nothing here makes a resource."""

from components.shared.metadata import labels, selector
from components.shared.objects import CustomObject
from components.shared.pods import (
    NON_ROOT_ID,
    restricted_container_security_context,
    restricted_pod_security_context,
    tolerations,
)

__all__ = [
    "NON_ROOT_ID",
    "CustomObject",
    "labels",
    "restricted_container_security_context",
    "restricted_pod_security_context",
    "selector",
    "tolerations",
]
