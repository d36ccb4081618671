"""An object as it would be sent once more, and by whom. Pure.

What exists has been changed since it was sent: the scheduler wrote a node's name, and Kueue let go what it had held.
Who sent it is written nowhere. So it is judged as if whoever acts for its tenant sent it now: the tenant of its
namespace, or, where tenants share one, of its queue.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from infra.audit.identity import ADMINISTRATOR, Identity, nobody_of
from infra.audit.offline.kueue import QUEUE_LABEL
from infra.audit.scene import identities_of, namespace_of
from infra.blueprint import names
from infra.blueprint.model import Blueprint

_WRITTEN_BY_THE_SERVER = frozenset(
    {"creationTimestamp", "deletionTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"}
)
_ENDED_PHASES = frozenset({"Succeeded", "Failed"})
_ENDED_CONDITIONS = frozenset({"Complete", "Failed", "Completed"})


@dataclass(frozen=True)
class Sender:
    """Who would send an object.

    Attributes:
        tenant: For which tenant; empty where for none that is known.
        identity: As whom.
    """

    tenant: str
    identity: Identity


def is_sent_by_somebody(existing: Mapping[str, Any], kinds: frozenset[str]) -> bool:
    """Whether an object would be sent again, and not made by a controller of something that is itself looked at.

    Args:
        existing: The object.
        kinds: The kinds that are looked at.
    """
    metadata, status = existing["metadata"], cast("Mapping[str, Any]", existing.get("status") or {})
    owners = cast("Iterable[Mapping[str, Any]]", metadata.get("ownerReferences") or ())
    owned = any(owner.get("controller") and owner.get("kind") in kinds | {"Node"} for owner in owners)
    conditions = cast("Iterable[Mapping[str, Any]]", status.get("conditions") or ())
    ended = any(one.get("type") in _ENDED_CONDITIONS and one.get("status") == "True" for one in conditions)
    is_pod = existing["kind"] == "Pod"
    over = status.get("phase") in _ENDED_PHASES if is_pod else ended and existing["kind"] in {"Job", "JobSet", "RayJob"}
    return not (owned or over or metadata.get("deletionTimestamp"))


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
