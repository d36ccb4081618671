"""`bulkhead:trust.admission`: how admission policies judge."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from infra.config import forms
from infra.config.base import NamespaceName, ObjectName, StackFilePart


class Enforcement(StrEnum):
    """What admission policies do about a request that they object to."""

    DENY = "deny"
    AUDIT = "audit"


ServiceAccountName = Annotated[str, StringConstraints(pattern=forms.SERVICE_ACCOUNT.pattern)]
"""A service account as the API server names it: `system:serviceaccount:NAMESPACE:NAME`."""

ALWAYS_EXEMPT = ("gke-managed-system", "kube-system")
"""Namespaces where Kubernetes and GKE run device plugins and drivers; they are exempt whatever is written."""


class AdmissionSettings(StackFilePart):
    """How the admission policies of SR2, HW2 and HW3 judge, where these are in force or audited."""

    enforcement: Enforcement = Enforcement.DENY
    """`deny` refuses what the policies object to. `audit` lets it pass, warns whoever sent it and counts it in the API
    server's audit log and metrics: SR2, HW2 and HW3 are then not in force. `bulkhead audit --existing` lists what
    exists already and would be refused. NS3's policies always refuse."""
    replicas: int = Field(default=3, ge=1, le=9, examples=[3])
    """Pods of Kyverno's admission controller, which restore policies that somebody deletes. Three are Kyverno's own
    number for high availability: one may be drained while another fails. One is enough where there is one node."""
    exempt_namespaces: tuple[NamespaceName, ...] = Field(default=("gpu-operator",), examples=[["gpu-operator"]])
    """Namespaces of the cluster's own GPU software, where no policy looks; no tenant may have rights there. kube-system
    and GKE's own are always among them."""
    controllers: tuple[ServiceAccountName, ...] = Field(
        default=(), examples=[["system:serviceaccount:kuberay-system:kuberay-operator"]]
    )
    """Service accounts of JobSet's, LeaderWorkerSet's and KubeRay's controllers, where these do not run under their
    usual names: pods that they make pass, since Kueue admits the object that they make them for."""
    priority_classes: tuple[ObjectName, ...] = Field(default=(), examples=[["batch"]])
    """Kubernetes priority classes that tenants' pods may name where HW3 is in force; none unless said, since a pod of
    a higher class drives others' pods off their nodes. A class that the cluster gives every pod by default belongs
    here."""
    runtime_classes: tuple[ObjectName, ...] = Field(default=(), examples=[["kata"]])
    """Kubernetes runtime classes that tenants' pods may name where HW3 is in force, beside that of a pool's `sandbox`;
    none unless said, since a class can bring tolerations and selectors along, and NVIDIA's shows a whole node's GPUs to
    images that ask for them."""
