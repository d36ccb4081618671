"""An object as it would be sent once more, and by whom. Pure.

What exists has been changed since it was sent: the scheduler wrote a node's name, and Kueue let go what it had held.
Who sent it is written nowhere. So it is judged as if whoever acts for its tenant sent it now: the tenant of its
namespace, or, where tenants share one, of its queue.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from infra.audit.identity import ADMINISTRATOR, Identity, nobody_of
from infra.audit.offline.kueue import QUEUE_LABEL
from infra.audit.scene import identities_of, namespace_of
from infra.blueprint import names
from infra.blueprint.model import Blueprint

Manifest = Mapping[str, Any]

_WRITTEN_BY_THE_SERVER = frozenset(
    {"creationTimestamp", "deletionTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"}
)
_ENDED_PHASES = frozenset({"Succeeded", "Failed"})
_ENDED_CONDITIONS = frozenset({"Complete", "Failed", "Completed"})
_ENDED_DEPLOYMENTS = frozenset({"Complete", "Failed"})
"""KubeRay's `JobDeploymentStatus`; a RayJob has no conditions."""


@dataclass(frozen=True)
class Sender:
    """Who would send an object.

    Attributes:
        tenant: For which tenant; empty where for none that is known.
        identity: As whom.
    """

    tenant: str
    identity: Identity


def sent_by_somebody(existing: Sequence[Manifest]) -> list[Manifest]:
    """What would be sent again: without what has ended, and what a controller makes of something that is sent.

    Who owns an object is something that its sender may write. So an owner counts only where it is among the objects,
    by its unique id and in the object's own namespace, and its own owners lead to one that is sent.

    Args:
        existing: The objects.
    """
    alive = [one for one in existing if not _is_over(one)]
    by_uid = {str(one["metadata"]["uid"]): one for one in alive}
    return [one for one in alive if not _is_made_of_what_is_sent(one, by_uid)]


def _is_made_of_what_is_sent(existing: Manifest, by_uid: Mapping[str, Manifest]) -> bool:
    passed = {existing["metadata"]["uid"]}
    owner = _controller(existing, by_uid)
    while owner is not None and owner["metadata"]["uid"] not in passed:
        passed.add(owner["metadata"]["uid"])
        above = _controller(owner, by_uid)
        if above is None:
            return True
        owner = above
    return False


def _controller(existing: Manifest, by_uid: Mapping[str, Manifest]) -> Manifest | None:
    """The object that controls another one, where it is among those that are looked at."""
    metadata = existing["metadata"]
    owners = cast("Iterable[Mapping[str, Any]]", metadata.get("ownerReferences") or ())
    owner = next((by_uid.get(str(owner.get("uid"))) for owner in owners if owner.get("controller")), None)
    return owner if owner and owner["metadata"].get("namespace") == metadata.get("namespace") else None


def _is_over(existing: Manifest) -> bool:
    """Whether an object has ended, as its kind says it, or is about to go."""
    status = cast("Mapping[str, Any]", existing.get("status") or {})
    return bool(existing["metadata"].get("deletionTimestamp")) or _has_ended(str(existing["kind"]), status)


def _has_ended(kind: str, status: Mapping[str, Any]) -> bool:
    match kind:
        case "Pod":
            return status.get("phase") in _ENDED_PHASES
        case "RayJob":
            return status.get("jobDeploymentStatus") in _ENDED_DEPLOYMENTS
        case "Job" | "JobSet":
            conditions = cast("Iterable[Mapping[str, Any]]", status.get("conditions") or ())
            return any(one.get("type") in _ENDED_CONDITIONS and one.get("status") == "True" for one in conditions)
        case _:
            return False


def as_sent(existing: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object without what the cluster has written into it.

    Args:
        existing: The object.
        name: What it is called, so that no two of different kinds or namespaces are called alike.
    """
    sent = {key: value for key, value in existing.items() if key != "status"}
    metadata = {key: value for key, value in existing["metadata"].items() if key not in _WRITTEN_BY_THE_SERVER}
    spec = existing.get("spec")
    if existing["kind"] == "Pod" and isinstance(spec, dict):
        fields = cast("dict[str, Any]", spec)
        sent["spec"] = {key: value for key, value in fields.items() if key != "nodeName"}
    return {**sent, "metadata": {**metadata, "name": name}}


def sender_of(existing: Mapping[str, Any], blueprint: Blueprint) -> Sender:
    """Who would send an object: whoever acts for its tenant; an administrator where no tenant works."""
    namespace = existing["metadata"].get("namespace")
    here = [tenant for tenant in blueprint.tenants if namespace_of(tenant) == namespace]
    if not here and namespace != names.WORKLOADS_NAMESPACE:
        return Sender("", ADMINISTRATOR)
    queue = _queue(existing)
    if namespace == names.WORKLOADS_NAMESPACE:
        here = [tenant for tenant in here if tenant.name == queue]
    tenant = next(iter(here), None)
    if tenant is None:
        return Sender("", nobody_of("unknown"))
    return Sender(tenant.name, identities_of(tenant)[0])


def _queue(existing: Mapping[str, Any]) -> str:
    own = cast("Mapping[str, str]", existing["metadata"].get("labels") or {})
    if existing["kind"] != "CronJob":
        return own.get(QUEUE_LABEL, "")
    template = cast("Mapping[str, Any]", existing["spec"]["jobTemplate"].get("metadata") or {})
    return cast("Mapping[str, str]", template.get("labels") or {}).get(QUEUE_LABEL, "")
