"""Priority classes that tenants' pods may name: none that Kubernetes keeps for what a cluster cannot do without."""

from collections.abc import Iterator

from infra.config.draft import Draft, at
from infra.config.problem import Problem

KUBERNETES_PREFIX = "system-"
"""What the names of Kubernetes' own classes begin with, `system-node-critical` among them; no other class may."""


def check_classes(draft: Draft) -> Iterator[Problem]:
    """Classes of Kubernetes' own, whose pods are driven off by nobody and drive off everybody's."""
    if draft.trust is None:
        return
    for index, name in enumerate(draft.trust.admission.priority_classes):
        if name.startswith(KUBERNETES_PREFIX):
            yield Problem(
                at("trust", "admission", "priority_classes", index),
                f"the priority class `{name}` is Kubernetes' own, for what a cluster cannot do without",
                "a tenant's pods could drive everybody else's off their nodes, the platform's among them",
                "a class made for tenants, as batch; otherwise remove it here",
            )
