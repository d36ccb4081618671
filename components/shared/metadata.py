"""Labels by Kubernetes' recommended names, so that dashboards and selectors find everything the platform made."""

from typing import TYPE_CHECKING

from infra.blueprint.model import MANAGED_BY_LABELS

if TYPE_CHECKING:
    from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

NAME_LABEL = "app.kubernetes.io/name"
INSTANCE_LABEL = "app.kubernetes.io/instance"
TENANT_LABEL = "bulkhead.dev/tenant"
CONTROL_LABEL = "bulkhead.dev/control"
DATABASE_ANNOTATION = "bulkhead.dev/database"
"""Which database a pod has worked on, as a digest: another database is another pod."""
SECRETS_ANNOTATION = "bulkhead.dev/secrets"
"""The secrets that a pod read when it started, as a digest: another secret is another pod."""
ADOPTED = {"pulumi.com/patchForce": "true"}
"""Annotation on what may exist before this program makes it: its word then counts, whoever wrote the object before."""
NOT_AWAITED = {"pulumi.com/skipAwait": "true"}
"""Annotation on a Service whose pods are waited for elsewhere, or not at all: the provider would wait until one of them
is ready, for ten minutes at most."""


def selector(name: str, instance: str | None = None) -> dict[str, str]:
    """The labels that tell one workload's pods from all others; immutable on a Deployment, so kept to the fewest.

    Args:
        name: What runs, as `engine`.
        instance: Which of several, as the model's name.
    """
    return {NAME_LABEL: name} | ({INSTANCE_LABEL: instance} if instance else {})


def labels(name: str, instance: str | None = None, tenant: str | None = None) -> dict[str, str]:
    """All labels of an object: the workload's selector, who manages it, and whose it is."""
    return {**selector(name, instance), **MANAGED_BY_LABELS} | ({TENANT_LABEL: tenant} if tenant else {})


def object_metadata(workload: str, namespace: str, name: str | None = None) -> "ObjectMetaArgsDict":
    """The metadata of an object that belongs to a workload.

    Args:
        workload: What runs, as its labels call it.
        namespace: Where the object is.
        name: The object's own name, where it is not the workload's.
    """
    return {"name": name or workload, "namespace": namespace, "labels": labels(workload)}


def control_labels(control: str) -> dict[str, str]:
    """The label by which everything that belongs to one control is found, as `SR1`."""
    return {CONTROL_LABEL: control}
