"""The paths that the gateway opens: to tenants, to those who administer it, and to the scraper of its metrics.

One list for all who need it: the edge in front of LiteLLM, the Gateway API route, and the routes of a tenant's key.
Every path is exact. LiteLLM itself serves some eight hundred; what is not listed here does not exist for anybody
outside the gateway's pod.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Route:
    """One path and the one method that it is called with."""

    path: str
    method: str


COMPLETION_PATHS = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/messages", "/v1/responses")
"""What LiteLLM serves from vLLM: OpenAI's interface, and Anthropic's messages.

A stored response (`GET` and `DELETE /v1/responses/ID`) is not opened: LiteLLM checks its owner only where it made the
id itself, and not at all for the ids of its polling mode, and vLLM stores none.
"""

MODELS_PATH = "/v1/models"

KEY_PATHS = tuple(sorted((*COMPLETION_PATHS, MODELS_PATH)))
"""The same paths as LiteLLM's `allowed_routes` of a tenant's key takes them: by prefix, so that `/v1/responses` opens
`/v1/responses/ID/cancel` too, which the exact list in front does not."""

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


def tenant_routes(models: Iterable[str]) -> tuple[Route, ...]:
    """All that a tenant's key may call where these models are served, sorted."""
    return tuple(
        sorted(
            [
                *(Route(path, "POST") for path in COMPLETION_PATHS),
                Route(MODELS_PATH, "GET"),
                *(Route(f"{MODELS_PATH}/{model}", "GET") for model in models),
            ]
        )
    )
