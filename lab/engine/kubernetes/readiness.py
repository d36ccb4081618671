"""Whether a live object is ready, judged from its status alone.

The rules are those of `kubectl rollout status` for workloads and of Kubernetes' own conditions elsewhere;
kinds not listed here are ready as soon as they exist, as in the real provider.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lab.engine.kubernetes.objects import items, mapping

Object = dict[str, Any]


@dataclass(frozen=True)
class Ready:
    """Nothing to wait for."""


@dataclass(frozen=True)
class Pending:
    """Not ready yet, and why."""

    reason: str


@dataclass(frozen=True)
class Failed:
    """Will not become ready by waiting, and why."""

    reason: str


Verdict = Ready | Pending | Failed


def condition(obj: Mapping[str, Any], name: str) -> Object:
    """Return an object's status condition of this type, empty when it has none."""
    for entry in items(mapping(obj.get("status")).get("conditions")):
        if entry.get("type") == name:
            return entry
    return {}


def _stale(obj: Object) -> bool:
    observed = mapping(obj.get("status")).get("observedGeneration", 0)
    return observed < mapping(obj.get("metadata")).get("generation", 0)


def deployment(obj: Object) -> Verdict:
    """Judge a Deployment: the new revision's pods are all available and no old ones are left."""
    status, wanted = mapping(obj.get("status")), mapping(obj.get("spec")).get("replicas", 1)
    progressing = condition(obj, "Progressing")
    if _stale(obj):
        return Pending("the controller has not seen the change yet")
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Failed(f"its progress deadline passed: {progressing.get('message')}")
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if updated < wanted:
        return Pending(f"{updated} of {wanted} pods of the new revision are created")
    if (left := status.get("replicas", 0) - updated) > 0:
        return Pending(f"{left} pods of the old revision are still there")
    if available < wanted:
        return Pending(f"{available} of {wanted} pods are available")
    return Ready()


def stateful_set(obj: Object) -> Verdict:
    """Judge a StatefulSet: every pod runs the newest revision and is ready."""
    status, spec = mapping(obj.get("status")), mapping(obj.get("spec"))
    wanted = spec.get("replicas", 1)
    if _stale(obj):
        return Pending("the controller has not seen the change yet")
    ready = status.get("readyReplicas", 0)
    if ready < wanted:
        return Pending(f"{ready} of {wanted} pods are ready")
    strategy = mapping(spec.get("updateStrategy"))
    partition = mapping(strategy.get("rollingUpdate")).get("partition", 0)
    if strategy.get("type") == "OnDelete" or partition:
        return Ready()
    if wanted and status.get("currentRevision") != status.get("updateRevision"):
        return Pending(f"{status.get('updatedReplicas', 0)} of {wanted} pods run the new revision")
    return Ready()


def daemon_set(obj: Object) -> Verdict:
    """Judge a DaemonSet: each node that wants a pod has an updated, available one."""
    status = mapping(obj.get("status"))
    if _stale(obj):
        return Pending("the controller has not seen the change yet")
    wanted = status.get("desiredNumberScheduled", 0)
    available = min(status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0))
    return Ready() if available >= wanted else Pending(f"{available} of {wanted} nodes run an available pod")


def job(obj: Object) -> Verdict:
    """Judge a Job: complete, or failed for good."""
    if condition(obj, "Complete").get("status") == "True":
        return Ready()
    failed = condition(obj, "Failed")
    if failed.get("status") == "True":
        return Failed(f"the Job failed: {failed.get('message') or failed.get('reason')}")
    if mapping(obj.get("spec")).get("suspend"):
        return Pending("the Job is suspended: its queue has not admitted it")
    active = mapping(obj.get("status")).get("active", 0)
    return Pending(f"the Job is not complete ({active} pods active)")


def pod(obj: Object) -> Verdict:
    """Judge a Pod: ready, or ended well."""
    status = mapping(obj.get("status"))
    if status.get("phase") == "Failed":
        return Failed(f"the Pod failed: {status.get('message') or status.get('reason') or 'see its logs'}")
    ready = status.get("phase") == "Succeeded" or condition(obj, "Ready").get("status") == "True"
    return Ready() if ready else Pending(f"the Pod is {status.get('phase', 'not scheduled')}, not ready")


