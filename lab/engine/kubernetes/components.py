"""Charts and groups as component resources: one child for each object, named as the real provider names it."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pulumi
from pulumi.provider.experimental import provider as sdk
from pulumi.provider.experimental.property_value import PropertyValue

from lab.engine.kubernetes.api_client import ApiClient, ApiError, ClusterUnreachable
from lab.engine.kubernetes.manifests import group_objects, ordered, render_chart, with_namespaces
from lab.engine.kubernetes.objects import SKIP_AWAIT, annotations, is_secret, mapping, redact
from lab.engine.plumbing import Failure
from lab.engine.values import decode, has_secret, has_unknown, plain, secret_texts

Object = dict[str, Any]

CHART = "kubernetes:helm.sh/v4:Chart"
GROUPS = ("kubernetes:yaml/v2:ConfigGroup", "kubernetes:yaml/v2:ConfigFile")
RESOURCE_POLICY = "helm.sh/resource-policy"


class Components(sdk.Provider):
    """Constructs `helm.v4.Chart`, `yaml.v2.ConfigGroup` and `yaml.v2.ConfigFile`.

    `client` returns the cluster's client or None, `namespace` the provider's default namespace.
    """

    def __init__(self, version: str, client: Callable[[], ApiClient | None], namespace: Callable[[], str]) -> None:
        self._version = version
        self._client = client
        self._namespace = namespace

    async def construct(self, request: sdk.ConstructRequest) -> sdk.ConstructResponse:
        """Register the component and its children. Raises Failure when there is nothing sound to register."""
        component = pulumi.ComponentResource(request.resource_type, request.name, {}, request.options)
        arguments = {key: decode(value.marshal()) for key, value in request.inputs.items()}
        if has_unknown(arguments):
            pulumi.log.warn("some inputs are known only after the update: its objects are not shown", component)
        else:
            self._register(component, request.resource_type, request.name, arguments)
        component.register_outputs({})
        urn = await component.urn.future()
        return sdk.ConstructResponse(urn=str(urn), state=dict[str, PropertyValue](), state_dependencies={})

    def _register(
        self, component: pulumi.ComponentResource, kind: str, name: str, arguments: Mapping[str, Any]
    ) -> None:
        hidden = has_secret(arguments)
        objects = self._objects(kind, name, arguments)
        prefix = plain(arguments.get("resourcePrefix")) or name
        children: list[pulumi.Resource] = []
        for child in ordered(objects):
            obj = self._finished(child.obj, bool(plain(arguments.get("skipAwait"))), hidden)
            keep = annotations(child.obj).get(RESOURCE_POLICY) == "keep"
            options = pulumi.ResourceOptions(
                parent=component,
                depends_on=[children[at] for at in child.after],
                version=self._version,
                retain_on_delete=True if keep else None,
            )
            children.append(pulumi.CustomResource(_token(child.obj), _child_name(prefix, child.obj), obj, options))

    def _objects(self, kind: str, name: str, arguments: Mapping[str, Any]) -> list[Object]:
        given, client = plain(arguments), self._client()
        namespace = str(given.get("namespace") or self._namespace())
        try:
            if kind == CHART:
                found = render_chart(given, str(given.get("name") or name), namespace, client)
            elif kind in GROUPS:
                found = group_objects(given)
            else:
                raise Failure(f"the lab's kubernetes stand-in has no component {kind}")
            return with_namespaces(found, namespace, client)
        except (Failure, ApiError, ClusterUnreachable) as error:
            raise Failure(f"{name}: {redact(str(error), secret_texts(arguments))}") from None

    @staticmethod
    def _finished(obj: Object, skip_await: bool, hidden: bool) -> Object:
        """Return an object as a child's inputs: annotated, and its content secret when the arguments were."""
        finished = copy.deepcopy(obj)
        if skip_await:
            finished["metadata"]["annotations"] = {**annotations(obj), SKIP_AWAIT: "true"}
        open_keys = ("apiVersion", "kind", "metadata")
        for key in finished.keys() - set(open_keys):
            if hidden or (is_secret(obj) and key in ("data", "stringData")):
                finished[key] = pulumi.Output.secret(finished[key])
        return finished


def _token(obj: Object) -> str:
    api_version = str(obj["apiVersion"])
    return f"kubernetes:{api_version if '/' in api_version else f'core/{api_version}'}:{obj['kind']}"


def _child_name(prefix: str, obj: Object) -> str:
    metadata = mapping(obj["metadata"])
    namespace = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return f"{prefix}:{namespace}{metadata['name']}"
