"""Waiting for objects: until they are ready, and until they are gone."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

from lab.engine.kubernetes.api_client import ApiClient, ApiError
from lab.engine.kubernetes.explaining import explain
from lab.engine.kubernetes.objects import SKIP_AWAIT, TIMEOUT_SECONDS, annotations, describe, items, mapping
from lab.engine.kubernetes.readiness import (
    BY_STATUS,
    Failed,
    Pending,
    Ready,
    Verdict,
    service,
    volume_claim,
    wanted_condition,
    wanted_field,
)

Object = dict[str, Any]

POLL_SECONDS: Final = 0.5
DEFAULT_TIMEOUT_SECONDS: Final = 600.0
"""The real provider's default for workloads and Services."""
SHORTER_TIMEOUTS: Final = {"PersistentVolumeClaim": 300.0, "CustomResourceDefinition": 60.0, "Namespace": 300.0}
WAIT_FOR: Final = "pulumi.com/waitFor"
DEFAULT_CLASS: Final = "storageclass.kubernetes.io/is-default-class"


@dataclass(frozen=True)
class Outcome:
    """How a wait ended: the object as last seen, and the reasons why it is not ready (none when it is)."""

    live: Object
    reasons: list[str]


def awaited(obj: Object) -> bool:
    """Return whether an object is waited for at all: its kind is, and no annotation says otherwise."""
    told = annotations(obj)
    if told.get(SKIP_AWAIT) == "true":
        return False
    kind = (str(obj.get("apiVersion")), str(obj.get("kind")))
    related = (("v1", "Service"), ("v1", "PersistentVolumeClaim"))
    return WAIT_FOR in told or kind in BY_STATUS or kind in related


def timeout_seconds(obj: Object, custom: float) -> float:
    """Return how long to wait for an object: customTimeouts first, then the annotation, then the kind's default."""
    if custom > 0:
        return custom
    try:
        annotated = float(annotations(obj).get(TIMEOUT_SECONDS) or 0)
    except ValueError:
        annotated = 0.0
    return annotated or SHORTER_TIMEOUTS.get(str(obj.get("kind")), DEFAULT_TIMEOUT_SECONDS)


def judge(api: ApiClient, live: Object) -> Verdict:
    """Judge a live object, looking up what its kind's readiness hangs on."""
    wanted = str(annotations(live).get(WAIT_FOR, ""))
    if wanted.startswith("condition="):
        return wanted_condition(live, wanted)
    if wanted.startswith("jsonpath="):
        return wanted_field(live, wanted)
    match (live.get("apiVersion"), live.get("kind")):
        case ("v1", "Service"):
            return service(live, _endpoint_slices(api, live))
        case ("v1", "PersistentVolumeClaim"):
            return volume_claim(live, _binding_mode(api, live))
        case kind:
            rule = BY_STATUS.get((str(kind[0]), str(kind[1])))
            return rule(live) if rule else Ready()


def _endpoint_slices(api: ApiClient, live: Object) -> list[Object]:
    if not mapping(live.get("spec")).get("selector"):
        return []
    metadata = mapping(live.get("metadata"))
    chosen = f"kubernetes.io/service-name={metadata.get('name')}"
    return api.list_objects("discovery.k8s.io/v1", "EndpointSlice", metadata.get("namespace"), label_selector=chosen)


def _binding_mode(api: ApiClient, live: Object) -> str | None:
    classes = api.list_objects("storage.k8s.io/v1", "StorageClass")
    named = mapping(live.get("spec")).get("storageClassName")
    for entry in classes:
        default = annotations(entry).get(DEFAULT_CLASS) == "true"
        if mapping(entry.get("metadata")).get("name") == named or (named is None and default):
            return str(entry.get("volumeBindingMode", "Immediate"))
    return None


def wait_until_ready(
    api: ApiClient, obj: Object, seconds: float, cancelled: threading.Event, tell: Callable[[str], None]
) -> Outcome:
    """Wait until an object is ready, and at most `seconds`; `tell` hears each new reason for waiting.

    A cancelled update, a deleted object and a status that waiting cannot mend end the wait early.
    """
    end, said = time.monotonic() + seconds, ""
    live = obj
    while True:
        found = api.get(obj)
        if found is None:
            return Outcome(live, ["it was deleted while the update waited for it"])
        live = found
        match judge(api, live):
            case Ready():
                return Outcome(live, [])
            case Failed(reason):
                return Outcome(live, [reason, *explain(api, live)])
            case Pending(reason):
                if reason != said:
                    tell(f"waiting: {reason}")
                    said = reason
        if time.monotonic() >= end:
            return Outcome(live, [f"after {seconds:.0f} s {said}", *explain(api, live)])
        if cancelled.wait(POLL_SECONDS):
            return Outcome(live, [f"the update was cancelled while {said}"])


def wait_until_gone(api: ApiClient, obj: Object, seconds: float, cancelled: threading.Event) -> str | None:
    """Wait until exactly this object (by uid) is gone; return what keeps it, or None when it is gone."""
    end = time.monotonic() + seconds
    uid = mapping(obj.get("metadata")).get("uid")
    while True:
        live = api.get(obj)
        if live is None or (uid and mapping(live.get("metadata")).get("uid") != uid):
            return None
        if time.monotonic() >= end:
            return f"{describe(live)} is still there after {seconds:.0f} s{_what_keeps(live)}"
        if cancelled.wait(POLL_SECONDS):
            return f"the update was cancelled while {describe(live)} was being deleted{_what_keeps(live)}"


def _what_keeps(live: Object) -> str:
    metadata = mapping(live.get("metadata"))
    found = [f"finalizer {name}" for name in cast("list[str]", metadata.get("finalizers") or [])]
    conditions = items(mapping(live.get("status")).get("conditions"))
    if live.get("kind") == "Namespace":
        found += [str(entry.get("message")) for entry in conditions if entry.get("status") == "True"]
    return f": {'; '.join(found)}" if found else ""


def gone_already(error: ApiError) -> bool:
    """Return whether a refused deletion means that this very object no longer exists."""
    return error.status in (404, 409)
