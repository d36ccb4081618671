"""From plain values to typed parts: each part by itself, so that a fault in one does not hide those of another."""

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from infra.config.base import Name
from infra.config.cluster import Cluster
from infra.config.draft import Draft, NamedPart, NamedParts, at
from infra.config.gateway import Gateway
from infra.config.mentions import is_name, mentions
from infra.config.models import Model
from infra.config.observability import NoObservability, Observability
from infra.config.paths import Location, is_list, is_mapping
from infra.config.pools import Pool, RetiringPool
from infra.config.problem import Problem
from infra.config.sources import Sources
from infra.config.stack import PROJECT, SECRET_KEYS, StackConfig
from infra.config.tenants import Tenant
from infra.config.trust import Trust
from infra.config.wording import missing_key, problem_from, wants_list

Part = TypeVar("Part")

SINGLES = ("trust", "cluster", "emptied_pools", "gateway", "observability", "sources")
"""Keys that hold one thing."""

LISTS = ("pools", "retiring_pools", "models", "tenants")
"""Keys that hold a list of named things."""

_TRUST = TypeAdapter(Trust)
_CLUSTER: TypeAdapter[Cluster] = TypeAdapter(Cluster)
_POOL = TypeAdapter(Pool)
_RETIRING_POOL = TypeAdapter(RetiringPool)
_EMPTIED_POOLS: TypeAdapter[tuple[Name, ...]] = TypeAdapter(tuple[Name, ...])
_MODEL = TypeAdapter(Model)
_TENANT = TypeAdapter(Tenant)
_GATEWAY = TypeAdapter(Gateway)
_OBSERVABILITY: TypeAdapter[Observability] = TypeAdapter(Observability)
_SOURCES = TypeAdapter(Sources)


class StructureReader:
    """Reads the parts of a plain document, noting the problems of each."""

    def __init__(self, document: Mapping[str, object]) -> None:
        self.document = document
        self.problems: list[Problem] = []

    def draft(self, today: datetime.date | None) -> Draft:
        """Everything of the document that can be read."""
        return Draft(
            trust=self._single("trust", _TRUST, Trust()),
            cluster=self._single("cluster", _CLUSTER, None),
            pools=self._list("pools", _POOL, Pool),
            retiring_pools=self._list("retiring_pools", _RETIRING_POOL, RetiringPool, optional=True),
            emptied_pools=self._single("emptied_pools", _EMPTIED_POOLS, ()),
            models=self._list("models", _MODEL, Model),
            tenants=self._list("tenants", _TENANT, Tenant),
            gateway=self._single("gateway", _GATEWAY, Gateway()),
            observability=self._single("observability", _OBSERVABILITY, NoObservability()),
            sources=self._single("sources", _SOURCES, Sources()),
            mentions=tuple(mentions(self.document)),
            secrets=frozenset(name for name in SECRET_KEYS if f"{PROJECT}:{name}" in self.document),
            today=today,
        )

    def _single(self, key: str, adapter: TypeAdapter[Part], default: Part | None) -> Part | None:
        if at(key)[0] not in self.document:
            if default is None:
                self.problems.append(missing_key(key))
            return default
        if isinstance(default, tuple) and not is_list(self._value(key)):
            self.problems.append(wants_list(key, self._value(key)))
            return None
        return self._read(adapter, self._value(key), at(key), StackConfig.model_fields[key].annotation)

    def _list(
        self, key: str, adapter: TypeAdapter[NamedPart], part: type[NamedPart], *, optional: bool = False
    ) -> NamedParts[NamedPart]:
        nothing: NamedParts[NamedPart] = NamedParts({}, {}, all_named=optional, all_read=optional)
        if at(key)[0] not in self.document:
            if not optional:
                self.problems.append(missing_key(key))
            return nothing
        elements = self._value(key)
        if not is_list(elements) or not (elements or optional):
            self.problems.append(wants_list(key, elements))
            return nothing
        read = {
            index: element
            for index, value in enumerate(elements)
            if (element := self._read(adapter, value, at(key, index), part)) is not None
        }
        names = {index: name for index, value in enumerate(elements) if (name := _written_name(value)) is not None}
        return NamedParts(read, names, all_named=len(names) == len(elements), all_read=len(read) == len(elements))

    def _value(self, key: str) -> object:
        return self.document[f"{PROJECT}:{key}"]

    def _read(self, adapter: TypeAdapter[Part], value: object, location: Location, annotation: object) -> Part | None:
        try:
            return adapter.validate_json(json.dumps(value), strict=True)
        except ValidationError as refusal:
            details = _without_echoes(refusal.errors(include_url=False, include_input=False))
            self.problems.extend(problem_from(detail, location, annotation, value) for detail in details)
            return None


def _without_echoes(details: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """The errors less those of a list that only looks empty to pydantic, since an element of it has a fault."""
    faulty = [detail["loc"] for detail in details]
    return [
        detail
        for detail in details
        if detail["type"] != "too_short" or not any(_is_below(place, detail["loc"]) for place in faulty)
    ]


def _is_below(place: tuple[int | str, ...], above: tuple[int | str, ...]) -> bool:
    return len(place) > len(above) and place[: len(above)] == above


def _written_name(value: object) -> str | None:
    name = value.get("name") if is_mapping(value) else None
    return name if is_name(name) else None
