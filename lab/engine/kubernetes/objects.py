"""Reading and shaping Kubernetes objects: plain JSON trees, and nothing that talks to a cluster."""

import base64
import contextlib
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from lab.engine.values import UNKNOWN, Secret, Tree, mark_like, plain, reveal, secret_texts

Object = dict[str, Any]

AUTONAMED: Final = "pulumi.com/autonamed"
SKIP_AWAIT: Final = "pulumi.com/skipAwait"
TIMEOUT_SECONDS: Final = "pulumi.com/timeoutSeconds"
PATCH_FORCE: Final = "pulumi.com/patchForce"
PATCH_FIELD_MANAGER: Final = "pulumi.com/patchFieldManager"
DELETION_POLICY: Final = "pulumi.com/deletionPropagationPolicy"

FIELD_MANAGER_KEY: Final = "__fieldManager"
API_VERSION_KEY: Final = "__initialApiVersion"
SERVER_MADE_METADATA: Final = ("uid", "creationTimestamp", "resourceVersion", "generation")
SHORTEST_REDACTED: Final = 3
"""Secrets shorter than this many characters are not searched for in messages: they are in every word."""


def mapping(value: Any) -> Object:
    """Return `value` if it is an object, else an empty one: absent parts of a tree read as empty."""
    value = reveal(value)
    return cast("Object", value) if isinstance(value, dict) else {}


def items(value: Any) -> list[Object]:
    """Return the objects of a list, or none when there is no list."""
    value = reveal(value)
    return [mapping(item) for item in cast("list[Any]", value)] if isinstance(value, list) else []


def annotations(obj: Mapping[str, Any]) -> Object:
    """Return an object's annotations, empty when it has none."""
    return mapping(mapping(obj.get("metadata")).get("annotations"))


def is_secret(obj: Mapping[str, Any]) -> bool:
    """Return whether the object is a core Secret."""
    return obj.get("kind") == "Secret" and obj.get("apiVersion") == "v1"


def identity(obj: Mapping[str, Any]) -> str:
    """Return the provider's id of an object: `namespace/name`, or `name` outside namespaces."""
    metadata = mapping(obj.get("metadata"))
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata.get('name')}" if namespace else str(metadata.get("name"))


def describe(obj: Mapping[str, Any]) -> str:
    """Return how a message names an object, as `Deployment "team/web"`."""
    return f'{obj.get("kind")} "{identity(obj)}"'


def manager_for(urn: str) -> str:
    """Return the field manager of a resource: one for each URN, so that its leftovers are known again.

    The real provider, too, gives each resource a manager of its own.
    """
    return "pulumi-kubernetes-stand-in-" + hashlib.sha256(urn.encode()).hexdigest()[:12]


def applied_by(live: Object, manager: str) -> bool:
    """Return whether the live object was applied by this field manager."""
    entries = items(mapping(live.get("metadata")).get("managedFields"))
    return any(entry.get("manager") == manager and entry.get("operation") == "Apply" for entry in entries)


def type_of(urn: str) -> tuple[str, str]:
    """Return the apiVersion and kind that a resource's URN names, as `("apps/v1", "Deployment")`."""
    token = urn.split("::")[2].rsplit("$", 1)[-1]
    _, group_version, kind = token.split(":", 2)
    return group_version.removeprefix("core/"), kind


def encode_string_data(inputs: Tree) -> Tree:
    """Return a Secret's inputs with `stringData` folded into base64 `data`, and `data` wrapped as a secret.

    `stringData` is write-only, so server-side apply could never remove a key that was given through it.
    The real provider does the same.
    """
    folded = {key: value for key, value in inputs.items() if key not in ("stringData", "data")}
    given = mapping(inputs.get("stringData"))
    data = {**mapping(inputs.get("data")), **{key: _base64(value) for key, value in given.items()}}
    if reveal(inputs.get("data")) is UNKNOWN or reveal(inputs.get("stringData")) is UNKNOWN:
        return {**folded, "data": Secret(UNKNOWN)}
    return {**folded, "data": Secret(plain(data))} if data else folded


def _base64(value: Any) -> Any:
    value = reveal(value)
    return value if value is UNKNOWN else base64.b64encode(str(value).encode()).decode()


