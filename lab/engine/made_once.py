"""What stand-ins have in common whose resources are values: made once, and kept in the state ever after."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from pulumi.runtime.proto import provider_pb2 as pb

from lab.engine.differences import Difference, differences, response
from lab.engine.plumbing import Failure, StandInServicer
from lab.engine.values import UNKNOWN, Secret, Tree, Value, decode_struct, encode_struct, plain


def kind_of(urn: str) -> str:
    """Return the resource kind that a URN names, as `RandomPassword`."""
    return urn.split("::")[2].rsplit("$", 1)[-1].rsplit(":", 1)[-1]


class MadeOnceServicer(StandInServicer):
    """A stand-in's service: only `create` makes something; everything else keeps what the state holds.

    Attributes:
        outputs: The outputs of each kind, and whether each is a secret.
    """

    outputs: ClassVar[Mapping[str, Mapping[str, bool]]]

    @abstractmethod
    def mint(self, kind: str, arguments: Mapping[str, Any]) -> tuple[str, Mapping[str, Value]]:
        """Make a new value: its identity and its outputs. Raises Failure for what the stand-in cannot make."""

    def replaces(self, difference: Difference) -> bool:
        """Whether a changed argument makes a new value; every one does unless a stand-in knows better."""
        return True

    def with_outputs(self, kind: str, inputs: Tree, outputs: Mapping[str, Value]) -> Tree:
        """Return inputs and outputs together, the secret ones wrapped."""
        hidden = self.outputs.get(kind, {})
        wrapped = {name: Secret(value) if hidden.get(name) else value for name, value in outputs.items()}
        return {**inputs, **wrapped}

    def check(self, request: pb.CheckRequest) -> pb.CheckResponse:
        """Return the inputs as they are; the SDK has typed them."""
        return pb.CheckResponse(inputs=request.news)

    def diff(self, request: pb.DiffRequest) -> pb.DiffResponse:
        """Plan a replacement for changed arguments, as the real providers do."""
        old, new = plain(decode_struct(request.old_inputs)), plain(decode_struct(request.news))
        return response(differences(old, new), replaces=self.replaces)

    def create(self, request: pb.CreateRequest) -> pb.CreateResponse:
        """Make the value; a preview only says that there will be one."""
        kind, inputs = kind_of(request.urn), decode_struct(request.properties)
        if request.preview:
            foreseen: dict[str, Value] = dict.fromkeys(self.outputs.get(kind, {}), UNKNOWN)
            return pb.CreateResponse(id="", properties=encode_struct(self.with_outputs(kind, inputs, foreseen)))
        identity, outputs = self.mint(kind, plain(inputs))
        return pb.CreateResponse(id=identity, properties=encode_struct(self.with_outputs(kind, inputs, outputs)))

    def update(self, request: pb.UpdateRequest) -> pb.UpdateResponse:
        """Keep the value; only what the engine itself tracks can have changed."""
        return pb.UpdateResponse(properties=request.olds)

    def read(self, request: pb.ReadRequest) -> pb.ReadResponse:
        """Return what the state holds: there is nothing outside it. Raises Failure on an import."""
        if not request.properties.fields:
            raise Failure(
                f"the lab's {self.package} stand-in cannot import; install the real {self.package} plugin for that"
            )
        return pb.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def delete(self, request: pb.DeleteRequest) -> None:
        """Forget the value."""
