"""What LiteLLM counts for a scraper, as a part of its configuration. Pure.

A series says which tenant and which model, and nothing else of who asked: no key or its digest, user, address or client
program. LiteLLM bounds the names of models that callers make up; the labels here are therefore few and finite.
"""

from typing import Any

TENANT = "team_alias"
"""A tenant's team bears its name."""
MODEL = "requested_model"

SERIES = {
    "requests": (["litellm_proxy_total_requests_metric"], [TENANT, MODEL, "status_code"]),
    "usage": (
        ["litellm_input_tokens_metric", "litellm_output_tokens_metric", "litellm_spend_metric"],
        [TENANT, MODEL],
    ),
    "latency": (
        ["litellm_llm_api_time_to_first_token_metric", "litellm_request_total_latency_metric"],
        [TENANT, MODEL],
    ),
}
"""Group → its metrics and the labels that they keep; whatever is not here is not counted."""

LATENCY_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds; the last is the longest that a request may take."""


def metrics_settings() -> dict[str, Any]:
    """The part of `litellm_settings` that switches the metrics on.

    Whoever reaches the port may read them: the pod lets nobody else to LiteLLM's own port, and a key for the scraper
    would be one more that opens models.
    """
    return {
        "callbacks": ["prometheus"],
        "prometheus_latency_buckets": list(LATENCY_BUCKETS),
        "prometheus_metrics_config": [
            {"group": group, "metrics": metrics, "include_labels": labels}
            for group, (metrics, labels) in SERIES.items()
        ],
        "require_auth_for_metrics_endpoint": False,
    }
