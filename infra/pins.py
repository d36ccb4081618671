"""Every version, image and floor that the platform deploys, each with its reason.

A version stands here and nowhere else; the lab builds images under these references.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ImagePin:
    """A container image: `registry/repository:tag`.

    Attributes:
        registry: The registry's host, which `bulkhead:sources.mirror` replaces.
        repository: The path in the registry.
        tag: An exact version, never a moving name.
        reason: Why this version.
    """

    registry: str
    repository: str
    tag: str
    reason: str

    def reference(self, mirror: str | None = None) -> str:
        """The full reference, taken from `mirror` (a host with an optional path) when there is one."""
        return f"{mirror or self.registry}/{self.repository}:{self.tag}"


@dataclass(frozen=True)
class ChartPin:
    """A Helm chart in an OCI registry.

    Attributes:
        registry: The registry's host, which `bulkhead:sources.mirror` replaces.
        repository: The path in the registry, ending in the chart's name.
        version: The chart's exact version.
        reason: Why this version.
    """

    registry: str
    repository: str
    version: str
    reason: str


KUEUE_CHART = ChartPin(
    "registry.k8s.io", "kueue/charts/kueue", "0.19.2", "v1beta2 is its storage version, which the queues are written in"
)
KUEUE_IMAGE = ImagePin(
    "registry.k8s.io", "kueue/kueue", "v0.19.2", "the chart's own default is a staging tag that is always pulled"
)
VLLM_IMAGE = ImagePin(
    "docker.io",
    "vllm/vllm-openai",
    "v0.33.0",
    "GHSA-5r3c-5x4v-8gjh is fixed in 0.33.0; every earlier advisory before it",
)
VLLM_CPU_IMAGE = ImagePin(
    "public.ecr.aws",
    "q9t5s3a7/vllm-cpu-release-repo",
    "v0.32.0",
    "newest CPU build to be had; CVE-2026-115911 is fixed in 0.32.0",
)
LITELLM_IMAGE = ImagePin(
    "ghcr.io",
    "berriai/litellm-database",
    "v1.106.2",
    "newest that is not reported compromised; CVE-2026-49468 (Host-header bypass) is fixed in 1.84.0",
)
POSTGRES_IMAGE = ImagePin(
    "docker.io",
    "library/postgres",
    "15-bookworm",
    "the oldest major version that LiteLLM's migrations are tested on here",
)
REDIS_IMAGE = ImagePin(
    "docker.io", "library/redis", "7.0-bookworm", "LiteLLM's rate limits need Redis 7 for its scripts"
)

VLLM_FLOOR = (0, 32, 0)
"""The oldest vLLM that may be deployed: `VLLM_FLOOR_ADVISORY` is fixed in it."""
VLLM_FLOOR_ADVISORY = "CVE-2026-115911 (denial of service through a chat template)"
LITELLM_FLOOR = (1, 84, 0)
"""The oldest LiteLLM that may be deployed: `LITELLM_FLOOR_ADVISORY` is fixed in it."""
LITELLM_FLOOR_ADVISORY = "CVE-2026-49468 (authentication bypass by the Host header)"
