"""What a tenant must not get with its own key: what the key does not open, and answers past its budget. Pure.

Each refusal needs its reason: the gateway's own code for it (docs/reference/errors.md). None of them reaches an engine
where the gateway refuses it, and what one that got through would cost is the answer of one token.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.audit.budgets.door import Port, Reply, Request
from infra.audit.results import Outcome
from infra.blueprint.model import TenantPart
from infra.config.trust import ControlId

CHAT = "/v1/chat/completions"
MODELS = Request("GET", "/v1/models")
UNKNOWN_KEY = {401: "invalid_api_key"}
NOBODY = "bulkhead-audit-nobody"
"""A team that does not exist, so that a change of it that is let through changes nothing."""
_ANY = ""
_UNKNOWN_PATH = {404: "unknown_url"}
_NO_ADMINISTRATOR = {401: _ANY, 403: _ANY}


@dataclass(frozen=True)
class Attempt:
    """One request that must be refused.

    Attributes:
        case: Its id.
        control: The control that refuses it.
        about: What it is.
        request: The request.
        refusals: Status → the error's code, of the refusals that are the control's own.
    """

    case: str
    control: ControlId
    about: str
    request: Request
    refusals: Mapping[int, str] = field(default_factory=dict[int, str])


def chat(model: str, **more: Any) -> Request:
    """The smallest request to a model."""
    body = {"model": model, "messages": [{"role": "user", "content": "a"}], "max_tokens": 1, **more}
    return Request("POST", CHAT, body)


def attempts_of(tenant: TenantPart, models: tuple[str, ...]) -> Iterator[Attempt]:
    """Everything that a tenant tries with its own key.

    Args:
        tenant: The tenant.
        models: Every model of the platform.
    """
    own = tenant.models[0]
    other = next((model for model in models if model not in tenant.models), None)
    if other is not None:
        about = f"{other}, which its record does not open"
        yield Attempt("model-of-others", ControlId.AC1, about, chat(other), {404: "model_not_found"})
    for control, name, value, about in (
        (ControlId.AC1, "fallbacks", [other or own], "another model in place of the one that it may call"),
        (ControlId.AC2, "input_cost_per_token", 0, "a price of its own choice"),
        (ControlId.AC2, "mock_response", "a", "an answer that nobody is charged for"),
    ):
        yield Attempt(f"sets-{name}", control, about, chat(own, **{name: value}), {400: "parameter_not_allowed"})
    for case, about, request in (
        ("makes-a-key", "a key of its own making", Request("POST", "/key/generate", {})),
        ("reads-the-settings", "LiteLLM's settings", Request("GET", "/config/list")),
        ("passes-by", "an engine past LiteLLM's counting", Request("POST", "/vllm/v1/completions", {})),
    ):
        yield Attempt(case, ControlId.AC1, about, request, _UNKNOWN_PATH)
    yield Attempt(
        "raises-a-budget",
        ControlId.AC1,
        "a change of a budget, where the gateway is administered",
        Request("POST", "/team/update", {"team_id": NOBODY}, Port.ADMINISTRATION),
        _NO_ADMINISTRATOR,
    )


def judged(attempt: Attempt, reply: Reply) -> Outcome:
    """What an answer says."""
    if attempt.refusals.get(reply.status) in {_ANY, reply.code}:
        return Outcome.HOLDS
    # Administration is asked by whom first: any answer but a refusal comes after the key was found good.
    beyond = attempt.request.port is Port.ADMINISTRATION and 0 < reply.status < 500
    return Outcome.FAILS if reply.granted or beyond else Outcome.UNPROVEN
