"""KV1 on a running platform: whose prompts are found again for whom.

Every request is a tenant's own, with its own key and at its own expense: three to six prompts of some hundred tokens
for each model that a tenant may call. Nothing is made on the cluster.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from infra.audit.caches.door import CacheDoor, Counted, EnginePod, Said
from infra.audit.caches.trial import WORDS, Asker, Trial, Verdict, fresh_prompt, trial, without_cache
from infra.audit.results import Observation, Outcome, Probe
from infra.blueprint.caches import callers_of, served_by
from infra.blueprint.model import Blueprint, TenantPart
from infra.blueprint.routes import PROMPT_PATH, route_name
from infra.config.models import CacheIsolation
from infra.config.trust import ControlId

SOURCE = "CVE-2025-46570; arXiv 2411.18191"
REFUSALS = frozenset({401, 403, 404})
SMALLEST_SHARE = 3
"""A prompt takes a third of what a model reads at most: a word is a token or two, and the answer wants room."""


@dataclass(frozen=True)
class _Place:
    """One tenant at one model."""

    model: str
    tenant: str
    words: int
    keeps_prefixes: bool


def probe_caches(
    door: CacheDoor,
    blueprint: Blueprint,
    tenants: frozenset[str] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Observation, ...]:
    """Let every tenant look for what another one has asked.

    Args:
        door: The platform.
        blueprint: What the stack file says of it.
        tenants: Only these; None: all.
        progress: Told what the questions cost.

    Raises:
        CommandFailedError: The platform cannot be asked.
    """
    counting = _CountingDoor(door)
    found = [
        observation
        for place in _places(blueprint)
        if tenants is None or place.tenant in tenants
        for observation in _observations(counting, blueprint, place)
    ]
    progress(f"caches: {counting.expense(blueprint)}")
    return tuple(found)


def _places(blueprint: Blueprint) -> Iterator[_Place]:
    for model in blueprint.gateway.model_names:
        engines = [engine for engine in blueprint.engines if engine.model == model]
        lengths = [engine.options.context_length for engine in engines if engine.options.context_length]
        words = min([WORDS, *(length // SMALLEST_SHARE for length in lengths)])
        keeps = any(engine.cache_isolation is not CacheIsolation.OFF for engine in engines)
        for tenant in callers_of(blueprint, model):
            yield _Place(model, tenant.name, words, keeps)


def _observations(door: CacheDoor, blueprint: Blueprint, place: _Place) -> Iterator[Observation]:
    callers = callers_of(blueprint, place.model)
    if len(callers) == 1:
        yield _outsider(door, blueprint, place)
        return
    askers = [tenant.name for tenant in callers if _may_ask(tenant)]
    others = [name for name in askers if name != place.tenant]
    if place.tenant not in askers or not others:
        whose = place.tenant if place.tenant not in askers else "any other tenant of the model"
        seen = f"the record of {whose} does not open `{route_name(PROMPT_PATH)}`, and this asks by nothing else"
        yield _observation(place, Verdict(Outcome.UNPROVEN, seen))
        return
    victim = next((name for name in others if name > place.tenant), others[0])
    result = _asked(door, blueprint, place, victim)
    attack = _observation(place, result.stolen)
    yield replace(attack, about=f"{place.model}: a prompt that {victim} has asked before")
    yield replace(
        _observation(place, result.own), case="own-prefix", attack=False, about=f"{place.model}: its own prompt again"
    )


def _may_ask(tenant: TenantPart) -> bool:
    """Whether its key opens the path of the prompts: a path that is refused says nothing of a cache, nor of a model."""
    return PROMPT_PATH in tenant.paths


def _asked(door: CacheDoor, blueprint: Blueprint, place: _Place, victim: str) -> Trial:
    tenants = (victim, place.tenant)
    if not place.keeps_prefixes and (found := without_cache(door, place.model, tenants, words=place.words)):
        return found
    askers = _asker(blueprint, place.model, victim), _asker(blueprint, place.model, place.tenant)
    return trial(door, place.model, askers, words=place.words)


def _asker(blueprint: Blueprint, model: str, tenant: str) -> Asker:
    engines = (engine for engine in blueprint.engines if engine.model == model)
    return Asker(tenant, next(engine.name for engine in engines if tenant in served_by(blueprint, engine)))


def _outsider(door: CacheDoor, blueprint: Blueprint, place: _Place) -> Observation:
    """Where one tenant alone may call a model, whoever else asks must not reach the engines at all."""
    strangers = (tenant for tenant in blueprint.tenants if tenant.name != place.tenant)
    other = next((tenant.name for tenant in strangers if _may_ask(tenant)), None)
    said = door.ask(other, place.model, fresh_prompt(place.words))
    outcome = Outcome.HOLDS if said.status in REFUSALS else Outcome.FAILS if said.answered else Outcome.UNPROVEN
    found = _observation(place, Verdict(outcome, said.words))
    return replace(
        found,
        case="model-of-one-tenant",
        identity=f"tenant {other}, by its key" if other else "a caller with a made-up key",
        about=f"{place.model}, which {place.tenant} alone may call",
    )


def _observation(place: _Place, verdict: Verdict) -> Observation:
    return Observation(
        probe=Probe.CACHES,
        case="another-tenants-prefix",
        control=ControlId.KV1,
        attack=True,
        tenant=place.tenant,
        identity=f"tenant {place.tenant}, by its key",
        about=place.model,
        outcome=verdict.outcome,
        seen=verdict.seen,
        source=SOURCE,
    )


class _CountingDoor:
    """A door that adds up what goes through it."""

    def __init__(self, door: CacheDoor) -> None:
        self._door = door
        self._tokens: dict[str, int] = {}
        self._requests = 0

    def ask(self, tenant: str | None, model: str, prompt: str) -> Said:
        said = self._door.ask(tenant, model, prompt)
        self._requests += 1
        self._tokens[model] = self._tokens.get(model, 0) + said.prompt_tokens
        return said

    def counted(self, model: str) -> Mapping[EnginePod, Counted]:
        return self._door.counted(model)

    def expense(self, blueprint: Blueprint) -> str:
        """What was asked, in one line; answers have a token each and are left out."""
        prices = {row.name: row.input_usd_per_token or 0 for row in blueprint.gateway.models}
        usd = sum(prices.get(model, 0) * tokens for model, tokens in self._tokens.items())
        tokens = sum(self._tokens.values())
        return f"{self._requests} requests, {tokens} prompt tokens, {usd:.4f} USD charged to the tenants who asked"
