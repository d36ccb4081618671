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
    "15.18-bookworm",
    "the major version that LiteLLM's migrations are tested on here",
)
REDIS_IMAGE = ImagePin(
    "docker.io", "library/redis", "7.0.15-bookworm", "LiteLLM's rate limits need Redis 7 for its scripts"
)

IMAGES = {
    "Kueue": KUEUE_IMAGE,
    "vLLM on GPUs": VLLM_IMAGE,
    "vLLM on CPUs": VLLM_CPU_IMAGE,
    "LiteLLM": LITELLM_IMAGE,
    "PostgreSQL": POSTGRES_IMAGE,
    "Redis": REDIS_IMAGE,
}
"""Every image that a stack can deploy, by what it is."""

POD_SECURITY_VERSION = "v1.34"
"""The version of the Pod Security Standards that namespaces are held to.

An explicit one, so that an upgrade of the cluster refuses no pod by itself: the oldest of the three minor versions that
Kubernetes maintains up to the 1.36 that the lab runs. Newer clusters know the standards of older versions.
"""


@dataclass(frozen=True)
class FloorPin:
    """The oldest version of a program that may be deployed.

    Attributes:
        version: Major, minor and patch.
        advisory: What every older version is open to.
        open: What the floor itself is still open to, and why that is accepted; empty where nothing is known.
    """

    version: tuple[int, int, int]
    advisory: str
    open: str = ""


VLLM_FLOOR = FloorPin((0, 33, 0), "GHSA-5r3c-5x4v-8gjh")
VLLM_CPU_FLOOR = FloorPin(
    (0, 32, 0),
    "CVE-2026-115911 (denial of service through a chat template)",
    "GHSA-5r3c-5x4v-8gjh, fixed in 0.33.0, is open here: no newer CPU build is to be had. Serve models on CPUs to"
    " tenants who trust each other only, and raise this floor with the next build.",
)
LITELLM_FLOOR = FloorPin((1, 84, 0), "CVE-2026-49468 (authentication bypass by the Host header)")

FLOORS = {"vLLM on GPUs": VLLM_FLOOR, "vLLM on CPUs": VLLM_CPU_FLOOR, "LiteLLM": LITELLM_FLOOR}
"""Every floor, by the image that it holds for."""
