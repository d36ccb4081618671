"""Drawing a key anew: what to change in the stack file, what the update then does, and what is left to do."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from infra.config.draft import at
from infra.config.paths import Location
from infra.config.stack import StackConfig
from infra.config.tenants import Tenant

SELECTED = "--stack STACK"
"""Stands in the commands that are still to be given for the option by which the stack was named."""


@dataclass(frozen=True)
class Rotation:
    """A change of the stack file by which a key is drawn anew, or a former one ends.

    Attributes:
        edits: Place in the stack file → the number to write there.
        update: What `pulumi up` then does, in the order in which it does it.
        afterwards: What is to be done once it has ended.
    """

    edits: Mapping[Location, int]
    update: tuple[str, ...]
    afterwards: tuple[str, ...]


class NoFormerKeyError(Exception):
    """A former key is to end, and none is taken."""


def tenant_key(config: StackConfig, name: str) -> Rotation:
    """A new key for the tenant `name`; the one that it has goes on working.

    Raises:
        KeyError: There is no such tenant.
    """
    index, tenant = _tenant(config, name)
    where = at("tenants", index)
    old, new = tenant.key_generation, tenant.key_generation + 1
    return Rotation(
        _raised(where, "key_generation", new, tenant.oldest_key_generation),
        (
            f"Draws key {new} of {name}, makes it at the gateway beside key {old}, and leaves that one working.",
            *_ended_with_it(old, tenant.oldest_key_generation, f"key {{}} of {name} works no more"),
            "No engine and no replica restarts. Budget and spend are the tenant's and stay.",
        ),
        (
            f"Hand it over: bulkhead tenants key {name} {SELECTED}. A tenant with a namespace of its own has it"
            " there already, in the Secret bulkhead-key; its pods read it when they start.",
            f"Once nobody uses key {old}: bulkhead rotate tenant-key {name} --end-former {SELECTED}, and update again.",
        ),
    )


def end_tenant_key(config: StackConfig, name: str) -> Rotation:
    """The tenant's former key works no more.

    Raises:
        KeyError: There is no such tenant.
        NoFormerKeyError: It has none.
    """
    index, tenant = _tenant(config, name)
    newest = tenant.key_generation
    return Rotation(
        _ended(at("tenants", index), "key_generation", newest, tenant.oldest_key_generation),
        (
            f"Blocks key {newest - 1} of {name} at the gateway, and is done when no replica remembers it: whoever still"
            " sends it is answered 401.",
        ),
        (),
    )


def engine_keys(config: StackConfig) -> Rotation:
    """A new key between the gateway and every engine; engines take the one before it, too."""
    gateway = config.gateway
    old, new = gateway.engine_key_generation, gateway.engine_key_generation + 1
    return Rotation(
        _raised(at("gateway"), "engine_key_generation", new, gateway.oldest_engine_key_generation),
        (
            f"Rolls the engines: they take key {new} and key {old}. Replicas of the gateway wait for them, and then"
            f" roll to key {new}.",
            *_ended_with_it(old, gateway.oldest_engine_key_generation, "key {} is taken no more"),
            *_away(config),
        ),
        (
            f"End key {old}: bulkhead rotate engine-keys --end-former {SELECTED}, and update again; engines roll once"
            " more.",
        ),
    )


def end_engine_keys(config: StackConfig) -> Rotation:
    """Engines take the newest key alone.

    Raises:
        NoFormerKeyError: They do already.
    """
    gateway = config.gateway
    newest = gateway.engine_key_generation
    return Rotation(
        _ended(at("gateway"), "engine_key_generation", newest, gateway.oldest_engine_key_generation),
        (
            f"Rolls the engines: they take key {newest} alone, which the gateway has to show by then.",
            f"Where key {newest} has never been deployed, the update is refused: remove oldest_engine_key_generation"
            " and update, before the former key is ended.",
            *_away(config),
        ),
        (),
    )


def master_key(config: StackConfig) -> Rotation:
    """A new key for administering the gateway."""
    new = config.gateway.master_key_generation + 1
    return Rotation(
        {(*at("gateway"), "master_key_generation"): new},
        (
            f"Draws master key {new} and rolls the gateway. Tenants' keys and requests have nothing to do with it.",
            "The tenants' reconciler starts anew with it once every replica takes it.",
        ),
        ("Whoever administers by hand reads it from the Secret gateway in bulkhead-gateway, under master-key.",),
    )


def salt(config: StackConfig) -> Rotation:
    """A new key for the salts of isolated caches."""
    new = config.gateway.cache_salt_generation + 1
    return Rotation(
        {(*at("gateway"), "cache_salt_generation"): new},
        (
            f"Draws salt root {new}. Where caches are isolated by salts, rolls the gateway: every prefix is computed"
            " once more, and answers are as slow as that for a while.",
        ),
        (),
    )


def _tenant(config: StackConfig, name: str) -> tuple[int, Tenant]:
    for index, tenant in enumerate(config.tenants):
        if tenant.name == name:
            return index, tenant
    raise KeyError(name)


def _raised(where: Location, key: str, new: int, oldest: int | None) -> dict[Location, int]:
    """The next generation; a written oldest one is taken along where it would be too old beside it."""
    edits: dict[Location, int] = {(*where, key): new}
    if oldest is not None and oldest < new - 1:
        edits[(*where, f"oldest_{key}")] = new - 1
    return edits


def _ended(where: Location, key: str, newest: int, oldest: int | None) -> dict[Location, int]:
    if newest in (1, oldest):
        raise NoFormerKeyError
    return {(*where, f"oldest_{key}"): newest}


def _ended_with_it(old: int, oldest: int | None, says: str) -> Iterator[str]:
    """What ends because the one before the one before is never taken; and what if that is the one in use."""
    if old == 1:
        return
    if oldest != old:
        yield f"With this update {says.format(old - 1)}: it has worked until now."
    yield (
        f"Where key {old} has never been deployed, the update is refused: write {old} again and update, before key"
        f" {old + 1} is drawn."
    )


def _away(config: StackConfig) -> tuple[str, ...]:
    """Models whose only engine ends before its successor loads: a GPU for both need not exist."""
    alone = sorted(
        model.name
        for model in config.models
        if config.pool(model.pool).is_gpu and model.replicas == 1 and not model.surge
    )
    if not alone:
        return ()
    return (
        f"Away while it loads, since it has one engine on GPUs: {', '.join(alone)}. With `surge: true`, or two,"
        " none is away.",
    )


Change = Callable[[StackConfig], Rotation]
"""A rotation that is ready to be asked what it takes."""
