"""Finding every reference by name, in whatever could not be read otherwise too."""

import re
from collections.abc import Iterator, Mapping
from typing import TypeGuard

from infra.config.draft import Mention, at
from infra.config.forms import NAME, NAME_MAX_LENGTH
from infra.config.paths import Location, child, is_list, is_mapping
from infra.config.stack import PROJECT


def mentions(document: Mapping[str, object]) -> Iterator[Mention]:
    """References of pools to tenants, of models to pools, and of tenants to models and pools."""
    for index, pool in _elements(document, "pools"):
        yield from _mention(at("pools", index, "dedicated_to"), pool, "tenant", "the pool would stay empty")
    for index, model in _elements(document, "models"):
        yield from _mention(at("models", index, "pool"), model, "pool", "its engines cannot run")
    for index, tenant in _elements(document, "tenants"):
        models, quota = child(tenant, "models"), child(tenant, "gpu_quota")
        for position in range(len(models) if is_list(models) else 0):
            where = at("tenants", index, "models", position)
            yield from _mention(where, models, "model", "every call to it would fail")
        for name in quota if is_mapping(quota) else ():
            if is_name(name):
                where = at("tenants", index, "gpu_quota", name)
                yield Mention(where, "pool", name, "the quota would guarantee nothing")


def _elements(document: Mapping[str, object], key: str) -> Iterator[tuple[int, object]]:
    elements = document.get(f"{PROJECT}:{key}")
    yield from enumerate(elements) if is_list(elements) else ()


def _mention(location: Location, parent: object, noun: str, follows: str) -> Iterator[Mention]:
    name = child(parent, location[-1])
    if is_name(name):
        yield Mention(location, noun, name, follows)


def is_name(value: object) -> TypeGuard[str]:
    """Whether the value has the form of a name; one that has not is reported for its form."""
    return isinstance(value, str) and len(value) <= NAME_MAX_LENGTH and re.fullmatch(NAME.pattern, value) is not None
