"""Generations of keys: at most two are taken at one time, the newest and the one before it."""

from collections.abc import Iterator

from infra.config.draft import Draft, at
from infra.config.paths import Location
from infra.config.problem import Problem


def check_rotations(draft: Draft) -> Iterator[Problem]:
    """An oldest generation that is newer than the newest, or more than one older."""
    if draft.gateway is not None:
        yield from _check(
            draft.gateway.engine_key_generation,
            draft.gateway.oldest_engine_key_generation,
            at("gateway"),
            "engine_key_generation",
        )
    for index, tenant in draft.tenants.read.items():
        yield from _check(tenant.key_generation, tenant.oldest_key_generation, at("tenants", index), "key_generation")


def _check(newest: int, oldest: int | None, where: Location, key: str) -> Iterator[Problem]:
    if oldest is None or newest - 1 <= oldest <= newest:
        return
    follows = (
        "the key in use would not be taken"
        if oldest > newest
        else "keys that nobody needs any more would go on being taken"
    )
    either = f"{newest - 1} or {newest}" if newest > 1 else "1"
    yield Problem(
        (*where, f"oldest_{key}"),
        f"{key} is {newest}, and this is {oldest}",
        follows,
        f"oldest_{key}: {either}; or leave it out",
    )
