"""Who may share what an engine has computed of a prompt: the one rule for it.

An engine finds the beginning of a prompt again that it has worked on before, and answers faster. Whose requests may hit
what whose requests have left there is a model's `cache_isolation`; with KV1 a tenant that is sensitive shares nothing.
What an engine keeps of images, videos and sounds knows no salt, so a salted engine that tenants share takes none.
"""

from collections.abc import Iterable
from typing import Protocol

from infra.config.models import CacheIsolation


class Caller(Protocol):
    """Somebody who may call a model."""

    @property
    def name(self) -> str:
        """The tenant's name."""
        ...

    @property
    def sensitive(self) -> bool:
        """Whether it shares no engine where KV1 is in force."""
        ...


def isolation_in_force(written: CacheIsolation | None, *, scoped: bool) -> CacheIsolation:
    """What holds for a model.

    Args:
        written: What the stack file says, if anything.
        scoped: Whether KV1 is in force.
    """
    return written or (CacheIsolation.SALTED if scoped else CacheIsolation.SHARED)


def engine_owners(isolation: CacheIsolation, callers: Iterable[Caller], *, scoped: bool) -> tuple[str | None, ...]:
    """Whose engines serve a model: None for those that several tenants may share, then the tenants with their own.

    Args:
        isolation: What holds for the model.
        callers: The tenants that may call it.
        scoped: Whether KV1 is in force, which sets sensitive tenants apart.
    """
    known = sorted(callers, key=lambda caller: caller.name)
    every = isolation is CacheIsolation.ENGINE_PER_TENANT
    apart = tuple(caller.name for caller in known if every or (scoped and caller.sensitive))
    return apart if apart and len(apart) == len(known) else (None, *apart)


def sharers(callers: Iterable[Caller], owners: Iterable[str | None]) -> frozenset[str]:
    """Names of the tenants whose prompts the engines work on that belong to none of them.

    Args:
        callers: The tenants that may call the model.
        owners: Whose engines serve it.
    """
    return frozenset(caller.name for caller in callers).difference(owners)


def may_take_media(isolation: CacheIsolation, tenants: frozenset[str]) -> bool:
    """Whether engines may take images, videos and sounds from the tenants that share them.

    vLLM finds what it has made of them again by their content, or by a name of the caller's choice, and mixes the salt
    into neither (`_process_mm_uuids` in its `renderers/base.py`; its issues 55439 and 55547).

    Args:
        isolation: What holds for the model.
        tenants: Whose prompts the engines work on.
    """
    return isolation is not CacheIsolation.SALTED or len(tenants) < 2
