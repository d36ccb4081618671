"""An engine that only writes down what a program registers."""

import logging
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import empty_pb2
from pulumi.runtime import mocks
from pulumi.runtime.proto import engine_pb2, resource_pb2

from infra.plan.model import Json, PlannedResource, ResourceOptions, Timeouts
from infra.plan.urns import STACK_TYPE, Urn, alias_urn, moved_within_sdk
from infra.plan.wire import UNKNOWN, shown, with_outputs
from infra.program.deployed import STACK_OUTPUTS_FUNCTION


class Unanswerable(mocks.Mocks):
    """The mocks that `MockMonitor` wants to have.

    The recorder answers registrations itself, and nothing else may be asked of a cloud or cluster that is not there.
    """

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Refuse a resource that is read instead of registered."""
        raise NotImplementedError(f"the program reads {args.typ} {args.name}, which cannot be answered offline")

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        """Refuse a call of a provider's function; of a plan's own stack nothing is deployed."""
        if args.token == STACK_OUTPUTS_FUNCTION:
            return {"outputs": {}}, []
        raise NotImplementedError(f"the program calls {args.token}, which cannot be answered offline")


@dataclass(frozen=True)
class Answer:
    """What a provider adds to a resource's inputs once it has made it."""

    plain: Mapping[str, Any] = field(default_factory=dict[str, Any])
    secret: Mapping[str, str] = field(default_factory=dict[str, str])


COMPUTED_OUTPUTS: Mapping[str, Mapping[str, Any]] = {
    "gcp:container/cluster:Cluster": {"controlPlaneEndpointsConfig": {"dnsEndpointConfig": {"endpoint": UNKNOWN}}},
    "tls:index/certRequest:CertRequest": {"certRequestPem": UNKNOWN},
    "tls:index/locallySignedCert:LocallySignedCert": {"certPem": UNKNOWN},
    "tls:index/selfSignedCert:SelfSignedCert": {"certPem": UNKNOWN},
}
"""Type → outputs that a provider computes and the program uses; without them it would read that there are none."""

READ_OUTPUTS: Mapping[str, Mapping[str, Any]] = {
    "kubernetes:discovery.k8s.io/v1:EndpointSlice": {"endpoints": UNKNOWN},
}
"""Type → outputs of resources that the program reads from the cluster; any other that it uses would be missing."""

Provider = Callable[[PlannedResource], Answer]
"""Stands in for every provider in a run that is no preview."""


class Recorder(mocks.MockMonitor):
    """Records registrations with their options.

    Without a provider it answers as the engine does in a preview: an answer repeats the inputs, and what a provider
    would add is unknown to the program. With one it answers as in an update.

    Attributes:
        planned: The resources, in the order in which they came.
        stack_outputs: The stack's outputs.
    """

    def __init__(self, provider: Provider | None = None) -> None:
        super().__init__(Unanswerable())
        self._provider = provider
        self.planned: list[PlannedResource] = []
        self.stack_outputs: Mapping[str, Json] = {}
        self._stack_urn = ""
        self._read: set[str] = set()

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """The URN as the engine builds it; `MockMonitor` keeps only the last type of the parent's chain."""
        if not parent:
            return super().make_urn(parent, type_, name)
        return str(Urn.parse(parent).child(type_, name))

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the protocol's name
        """Record one resource."""
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == STACK_TYPE:
            self._stack_urn = urn
            return resource_pb2.RegisterResourceResponse(urn=urn)
        planned = _planned(urn, request, self._read)
        self.planned.append(planned)
        if self._provider is None:
            unknown = dict.fromkeys(request.additionalSecretOutputs, UNKNOWN)
            outputs = with_outputs(request.object, COMPUTED_OUTPUTS.get(planned.type, {}), unknown)
            return resource_pb2.RegisterResourceResponse(urn=urn, object=outputs)
        answer = self._provider(planned)
        secret = {**dict.fromkeys(request.additionalSecretOutputs, ""), **answer.secret}
        outputs = with_outputs(request.object, answer.plain, secret)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=planned.name, object=outputs)

    def ReadResource(self, request: Any) -> Any:  # noqa: N802 - the protocol's name
        """Answer a resource that is read: it is nobody's to plan, and what it holds is known on the cluster only."""
        urn = self.make_urn(request.parent, request.type, request.name)
        self._read.add(urn)
        if self._provider is None:
            known = READ_OUTPUTS.get(str(request.type), {})
        else:
            read = PlannedResource(urn, str(request.type), str(request.name), True, False, {}, ResourceOptions())
            known = self._provider(read).plain
        outputs = type(request.properties)()
        outputs.update(known)
        return resource_pb2.ReadResourceResponse(urn=urn, properties=outputs)

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - the protocol's name
        """Keep the stack's outputs; those of components count for nothing in a plan."""
        if request.urn == self._stack_urn:
            self.stack_outputs = shown(request.outputs)
        return empty_pb2.Empty()


class QuietEngine(mocks.MockEngine):
    """Keeps what the program says instead of printing it.

    Attributes:
        warnings: The warnings, in order.
    """

    def __init__(self) -> None:
        super().__init__(logging.getLogger(__name__))
        self.warnings: list[str] = []

    def Log(self, request: Any) -> None:  # noqa: N802 - the protocol's name
        """Keep a warning and drop the rest."""
        if request.severity == engine_pb2.WARNING:
            self.warnings.append(str(request.message))


def _planned(urn: str, request: Any, read: AbstractSet[str]) -> PlannedResource:
    return PlannedResource(
        urn=urn,
        type=str(request.type),
        name=str(request.name),
        custom=bool(request.custom),
        remote=bool(request.remote),
        inputs=shown(request.object),
        options=_options(urn, request, read),
    )


def _options(urn: str, request: Any, read: AbstractSet[str]) -> ResourceOptions:
    """The options; what is only read is there already, so that nothing waits for it in a plan."""
    timeouts = request.customTimeouts
    now, parent = Urn.parse(urn), str(request.parent)
    aliases = {alias_urn(now, parent, alias) for alias in request.aliases}
    return ResourceOptions(
        parent=parent,
        provider=str(request.provider).rpartition("::")[0],
        protect=bool(request.protect),
        retain_on_delete=bool(request.retainOnDelete),
        delete_before_replace=bool(request.deleteBeforeReplace),
        dependencies=tuple(sorted(set(request.dependencies) - read)),
        aliases=tuple(sorted(alias for alias in aliases if not moved_within_sdk(now, alias))),
        deleted_with=str(request.deletedWith),
        ignore_changes=tuple(sorted(request.ignoreChanges)),
        additional_secret_outputs=tuple(sorted(request.additionalSecretOutputs)),
        timeouts=Timeouts(str(timeouts.create), str(timeouts.update), str(timeouts.delete)),
    )
