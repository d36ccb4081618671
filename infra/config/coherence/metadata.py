"""Metadata of tenants: none under a name by which LiteLLM or the platform itself would take it for something else."""

from collections.abc import Iterator

from infra.config.coherence.names import PLATFORM_PREFIX
from infra.config.draft import Draft, at
from infra.config.problem import Problem

LITELLM_METADATA = frozenset(
    {
        "arguments",
        "cache",
        "citations",
        "cost",
        "deployment",
        "description",
        "filename",
        "guardrails",
        "headers",
        "id",
        "input",
        "llm",
        "logging",
        "model",
        "name",
        "opik",
        "output",
        "parameters",
        "permissions",
        "policies",
        "priority",
        "prompt",
        "prompts",
        "semantic-cache-embedding",
        "semantic-similarity",
        "source",
        "status",
        "tags",
        "temperature",
        "title",
        "uri",
        "usage",
        "user",
        "version",
        "x-amz-bedrock-kb-chunk-id",
        "x-amz-bedrock-kb-data-source-id",
        "x-amz-bedrock-kb-source-uri",
    }
)
"""Names without an underscore that LiteLLM 1.106.2 reads anywhere from something called metadata, as `guardrails`,
which sets the tenant's; its other names have an underscore, which no name here can have."""

PLATFORM_METADATA = frozenset({"tenant"})
"""By what the reconciler knows its own teams and keys; its other names have an underscore."""


def check_metadata(draft: Draft) -> Iterator[Problem]:
    """Names that are LiteLLM's own or the platform's."""
    for index, tenant in draft.tenants.read.items():
        for name in tenant.metadata:
            if name in LITELLM_METADATA:
                yield Problem(
                    at("tenants", index, "metadata", name),
                    f"LiteLLM itself reads `{name}` from metadata",
                    "the value would be taken as a setting of LiteLLM's and might change what the tenant may do",
                    f"another name, as `our-{name}`",
                )
            elif name in PLATFORM_METADATA or name.startswith(PLATFORM_PREFIX):
                yield Problem(
                    at("tenants", index, "metadata", name),
                    f"`{name}` is a name that the platform keeps for itself",
                    "the account could not be told from those that others have made",
                    f"another name, as `our-{name}`",
                )
