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

    def url(self, mirror: str | None = None) -> str:
        """The chart's address without a version, taken from `mirror` when there is one."""
        return f"oci://{mirror or self.registry}/{self.repository}"


KUEUE_CHART = ChartPin(
    "registry.k8s.io", "kueue/charts/kueue", "0.19.2", "v1beta2 is its storage version, which the queues are written in"
)
KUEUE_IMAGE = ImagePin(
    "registry.k8s.io", "kueue/kueue", "v0.19.2", "the chart's own default is a staging tag that is always pulled"
)
KYVERNO_CHART = ChartPin(
    "ghcr.io",
    "kyverno/charts/kyverno",
    "3.9.2",
    "Kyverno 1.19.2, in which five ways from writing a namespaced policy to cluster-admin are fixed (CVE-2026-122303,"
    " -122304, -122310, -122313, -124440)",
)
KYVERNO_IMAGE = ImagePin(
    "reg.kyverno.io",
    "kyverno/kyverno",
    "v1.19.2",
    "the release that the pinned chart belongs to; a chart from a folder names its own",
)
KYVERNO_INIT_IMAGE = ImagePin(
    "reg.kyverno.io",
    "kyverno/kyvernopre",
    "v1.19.2",
    "the release that the pinned chart belongs to; a chart from a folder names its own",
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
ENDPOINT_PICKER_IMAGE = ImagePin(
    "ghcr.io",
    "llm-d/llm-d-router-endpoint-picker",
    "v0.10.0",
    "newest release whose configuration and flags were read in its source; llm-d's own name for it since 0.9",
)
LITELLM_IMAGE = ImagePin(
    "ghcr.io",
    "berriai/litellm-database",
    "v1.106.2",
    "newest that is not reported compromised, as 1.107.0 is; in which version CVE-2026-114612 is fixed was not seen",
)
NGINX_IMAGE = ImagePin(
    "docker.io",
    "nginxinc/nginx-unprivileged",
    "1.30.6-alpine-slim",
    "newest stable build seen; CVE-2026-93479 (string expressions) is fixed in 1.30.6, and it stops by SIGQUIT; what it"
    " is given holds for Debian's 1.22.1, too, which the lab runs under this tag",
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
PROMETHEUS_IMAGE = ImagePin(
    "quay.io",
    "prometheus/prometheus",
    "v3.13.5",
    "the line with the most patch releases; what it is given holds for Prometheus 2.42, too, which the lab runs",
)
REDIS_EXPORTER_IMAGE = ImagePin(
    "docker.io", "oliver006/redis_exporter", "v1.97.0", "newest; the metrics used here have had these names since 1.0"
)
POSTGRES_EXPORTER_IMAGE = ImagePin(
    "quay.io",
    "prometheuscommunity/postgres-exporter",
    "v0.20.1",
    "newest; the metrics used here have had these names since 0.9",
)

IMAGES = {
    "Kueue": KUEUE_IMAGE,
    "Kyverno": KYVERNO_IMAGE,
    "Kyverno's first container": KYVERNO_INIT_IMAGE,
    "vLLM on GPUs": VLLM_IMAGE,
    "vLLM on CPUs": VLLM_CPU_IMAGE,
    "the endpoint picker": ENDPOINT_PICKER_IMAGE,
    "LiteLLM": LITELLM_IMAGE,
    "nginx": NGINX_IMAGE,
    "PostgreSQL": POSTGRES_IMAGE,
    "Redis": REDIS_IMAGE,
    "Prometheus": PROMETHEUS_IMAGE,
    "the exporter of Redis' metrics": REDIS_EXPORTER_IMAGE,
    "the exporter of PostgreSQL's metrics": POSTGRES_EXPORTER_IMAGE,
}
"""Every image that a stack can deploy, by what it is."""

CHARTS = {"Kueue's chart": KUEUE_CHART, "Kyverno's chart": KYVERNO_CHART}
"""Every chart that a stack can install, by what it is."""

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
        refused: Newer versions that are not let through either, each with what is known against it.
    """

    version: tuple[int, int, int]
    advisory: str
    open: str = ""
    refused: tuple[tuple[tuple[int, int, int], str], ...] = ()


VLLM_FLOOR = FloorPin((0, 33, 0), "GHSA-5r3c-5x4v-8gjh")
VLLM_CPU_FLOOR = FloorPin(
    (0, 32, 0),
    "CVE-2026-115911 (denial of service through a chat template)",
    "GHSA-5r3c-5x4v-8gjh, fixed in 0.33.0, is open here: no newer CPU build is to be had. Serve models on CPUs to"
    " tenants who trust each other only, and raise this floor with the next build.",
)
LITELLM_FLOOR = FloorPin(
    (1, 106, 2),
    "CVE-2026-114612 (rated 9.9, October 2026)",
    "In which version CVE-2026-114612 is fixed was not seen: the newest that can be had and that nothing is reported of"
    " is the oldest let through. Raise this floor as soon as the fix is known.",
    (((1, 107, 0), "it is reported compromised, and nobody has confirmed or refuted that"),),
)

NGINX_FLOOR = FloorPin(
    (1, 30, 6),
    "CVE-2026-93479 (buffer overflow when evaluating string expressions)",
    "CVE-2026-123007 and CVE-2026-123633 (HTTP/2), fixed in 1.30.7, cannot be reached: the edge speaks HTTP/1.1 alone."
    " Raise this floor with the next build.",
)

KYVERNO_FLOOR = FloorPin(
    (1, 19, 1),
    "releases before 1.19 lack ValidatingPolicy as it is written here",
    "CVE-2026-122303 and four more, fixed in 1.19.2, which the lab cannot build: who may write Kyverno's namespaced"
    " policies reaches cluster-admin. Nobody but administrators may here: no role of a tenant has a verb on them.",
)

FLOORS = {
    "Kyverno": KYVERNO_FLOOR,
    "vLLM on GPUs": VLLM_FLOOR,
    "vLLM on CPUs": VLLM_CPU_FLOOR,
    "LiteLLM": LITELLM_FLOOR,
    "nginx": NGINX_FLOOR,
}
"""Every floor, by the image that it holds for."""
