"""Why an object does not become ready: what its pods and its events say."""

from typing import Any

from lab.engine.kubernetes.api_client import ApiClient, ApiError, ClusterUnreachable
from lab.engine.kubernetes.objects import items, mapping
from lab.engine.kubernetes.readiness import condition

Object = dict[str, Any]
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job")
MOST_REASONS = 5


def pod_reasons(pod: Object) -> list[str]:
    """Return what keeps a pod from being ready, from its recorded status: scheduling, images, crashes."""
    name, status = mapping(pod.get("metadata")).get("name"), mapping(pod.get("status"))
    found: list[str] = []
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        found.append(f"pod {name} is not scheduled: {scheduled.get('message') or scheduled.get('reason')}")
    for entry in [*items(status.get("initContainerStatuses")), *items(status.get("containerStatuses"))]:
        found += [f"pod {name}, container {entry.get('name')}: {text}" for text in _container_reasons(entry)]
    return found


def _container_reasons(entry: Object) -> list[str]:
    waiting = mapping(mapping(entry.get("state")).get("waiting"))
    ended = mapping(mapping(entry.get("state")).get("terminated")) or mapping(
        mapping(entry.get("lastState")).get("terminated")
    )
    found: list[str] = []
    if waiting.get("reason") and waiting["reason"] != "PodInitializing":
        found.append(": ".join(str(waiting[key]) for key in ("reason", "message") if waiting.get(key)))
    if ended and ended.get("exitCode"):
        told = f": {ended['message'].strip()}" if ended.get("message") else ""
        found.append(f"ended with exit code {ended['exitCode']} ({ended.get('reason', 'Error')}){told}")
    if not found and entry.get("ready") is False and mapping(entry.get("state")).get("running"):
        found.append("it runs, but its readiness probe does not pass yet")
    return found


def event_reasons(events: list[Object]) -> list[str]:
    """Return the newest warnings first, each once."""
    warnings = [event for event in events if event.get("type") == "Warning"]
    warnings.sort(key=_event_time, reverse=True)
    texts = [f"{event.get('reason')}: {str(event.get('message', '')).strip()}" for event in warnings]
    return list(dict.fromkeys(texts))


def _event_time(event: Object) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def explain(api: ApiClient, obj: Object) -> list[str]:
    """Return up to five reasons why an object is not ready; none when nothing more can be learned."""
    namespace = mapping(obj.get("metadata")).get("namespace")
    if not namespace:
        return []
    try:
        pods = _pods(api, obj, namespace)
        names = {_name(obj), *(_name(pod) for pod in pods)}
        events = [
            event
            for event in api.list_objects("v1", "Event", namespace)
            if _concerns(mapping(event.get("involvedObject")), names, obj)
        ]
    except (ApiError, ClusterUnreachable):
        return []
    told = [reason for pod in pods for reason in pod_reasons(pod)]
    return list(dict.fromkeys([*told, *event_reasons(events)]))[:MOST_REASONS]


def _name(obj: Object) -> str:
    return str(mapping(obj.get("metadata")).get("name"))


def _concerns(involved: Object, names: set[str], obj: Object) -> bool:
    name = str(involved.get("name"))
    made_by_it = obj.get("kind") == "Deployment" and involved.get("kind") == "ReplicaSet"
    return name in names or (made_by_it and name.startswith(f"{_name(obj)}-"))


def _pods(api: ApiClient, obj: Object, namespace: str) -> list[Object]:
    if obj.get("kind") == "Pod":
        return [obj]
    spec = mapping(obj.get("spec"))
    selector = mapping(spec.get("selector"))
    labels = mapping(selector.get("matchLabels")) if obj.get("kind") in WORKLOADS else selector
    if not labels or obj.get("kind") not in (*WORKLOADS, "Service"):
        return []
    narrowed = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    return api.list_objects("v1", "Pod", namespace, label_selector=narrowed)
