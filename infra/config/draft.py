"""A configuration as far as it could be read, so that checks need not wait until every part is right."""

import datetime
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from infra.config.cluster import Cluster
from infra.config.gateway import Gateway
from infra.config.models import Model
from infra.config.observability import Observability
from infra.config.paths import Location
from infra.config.pools import Pool, RetiringPool
from infra.config.sources import Sources
from infra.config.stack import PROJECT
from infra.config.tenants import Tenant
from infra.config.trust import Trust

NamedPart = TypeVar("NamedPart", Pool, RetiringPool, Model, Tenant)


def at(key: str, *rest: str | int) -> Location:
    """The location below `bulkhead:<key>`."""
    return (f"{PROJECT}:{key}", *rest)


@dataclass(frozen=True)
class NamedParts(Generic[NamedPart]):
    """One list of named things.

    Attributes:
        read: Index in the file → the element, for elements that could be read.
        names: Index in the file → the name as written, also of elements with faults elsewhere.
        all_named: Whether the list could be read so far that every element's name is known.
        all_read: Whether every element could be read.
    """

    read: Mapping[int, NamedPart]
    names: Mapping[int, str]
    all_named: bool
    all_read: bool

    @cached_property
    def by_name(self) -> Mapping[str, NamedPart]:
        """Name → element, leaving out names that stand twice."""
        counts = Counter(self.names.values())
        return {part.name: part for part in self.read.values() if counts[part.name] == 1}

    @cached_property
    def index_of(self) -> Mapping[str, int]:
        """Name → the index of the first element of that name."""
        return {name: index for index, name in reversed(list(self.names.items()))}

    def lacks(self, name: str) -> bool:
        """Whether it is certain that no element has that name."""
        return self.all_named and name not in self.index_of


@dataclass(frozen=True)
class Mention:
    """A name that refers to something, as written; also in elements with faults elsewhere.

    Attributes:
        location: Where the name stands.
        noun: What it should be the name of: `pool`, `model` or `tenant`.
        name: The name.
        follows: What follows when there is no such thing.
    """

    location: Location
    noun: str
    name: str
    follows: str


@dataclass(frozen=True)
class Draft:
    """What could be read of a document; a part with faults is None or left out.

    Attributes:
        trust: `bulkhead:trust`.
        cluster: `bulkhead:cluster`.
        pools: `bulkhead:pools`.
        retiring_pools: `bulkhead:retiring_pools`; empty where there are none.
        emptied_pools: `bulkhead:emptied_pools`.
        models: `bulkhead:models`.
        tenants: `bulkhead:tenants`.
        gateway: `bulkhead:gateway`.
        observability: `bulkhead:observability`.
        sources: `bulkhead:sources`.
        mentions: Every reference by name, in the order of the document.
        secrets: The secret keys that are set, without their namespace.
        today: The day on which waivers are judged; None where their ends are not.
    """

    trust: Trust | None
    cluster: Cluster | None
    pools: NamedParts[Pool]
    retiring_pools: NamedParts[RetiringPool]
    emptied_pools: tuple[str, ...] | None
    models: NamedParts[Model]
    tenants: NamedParts[Tenant]
    gateway: Gateway | None
    observability: Observability | None
    sources: Sources | None
    mentions: tuple[Mention, ...]
    secrets: frozenset[str]
    today: datetime.date | None

    @property
    def sums_are_known(self) -> bool:
        """Whether everything that takes devices could be read, so that sums over it mean something."""
        return self.models.all_read and self.tenants.all_read