def custom_resource_definition(obj: Object) -> Verdict:
    """Judge a CustomResourceDefinition: established, or its names are taken."""
    names = condition(obj, "NamesAccepted")
    if names.get("status") == "False":
        return Failed(f"its names are not accepted: {names.get('message')}")
    established = condition(obj, "Established").get("status") == "True"
    return Ready() if established else Pending("it is not established")


def namespace(obj: Object) -> Verdict:
    """Judge a Namespace: active, not ending."""
    phase = mapping(obj.get("status")).get("phase", "Active")
    return Ready() if phase == "Active" else Pending(f"the namespace is {phase}")


def volume_claim(obj: Object, binding_mode: str | None) -> Verdict:
    """Judge a PersistentVolumeClaim: bound, where its storage class binds at once.

    `binding_mode` is the storage class's `volumeBindingMode`, or None when there is no class. A claim
    that waits for its first consumer is ready unbound: the pod that would bind it comes later.
    """
    phase = mapping(obj.get("status")).get("phase")
    if phase == "Bound" or binding_mode == "WaitForFirstConsumer":
        return Ready()
    if phase == "Lost":
        return Failed("the volume that it was bound to is gone")
    return Pending("no volume is bound to it")


def service(obj: Object, endpoint_slices: list[Object]) -> Verdict:
    """Judge a Service: something ready stands behind its selector, and a load balancer has an address.

    A Service without a selector, or an ExternalName, has no endpoints of its own to wait for.
    """
    spec = mapping(obj.get("spec"))
    if spec.get("type") == "ExternalName":
        return Ready()
    if spec.get("type") == "LoadBalancer" and not items(
        mapping(mapping(obj.get("status")).get("loadBalancer")).get("ingress")
    ):
        return Pending("the load balancer has no address yet")
    if spec.get("selector") and not any(map(_serves, endpoint_slices)):
        return Pending("no ready pod matches its selector")
    return Ready()


def _serves(endpoint_slice: Object) -> bool:
    endpoints = items(endpoint_slice.get("endpoints"))
    return any(mapping(endpoint.get("conditions")).get("ready") is not False for endpoint in endpoints)


def wanted_condition(obj: Object, wanted: str) -> Verdict:
    """Judge by a `pulumi.com/waitFor` annotation of the form `condition=Type` or `condition=Type=Status`."""
    name, _, status = wanted.removeprefix("condition=").partition("=")
    found = condition(obj, name)
    if str(found.get("status", "")).lower() == (status or "True").lower():
        return Ready()
    told = f": {found['message']}" if found.get("message") else ""
    return Pending(f"condition {name} is {found.get('status', 'not reported')}{told}")


def wanted_field(obj: Object, wanted: str) -> Verdict:
    """Judge by a `pulumi.com/waitFor` annotation of the form `jsonpath={.status.phase}=Running`: plain fields only."""
    path, _, value = wanted.removeprefix("jsonpath=").partition("=")
    *parents, field = path.strip("{}").strip(".").split(".")
    parent = obj
    for name in parents:
        parent = mapping(parent.get(name))
    found = parent.get(field)
    shown = str(found).lower() if isinstance(found, bool) else str(found)
    if found is not None and (not value or shown == value):
        return Ready()
    return Pending(f"{path} is {'not reported' if found is None else shown}")


BY_STATUS: Final[Mapping[tuple[str, str], Callable[[Object], Verdict]]] = {
    ("apps/v1", "Deployment"): deployment,
    ("apps/v1", "StatefulSet"): stateful_set,
    ("apps/v1", "DaemonSet"): daemon_set,
    ("batch/v1", "Job"): job,
    ("v1", "Pod"): pod,
    ("v1", "Namespace"): namespace,
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"): custom_resource_definition,
}
"""The kinds that their own status suffices to judge."""
