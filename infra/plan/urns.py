"""URNs: how the engine builds them, and which former ones a resource answers to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STACK_TYPE = "pulumi:pulumi:Stack"


@dataclass(frozen=True)
class Urn:
    """A URN's parts; `qualified_type` is the chain of types from the outermost component to the resource."""

    stack: str
    project: str
    qualified_type: str
    name: str

    @classmethod
    def parse(cls, text: str) -> "Urn":
        """The parts of `urn:pulumi:<stack>::<project>::<qualified type>::<name>`; a name may hold `::` itself."""
        head, project, qualified_type, name = text.split("::", 3)
        return cls(head.removeprefix("urn:pulumi:"), project, qualified_type, name)

    def __str__(self) -> str:
        return f"urn:pulumi:{self.stack}::{self.project}::{self.qualified_type}::{self.name}"

    @property
    def type(self) -> str:
        """The resource's own type token."""
        return self.qualified_type.rpartition("$")[2]

    def child(self, type_token: str, name: str) -> "Urn":
        """The URN of a resource below this one; what lies directly below the stack does not carry the stack's type."""
        parent = "" if self.qualified_type == STACK_TYPE else f"{self.qualified_type}$"
        return Urn(self.stack, self.project, f"{parent}{type_token}", name)


def alias_urn(now: Urn, parent: str, alias: Any) -> str:
    """The former URN that an alias of the engine's protocol means; what it leaves out is as it is now."""
    if alias.urn:
        return str(alias.urn)
    spec = alias.spec
    stack, project = spec.stack or now.stack, spec.project or now.project
    root = Urn(stack, project, STACK_TYPE, "")
    if spec.parentUrn:
        former_parent = Urn.parse(spec.parentUrn)
    elif spec.noParent or not parent:
        former_parent = root
    else:
        former_parent = Urn.parse(parent)
    former = former_parent.child(spec.type or now.type, spec.name or now.name)
    return str(Urn(stack, project, former.qualified_type, former.name))


def moved_within_sdk(now: Urn, alias: str) -> bool:
    """Whether an alias differs in nothing but a provider's type: the SDK adds those for kinds that changed group."""
    former = Urn.parse(alias)
    package = now.type.partition(":")[0]
    return _place(former) == _place(now) and package != "bulkhead" and former.type.startswith(f"{package}:")


def _place(urn: Urn) -> tuple[str, str, str, str]:
    return urn.stack, urn.project, urn.qualified_type.rpartition("$")[0], urn.name


def former_urns(own: Mapping[str, tuple[str, ...]], parents: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """URN → every URN that the engine would recognise as the same resource's former one.

    A component's aliases carry over to its children: their chain of types changes with it, and their names too where
    they begin with the component's name.

    Args:
        own: URN → the aliases that the resource itself declares.
        parents: URN → the parent's URN.
    """
    known: dict[str, frozenset[str]] = {}

    def former(urn: str) -> frozenset[str]:
        if urn not in known:
            parent = parents.get(urn, "")
            inherited = {_inherited(urn, parent, alias) for alias in former(parent)} if parent in own else set[str]()
            known[urn] = frozenset({*own.get(urn, ()), *inherited})
        return known[urn]

    return {urn: former(urn) for urn in own}


def _inherited(urn: str, parent: str, parent_alias: str) -> str:
    now, now_parent, former_parent = Urn.parse(urn), Urn.parse(parent), Urn.parse(parent_alias)
    starts_alike = now.name.startswith(now_parent.name)
    name = former_parent.name + now.name.removeprefix(now_parent.name) if starts_alike else now.name
    return str(former_parent.child(now.type, name))
