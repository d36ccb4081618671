"""Runs a program without an engine and keeps what it registers: inputs with their secrets marked, and options."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import pulumi
from google.protobuf.json_format import MessageToDict
from pulumi.runtime import mocks

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - Pulumi's public mark of a secret on the wire


@dataclass(frozen=True)
class Secret:
    """An input that Pulumi encrypts in its state and hides in its diffs."""

    value: Any


@dataclass(frozen=True)
class Registered:
    """One resource as the engine would have seen it."""

    urn: str
    kind: str
    name: str
    inputs: Mapping[str, Any]
    parent: str
    dependencies: tuple[str, ...]
    protect: bool
    ignore_changes: tuple[str, ...]
    deleted_with: str
    delete_before_replace: bool
    create_timeout: str
    update_timeout: str

    @property
    def short_kind(self) -> str:
        """The last word of its type, as `Deployment`."""
        return self.kind.rpartition(":")[2]


@dataclass(frozen=True)
class Recording:
    """All that a program registered, and what it returned."""

    resources: tuple[Registered, ...]
    returned: Any

    def of(self, kind: str) -> tuple[Registered, ...]:
        """Every resource of a kind, as `Deployment`."""
        return tuple(resource for resource in self.resources if resource.short_kind == kind)

    def one(self, kind: str) -> Registered:
        """The only resource of a kind."""
        (resource,) = self.of(kind)
        return resource

    def named(self, name: str) -> Registered:
        """The only resource of a name."""
        (resource,) = (resource for resource in self.resources if resource.name == name)
        return resource


class _Outputs(mocks.Mocks):
    """Gives every resource back what it was made with, and generated values that a test can recognise."""

    def __init__(self, outputs: Mapping[str, Mapping[str, Any]]) -> None:
        self._outputs = outputs

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        state: dict[str, Any] = dict(cast("dict[str, Any]", args.inputs))  # pyright: ignore[reportUnknownMemberType]
        if args.typ == "random:index/randomPassword:RandomPassword":
            state["result"] = f"generated-{args.name}"
        if args.typ.startswith("tls:"):
            state |= dict.fromkeys(("certPem", "certRequestPem"), f"made-{args.name}")
            state["privateKeyPem"] = f"generated-{args.name}"
        state |= self._outputs.get(args.typ, {})
        return f"{args.name}-id", state

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        return {}, None


class _Monitor(mocks.MockMonitor):
    def __init__(self, answers: mocks.Mocks) -> None:
        super().__init__(answers)
        self.registered: list[Registered] = []

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the name of the remote procedure
        answer: Any = super().RegisterResource(request)  # pyright: ignore[reportUnknownMemberType]
        if request.type != "pulumi:pulumi:Stack":
            self.registered.append(_registered(request, answer.urn))
        return answer


def _registered(request: Any, urn: str) -> Registered:
    return Registered(
        urn=urn,
        kind=request.type,
        name=request.name,
        inputs=_plain(MessageToDict(request.object)),
        parent=request.parent,
        dependencies=tuple(sorted(request.dependencies)),
        protect=request.protect,
        ignore_changes=tuple(request.ignoreChanges),
        deleted_with=request.deletedWith,
        delete_before_replace=request.deleteBeforeReplace,
        create_timeout=request.customTimeouts.create,
        update_timeout=request.customTimeouts.update,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        mapping = cast("dict[str, Any]", value)
        if mapping.get(SIGNATURE) == SECRET_SIGNATURE:
            return Secret(_plain(mapping["value"]))
        return {key: _plain(item) for key, item in mapping.items()}
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[Any]", value)]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def record(program: Callable[[], Any], outputs: Mapping[str, Mapping[str, Any]] | None = None) -> Recording:
    """Run `program` and return what it registered.

    Args:
        program: Registers resources; what it returns is resolved, outputs in it included.
        outputs: What resources of a type come back with, beside their inputs.
    """
    # Pulumi's runtime wants a loop that is there already, and `asyncio.run` in an earlier test leaves none.
    asyncio.set_event_loop(asyncio.new_event_loop())
    answers = _Outputs(outputs or {})
    monitor = _Monitor(answers)
    mocks.set_mocks(answers, project="test", stack="test", preview=False, monitor=monitor)
    returned: list[Any] = []

    def run() -> pulumi.Output[None]:
        return pulumi.Output.from_input(program()).apply(returned.append)

    pulumi.runtime.test(run)()  # pyright: ignore[reportUnknownMemberType]
    return Recording(tuple(monitor.registered), returned[0])


def strings(value: Any) -> Iterator[str]:
    """Every string outside secrets, however deep: what a diff, a log or a report could show."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in cast("Mapping[str, Any]", value).items():
            yield key
            yield from strings(item)
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from strings(item)
