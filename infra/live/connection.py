"""The official client for a stack's cluster, from the user's kubeconfig.

That client takes a second to import, so this module is imported by whoever has a cluster to ask.
"""

import logging
import os
from collections.abc import Callable
from typing import Any

from kubernetes import config

from infra.blueprint.model import ClusterPart, ExistingClusterPart
from infra.faults import CommandFailedError
from infra.live.kubeconfig import context_fault, kubeconfig_files

Refuse = Callable[[str, str], CommandFailedError]
"""Makes a command's own error of what is wrong and what to do instead."""


def context_of(part: ClusterPart, context: str | None = None) -> str:
    """The kubeconfig context that reaches a stack's cluster.

    Args:
        part: The stack's cluster.
        context: One that the user names; None: the stack's own, or the one that
            `gcloud container clusters get-credentials` makes for a GKE cluster.
    """
    if context:
        return context
    if isinstance(part, ExistingClusterPart):
        return part.context
    return f"gke_{part.project}_{part.location}_{part.name}"


def client_of(part: ClusterPart, context: str, refuse: Refuse) -> Any:
    """The official `ApiClient` for a context of the user's kubeconfig.

    Args:
        part: The stack's cluster, by which a missing context is explained.
        context: The context; see `context_of`.
        refuse: Makes the error.

    Raises:
        CommandFailedError: There is no such context, or its credentials cannot be had.
    """
    if fault := context_fault(context, os.environ):
        raise refuse(fault.wrong, _how_to_get(part, fault.write))
    # It warns of what it then retries; what comes of it is told once, by whoever asked.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    # Read now: the client's own default is what the environment was when it was imported.
    files = os.pathsep.join(str(path) for path in kubeconfig_files(os.environ) if path.is_file())
    try:
        return config.new_client_from_config(config_file=files, context=context)
    except (config.ConfigException, OSError, ValueError) as error:
        raise refuse(f"the credentials of context {context} cannot be had: {error}", "log in again") from None


def _how_to_get(part: ClusterPart, otherwise: str) -> str:
    if isinstance(part, ExistingClusterPart):
        return f"{otherwise}; or --context NAME"
    return (
        f"gcloud container clusters get-credentials {part.name} --location {part.location} --project {part.project}"
        " --dns-endpoint; or --context NAME"
    )
