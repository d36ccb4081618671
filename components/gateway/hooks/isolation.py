"""Which engines a tenant's request may reach, and under which salt. Needs the standard library alone.

A request is judged three times: when LiteLLM hands it over for the first time, where the tenant and the model are known
and every salt of the caller's is replaced; when LiteLLM chooses among a model's engines; and right before it is sent,
after whatever LiteLLM has done to it, retries and detours included. Between the three the tenant is remembered beside
the request and not in it, where a caller could write.
"""

import json
from collections.abc import Iterable, Mapping, MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

from .errors import Problem, Situation
from .fairness import name_tenant
from .overrides import pin_salt, pinned_salt
from .salts import SHORTEST_KEY, derive_salt

COVERED = frozenset({"acompletion", "aembedding", "anthropic_messages", "aresponses", "atext_completion"})
"""LiteLLM's names for the calls on which a salt is known to arrive; any other is refused."""

Request = MutableMapping[str, Any]


class RefusedError(Exception):
    """A request that must not reach an engine; `problem` is what its caller is told."""

    def __init__(self, problem: Problem, reason: str) -> None:
        super().__init__(reason)
        self.problem = problem


@dataclass(frozen=True)
class Engine:
    """The engines behind one address.

    Attributes:
        model: The model that they serve, by the name that tenants use.
        tenant: The id of the only team whose requests they work on; None where several may be.
    """

    model: str
    tenant: str | None


@dataclass(frozen=True)
class Domains:
    """Who may share what an engine has computed.

    Attributes:
        engines: Address → its engines.
        isolated: Models whose tenants share nothing: every request is a known tenant's and bears its salt.
    """

    engines: Mapping[str, Engine]
    isolated: frozenset[str]

    @property
    def models(self) -> frozenset[str]:
        """The models that there are."""
        return frozenset(engine.model for engine in self.engines.values())


@dataclass(frozen=True)
class Grant:
    """What one request may do: reach engines of `model` as `tenant`, under `salt`."""

    tenant: str
    model: str
    salt: str


def read_domains(text: str) -> Domains:
    """The domains as the platform's program writes them.

    Raises:
        KeyError, TypeError, ValueError: The document is not as it has to be.
    """
    found = json.loads(text)
    engines = {address: Engine(each["model"], each["tenant"]) for address, each in found["engines"].items()}
    return Domains(engines, frozenset(found["isolated"]))


class Isolation:
    """The judgement of requests.

    Args:
        domains: Who may share what.
        key: What salts are made from; may be missing where no model is isolated.

    Raises:
        ValueError: A model is isolated and the key is missing or too short.
    """

    def __init__(self, domains: Domains, key: bytes) -> None:
        if domains.isolated and len(key) < SHORTEST_KEY:
            raise ValueError("models are isolated, and the key of the cache salts is missing or too short")
        self._domains = domains
        self._models = domains.models
        self._key = key
        self._granted: ContextVar[Grant | None] = ContextVar("bulkhead_cache_grant", default=None)
        self._tenant: ContextVar[str | None] = ContextVar("bulkhead_tenant", default=None)

    def begin(self, tenant: str | None, call: str, request: Request) -> None:
        """Judge a request as its caller sent it, and put the tenant's salt in.

        Args:
            tenant: The id of the team that the caller's key belongs to.
            call: LiteLLM's name for the kind of call.
            request: What LiteLLM will send; changed in place.

        Raises:
            RefusedError: It must not reach an engine.
        """
        self._granted.set(None)
        self._tenant.set(tenant)
        model = request.get("model")
        if model is None:
            # LiteLLM says so itself, by the parameter's name; with nothing granted, no isolated engine is reached.
            return
        if not isinstance(model, str) or model not in self._models:
            # LiteLLM would take several names at once, parted by commas, and answer what becomes of each as one.
            raise RefusedError(Situation.MODEL_NOT_FOUND.value, "Invalid model name passed in")
        if model not in self._domains.isolated:
            return
        if call not in COVERED:
            raise RefusedError(Situation.UNKNOWN_PATH.value, f"not allowed to call this route: {call}")
        if not tenant:
            raise RefusedError(Situation.NOT_PERMITTED.value, "the key belongs to no tenant")
        grant = Grant(tenant, model, derive_salt(self._key, tenant, model))
        try:
            pin_salt(request, grant.salt)
        except ValueError as error:
            raise RefusedError(Situation.INVALID_REQUEST.value, str(error)) from None
        self._granted.set(grant)

    def choose(self, deployments: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Those of a model's engines that the request may reach: the tenant's own where it has some, else the shared.

        Raises:
            RefusedError: None of them.
        """
        grant = self._granted.get()
        tenant = grant.tenant if grant else None
        candidates = [(self._engine(_parameters(each)), each) for each in deployments]
        own = [each for engine, each in candidates if tenant is not None and engine.tenant == tenant]
        shared = [each for engine, each in candidates if engine.tenant is None]
        if not own and not shared:
            raise RefusedError(Situation.NOT_PERMITTED.value, "no engine of the model is open to this tenant")
        return own or shared

    def verify(self, request: Mapping[str, Any]) -> None:
        """Judge a request as it is sent.

        Raises:
            RefusedError: It would reach an engine that is not its tenant's, or without its tenant's salt.
        """
        engine = self._engine(request)
        if engine.tenant is None and engine.model not in self._domains.isolated:
            return
        grant = self._granted.get()
        if grant is None or engine.model != grant.model or engine.tenant not in (None, grant.tenant):
            raise RefusedError(Situation.INTERNAL.value, "the request would reach an engine that is not its tenant's")
        if pinned_salt(cast("Request", request)) != grant.salt:
            raise RefusedError(Situation.INTERNAL.value, "the request has lost its tenant's salt")

    def sign(self, request: Request) -> None:
        """Have a request say whose it is, to whatever shares the model's engines out; changed in place."""
        name_tenant(request, self._tenant.get())

    def _engine(self, parameters: Mapping[str, Any]) -> Engine:
        engine = self._domains.engines.get(str(parameters.get("api_base")))
        if engine is None:
            raise RefusedError(Situation.INTERNAL.value, "the request would leave for an address that is no engine's")
        return engine


def _parameters(deployment: Mapping[str, Any]) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", deployment["litellm_params"])
