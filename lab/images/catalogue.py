"""The images that the lab builds: under which production reference, out of which layers, started how."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from infra import pins
from lab.images.archive import RuntimeConfiguration
from lab.images.layer import BUILD_PATH, LayerRecipe
from lab.images.vllm.cuda_stubs import write_stubs
from lab.images.vllm.tiny_model import write_embedding_model, write_model

TINY_MODEL = "/models/tiny"
"""Where the vLLM image holds its own model, so that no model hub is needed."""
EMBEDDING_MODEL = "/models/tiny-embedder"
"""Where it holds one that embeds."""


class ImageName(StrEnum):
    """The images, by their recipe's folder."""

    POSTGRES = "postgres"
    REDIS = "redis"
    LITELLM = "litellm"
    NGINX = "nginx"
    VLLM = "vllm"
    PROMETHEUS = "prometheus"
    REDIS_EXPORTER = "redis_exporter"
    POSTGRES_EXPORTER = "postgres_exporter"


@dataclass(frozen=True)
class Image:
    """One image.

    Attributes:
        name: Which.
        pin: The production image whose reference and interface it takes.
        top: Its uppermost layer.
        configuration: What its containers start with.
        gigabytes: Disk space that its build takes at its peak, in 10^9 bytes.
        tools: Programs that its build needs beside those of every build.
    """

    name: ImageName
    pin: pins.ImagePin
    top: LayerRecipe
    configuration: RuntimeConfiguration
    gigabytes: float
    tools: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """The reference that manifests use."""
        return self.pin.reference()


def _finish_postgres(tree: Path) -> None:
    # Not by the recipe, for which /run is a file system that ends with it.
    sockets = tree / "run/postgresql"
    sockets.mkdir(parents=True)
    sockets.chmod(0o1777)


def _finish_vllm(tree: Path) -> None:
    write_model(tree / TINY_MODEL.lstrip("/"))
    write_embedding_model(tree / EMBEDDING_MODEL.lstrip("/"))
    packages = tree / "opt/venv/lib/python3.11/site-packages"
    write_stubs(packages / "torch/lib", packages / "nvidia/cu13/lib")


DEBIAN = LayerRecipe("debian", "Debian 12 base system")
PYTHON = LayerRecipe("python", "Python 3.11", DEBIAN)
_SYSTEM_PATH = BUILD_PATH.removeprefix("/opt/venv/bin:")
_PRISMA = "/opt/prisma"
_LITELLM = LayerRecipe(
    "litellm",
    f"LiteLLM {pins.LITELLM_IMAGE.tag.removeprefix('v')}",
    PYTHON,
    environment={
        # Where Prisma's client and command line look for what they otherwise download.
        "PRISMA_BINARY_CACHE_DIR": _PRISMA,
        "PRISMA_QUERY_ENGINE_BINARY": f"{_PRISMA}/query-engine.mjs",
        "PRISMA_SCHEMA_ENGINE_BINARY": f"{_PRISMA}/schema-engine.mjs",
        "PRISMA_CLI_QUERY_ENGINE_TYPE": "binary",
        "PRISMA_HIDE_UPDATE_MESSAGE": "1",
        "CHECKPOINT_DISABLE": "1",
    },
)
_VLLM = LayerRecipe("vllm", f"vLLM {pins.VLLM_CPU_IMAGE.tag.removeprefix('v')} for CPUs", PYTHON, finish=_finish_vllm)

IMAGES: dict[ImageName, Image] = {
    image.name: image
    for image in (
        Image(
            ImageName.POSTGRES,
            pins.POSTGRES_IMAGE,
            LayerRecipe("postgres", "PostgreSQL 15", DEBIAN, finish=_finish_postgres),
            RuntimeConfiguration(
                entrypoint=("docker-entrypoint.sh",),
                command=("postgres",),
                environment={
                    "PATH": f"{_SYSTEM_PATH}:/usr/lib/postgresql/15/bin",
                    "PGDATA": "/var/lib/postgresql/data",
                    "LANG": "C.UTF-8",
                },
            ),
            gigabytes=1.0,
        ),
        Image(
            ImageName.REDIS,
            pins.REDIS_IMAGE,
            LayerRecipe("redis", "Redis 7.0", DEBIAN),
            RuntimeConfiguration(
                entrypoint=("docker-entrypoint.sh",),
                command=("redis-server",),
                environment={"PATH": _SYSTEM_PATH},
                working_directory="/data",
            ),
            gigabytes=0.6,
        ),
        Image(
            ImageName.LITELLM,
            pins.LITELLM_IMAGE,
            _LITELLM,
            RuntimeConfiguration(
                entrypoint=("litellm",),
                command=("--port", "4000"),
                environment={"PATH": BUILD_PATH, "LANG": "C.UTF-8", **_LITELLM.environment},
                working_directory="/app",
            ),
            gigabytes=3.5,
        ),
        Image(
            ImageName.NGINX,
            pins.NGINX_IMAGE,
            LayerRecipe("nginx", "nginx 1.22", DEBIAN),
            RuntimeConfiguration(
                entrypoint=("nginx",),
                command=("-g", "daemon off;"),
                environment={"PATH": _SYSTEM_PATH},
                stop_signal="SIGQUIT",
            ),
            gigabytes=0.6,
        ),
        Image(
            ImageName.VLLM,
            pins.VLLM_CPU_IMAGE,
            _VLLM,
            RuntimeConfiguration(
                entrypoint=("vllm", "serve"),
                environment={"PATH": BUILD_PATH, "LANG": "C.UTF-8"},
                working_directory="/workspace",
            ),
            gigabytes=9.0,
            tools=("gcc", "nm", "readelf"),
        ),
        Image(
            ImageName.PROMETHEUS,
            pins.PROMETHEUS_IMAGE,
            LayerRecipe("prometheus", "Prometheus 2.42", DEBIAN),
            RuntimeConfiguration(
                entrypoint=("/bin/prometheus",),
                environment={"PATH": _SYSTEM_PATH},
                working_directory="/prometheus",
            ),
            gigabytes=0.8,
        ),
        Image(
            ImageName.REDIS_EXPORTER,
            pins.REDIS_EXPORTER_IMAGE,
            LayerRecipe("redis_exporter", "the exporter of Redis' metrics", DEBIAN),
            RuntimeConfiguration(entrypoint=("/redis_exporter",), environment={"PATH": _SYSTEM_PATH}),
            gigabytes=0.6,
        ),
        Image(
            ImageName.POSTGRES_EXPORTER,
            pins.POSTGRES_EXPORTER_IMAGE,
            LayerRecipe("postgres_exporter", "the exporter of PostgreSQL's metrics", DEBIAN),
            RuntimeConfiguration(entrypoint=("/bin/postgres_exporter",), environment={"PATH": _SYSTEM_PATH}),
            gigabytes=0.6,
        ),
    )
}
