"""The paths that the gateway opens: to tenants, to those who administer it, and to the scraper of its metrics.

One list for all who need it: the edge in front of LiteLLM, the Gateway API route, and the routes of a tenant's key.
Every path is exact, but for the names of models, which one pattern takes. LiteLLM itself serves some eight hundred;
what is not listed here does not exist for anybody outside the gateway's pod.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from infra.config.forms import NAME_MAX_LENGTH
from infra.config.tenants import TenantRoute


@dataclass(frozen=True, order=True)
class Route:
    """One path and the one method that it is called with."""

    path: str
    method: str


MODELS_PATH = "/v1/models"

MODEL_NAME = rf"[a-z][-a-z0-9]{{0,{NAME_MAX_LENGTH - 1}}}"
"""Below `MODELS_PATH`, one name: any that a model of some stack file could have, whether or not one is served.

Naming those that are served would tell whoever asks which they are. The pattern is one that nginx and Python read
alike, and nothing that it takes is written in two ways in an address.
"""

ROUTE_PATHS: Mapping[TenantRoute, str] = {
    TenantRoute.CHAT: "/v1/chat/completions",
    TenantRoute.COMPLETIONS: "/v1/completions",
    TenantRoute.EMBEDDINGS: "/v1/embeddings",
    TenantRoute.MESSAGES: "/v1/messages",
    TenantRoute.MODELS: MODELS_PATH,
    TenantRoute.RESPONSES: "/v1/responses",
}
"""What each route of a tenant's record opens, as LiteLLM's `allowed_routes` of its key takes it: by prefix, so that
`/v1/responses` opens `/v1/responses/ID/cancel` too, which the exact list in front does not."""

COMPLETION_PATHS = tuple(sorted(path for path in ROUTE_PATHS.values() if path != MODELS_PATH))
"""What LiteLLM serves from vLLM: OpenAI's interface, and Anthropic's messages.

A stored response (`GET` and `DELETE /v1/responses/ID`) is not opened: LiteLLM checks its owner only where it made the
id itself, and not at all for the ids of its polling mode, and vLLM stores none.
"""

PROMPT_PATH = ROUTE_PATHS[TenantRoute.COMPLETIONS]
"""Where an audit puts its prompts: without a chat template in front, so that two of them have nothing in common but
what they were given."""

KEY_PATHS = tuple(sorted(ROUTE_PATHS.values()))
"""All that a tenant's key may open. A key without a list may call every route that LiteLLM counts as inference, and
with them pass-through routes on which no hook runs."""


def key_paths(routes: Iterable[TenantRoute]) -> tuple[str, ...]:
    """What a key opens whose tenant's record has these routes, sorted."""
    return tuple(sorted(ROUTE_PATHS[route] for route in routes))


def route_name(path: str) -> str:
    """What a stack file calls the path of a key; the path itself where no record can open it."""
    return next((str(route) for route, opened in ROUTE_PATHS.items() if opened == path), path)


HEALTH_PATH = "/health"
"""Answered by the edge alone: it tells that a replica accepts connections, not that LiteLLM or a model works.

Inside the pod, the way to the engines answers it as well, for itself alone.
"""

METRICS_PATH = "/metrics"

ADMIN_ROUTES = (
    Route("/health/readiness", "GET"),
    Route("/key/block", "POST"),
    Route("/key/generate", "POST"),
    Route("/key/info", "GET"),
    Route("/key/list", "GET"),
    Route("/key/update", "POST"),
    Route("/team/daily/activity", "GET"),
    Route("/team/info", "GET"),
    Route("/team/new", "POST"),
    Route("/team/update", "POST"),
    Route("/v2/team/list", "GET"),
)
"""What the tenants' reconciler, `bulkhead tenants` and an operator with a leaked key call, with the master key."""


TENANT_ROUTES = tuple(sorted([*(Route(path, "POST") for path in COMPLETION_PATHS), Route(MODELS_PATH, "GET")]))
"""All that the edge opens to tenants by exact paths, sorted; beside them it opens a model's name, with `GET`."""