def outputs_of(inputs: Tree, live: Object, manager: str) -> Tree:
    """Return a live object as the resource's outputs, with a secret wherever the inputs have one.

    A secret's text that the server copied elsewhere (an admission webhook may) is wrapped there too.
    """
    metadata = {key: value for key, value in mapping(live.get("metadata")).items() if key != "managedFields"}
    outputs: Tree = mark_like({**live, "metadata": metadata}, inputs)
    if is_secret(live) and "data" in outputs and not isinstance(outputs["data"], Secret):
        outputs["data"] = Secret(outputs["data"])
    hidden = frozenset(text for text in secret_texts(inputs) if len(text) > SHORTEST_REDACTED)
    if hidden:
        outputs = {key: _wrap_copies(value, hidden) for key, value in outputs.items()}
    return {**outputs, FIELD_MANAGER_KEY: manager, API_VERSION_KEY: live.get("apiVersion")}


def _wrap_copies(value: Any, hidden: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {key: _wrap_copies(member, hidden) for key, member in cast("Object", value).items()}
    if isinstance(value, list):
        return [_wrap_copies(item, hidden) for item in cast("list[Any]", value)]
    if isinstance(value, str) and any(text in value for text in hidden):
        return Secret(value)
    return value


def foreseen_outputs(inputs: Tree, dry_run: Object | None, manager: str) -> Tree:
    """Return what a preview of a creation can say: the dry run's object, or the inputs where there was none.

    A dry run invents a uid, a time and a cluster address, so those are unknown; so is the whole status.
    """
    outputs = outputs_of(inputs, dry_run, manager) if dry_run else dict(inputs)
    outputs.pop("status", None)
    metadata = mapping(outputs.get("metadata"))
    outputs["metadata"] = {**metadata, **dict.fromkeys(SERVER_MADE_METADATA, UNKNOWN)}
    if inputs.get("kind") == "Service" and "clusterIP" not in mapping(inputs.get("spec")):
        spec = mapping(outputs.get("spec"))
        outputs["spec"] = {**spec, "clusterIP": UNKNOWN, "clusterIPs": UNKNOWN}
    return outputs


def drifted_inputs(inputs: Any, stored: Any, live: Any) -> Any:
    """Return the inputs with what drifted: a leaf follows the live object only where that left its stored self.

    The server normalises (`0.5` becomes `500m`), so inputs and live objects differ without any drift.
    """
    if isinstance(inputs, Secret):
        return Secret(drifted_inputs(inputs.value, stored, live))
    if isinstance(inputs, dict) and isinstance(live, dict):
        sent, now = cast("Object", inputs), cast("Object", live)
        was = mapping(stored)
        kept = {key: value for key, value in sent.items() if key in now or key not in was}
        return {key: drifted_inputs(value, was.get(key), now.get(key, value)) for key, value in kept.items()}
    if isinstance(inputs, list) and isinstance(live, list):
        sent_items, now_items = cast("list[Any]", inputs), cast("list[Any]", live)
        was_items = cast("list[Any]", stored) if isinstance(stored, list) else []
        if len(sent_items) == len(was_items) == len(now_items):
            return [drifted_inputs(*three) for three in zip(sent_items, was_items, now_items, strict=True)]
    return cast("object", inputs if stored is None or stored == live else live)


def imported_inputs(live: Object) -> Tree:
    """Return the inputs that describe a live object which no program has declared yet."""
    metadata = mapping(live.get("metadata"))
    kept = {key: metadata[key] for key in ("name", "namespace", "labels", "annotations") if key in metadata}
    return {**{key: value for key, value in live.items() if key not in ("status", "metadata")}, "metadata": kept}


def redact(message: str, secrets: Iterable[str]) -> str:
    """Return a message with every secret's text, and the text behind its base64 form, replaced."""
    for form in sorted({form for text in secrets for form in _forms(text)}, key=len, reverse=True):
        if len(form) >= SHORTEST_REDACTED:
            message = message.replace(form, "[secret]")
    return message


def _forms(text: str) -> set[str]:
    forms = {text, base64.b64encode(text.encode()).decode()}
    forms.add(text.encode("unicode_escape").decode().replace('"', '\\"'))
    with contextlib.suppress(ValueError, UnicodeDecodeError):
        forms.add(base64.b64decode(text, validate=True).decode())
    return forms - {""}
