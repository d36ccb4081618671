"""Cases of the rules over how engines run; what a hand makes there is refused by its namespace, too."""

from typing import Any

import yaml

from infra.guard import GuardedResource
from tests.unit.guard.cases import Cases
from tests.unit.guard.stack import ENGINE_PATH, ENGINES, config_map, workload

PLACE = "engines-namespace-is-the-platforms"
KEY = [{"name": "VLLM_API_KEY", "valueFrom": {"secretKeyRef": {"name": "engine", "key": "api-key"}}}]
SALTED, OFF, OF_RESEARCH = "engine-llama-8b", "engine-qwen-14b", "engine-embeddings-research-77fb5a51"
DEPLOYMENT = "apps/v1:Deployment"
NO_CACHE = "--no-enable-prefix-caching"
NO_MEDIA_CACHE = ("--mm-processor-cache-gb", "0")
LIMIT = "--limit-mm-per-prompt"
NO_MEDIA = (LIMIT, '{"audio":0,"image":0,"video":0,"vision_chunk":0}')
KEYS_FILE = "/etc/bulkhead/engine/accepted-keys.yaml"


def engine(
    name: str,
    *arguments: str,
    by: str = ENGINE_PATH,
    env: Any = KEY,
    namespace: str = ENGINES,
    kind: str = DEPLOYMENT,
    media: tuple[str, ...] | None = None,
) -> GuardedResource:
    """An engine that does with media what its name asks for, unless `media` says otherwise."""
    written = (NO_MEDIA if name == SALTED else NO_MEDIA_CACHE) if media is None else media
    every = ["/models/weights", *written, *arguments]
    container = {"name": "engine", "command": ["vllm", "serve"], "args": every, "env": env}
    return workload(container, namespace, kind=kind, name=name, by=by)


def shell(script: str) -> GuardedResource:
    return workload({"command": ["sh", "-c", script], "env": KEY}, ENGINES, kind=DEPLOYMENT)


def without_command(*arguments: str, env: Any = KEY) -> GuardedResource:
    every = [*NO_MEDIA_CACHE, *arguments]
    container = {"image": "docker.io/vllm/vllm-openai:v99.0.0", "args": every, "env": env}
    return workload(container, ENGINES, kind=DEPLOYMENT)


def by_hand(*arguments: str, env: Any = KEY) -> GuardedResource:
    return engine("engine-web", *arguments, by="", env=env)


def picker(*plugins: str, by: str = ENGINE_PATH) -> GuardedResource:
    document = {"kind": "EndpointPickerConfig", "plugins": [{"type": plugin} for plugin in plugins]}
    return config_map("picker-llama-8b-1", ENGINES, by=by, config__yaml=yaml.safe_dump(document))


STAGING = workload(
    {"image": "docker.io/vllm/vllm-openai:v99.0.0", "command": ["hf", "download", "example/llama"]},
    ENGINES,
    kind=DEPLOYMENT,
    name=SALTED,
    by=ENGINE_PATH,
)
CASES = {
    "engines-want-a-key": Cases(
        passing=(engine(SALTED), engine(SALTED, "--config", KEYS_FILE, env=[]), STAGING),
        refused=(
            engine(SALTED, "--api-key", "sk-in-clear"),
            by_hand(NO_CACHE, env=[]),
            without_command(NO_CACHE, env=[]),
            engine(SALTED, env=[*KEY, {"name": "VLLM_SERVER_DEV_MODE", "value": "1"}]),
        ),
        silent=(
            engine("web", by="", env=[], namespace="web"),
            engine(SALTED, NO_CACHE, env=[], kind=f"{DEPLOYMENT}Patch", by=""),
        ),
        lacking=(engine(SALTED, env=[]),),
        others=frozenset({PLACE}),
    ),
    "engines-read-no-other-file": Cases(
        passing=(engine(SALTED, "--config", KEYS_FILE),),
        refused=(engine(SALTED, "--config", "/tmp/other.yaml"), by_hand(NO_CACHE, "--config=/tmp/other.yaml")),  # noqa: S108
        silent=(engine(SALTED), engine(SALTED, "--config", "/x", namespace="web")),
        lacking=(engine(SALTED, "--config"),),
        others=frozenset({PLACE}),
    ),
    "prefixes-are-kept-apart": Cases(
        passing=(
            engine(SALTED, "--prefix-caching-hash-algo", "sha256"),
            engine(OF_RESEARCH),
            engine(OFF, NO_CACHE),
            engine("web", by="", namespace="web"),
        ),
        refused=(
            engine(OFF, NO_CACHE, "--enable-prefix-caching"),
            engine(OFF, "--enable_prefix_caching"),
            engine(SALTED, "--prefix-caching-hash-algo", "xxhash"),
            engine(SALTED, "--prefix_caching_hash_algo=builtin"),
            by_hand("--enable-prefix-caching"),
            engine(SALTED, "--enable-prefix-caching", kind=f"{DEPLOYMENT}Patch", by="", media=NO_MEDIA_CACHE),
            shell("exec vllm serve /models/weights --mm-processor-cache-gb 0"),
            without_command(),
        ),
        silent=(engine(SALTED),),
        lacking=(engine(OFF), by_hand()),
        others=frozenset({PLACE}),
    ),
    "media-are-kept-apart": Cases(
        passing=(
            engine(SALTED),
            engine(OFF, NO_CACHE),
            engine(OF_RESEARCH, media=()),
            engine(OF_RESEARCH, media=(LIMIT, '{"image":8}')),
            engine(SALTED, media=(f"{LIMIT}={NO_MEDIA[1]}",)),
            engine("web", by="", namespace="web", media=()),
        ),
        refused=(
            engine(SALTED, media=(LIMIT, '{"audio":0,"image":8,"video":0,"vision_chunk":0}')),
            engine(SALTED, media=(LIMIT, '{"audio":0,"image":0,"video":0}')),
            engine(SALTED, media=NO_MEDIA_CACHE),
            engine(SALTED, f"{LIMIT}.image", "8"),
            engine(SALTED, "--limit-mm-per", '{"image":8}'),
            engine(SALTED, LIMIT, '{"image":8}'),
            engine(SALTED, "--enable-mm-embeds"),
            engine(OFF, NO_CACHE, "--mm-processor-cache-gb", "4"),
            engine(OFF, NO_CACHE, "--mm_processor_cache_gb=4"),
            engine(OFF, NO_CACHE, "--mm-processor-cache-g", "4"),
            engine(SALTED, NO_CACHE, kind=f"{DEPLOYMENT}Patch", by="", media=NO_MEDIA),
            by_hand(NO_CACHE, "--mm-processor-cache-gb", "4"),
        ),
        silent=(without_command(NO_CACHE),),
        lacking=(engine(SALTED, media=()), engine(OFF, NO_CACHE, media=())),
        others=frozenset({PLACE}),
    ),
    "pickers-read-no-prompt": Cases(
        passing=(picker("queue-scorer", "max-score-picker"),),
        refused=(
            picker("prefix-cache-scorer"),
            picker("approx-prefix-cache-producer", "queue-scorer"),
            picker("prefix-cache-scorer", by=""),
        ),
        silent=(picker(), config_map("engine-llama-8b.door-1", ENGINES, by=ENGINE_PATH, nginx__conf="prefix")),
        others=frozenset({PLACE}),
    ),
    "no-tier-behind-shared-caches": Cases(
        passing=(
            engine(OF_RESEARCH, "--kv-offloading-size", "8", "--kv-offloading-backend", "native"),
            engine(SALTED, "--kv-cache-memory-bytes", "1024", "--kv-cache-dtype", "auto"),
        ),
        refused=(
            engine(SALTED, "--kv-transfer-config", '{"kv_connector":"LMCacheConnectorV1"}'),
            engine(SALTED, "--kv_transfer_config={}"),
            engine(SALTED, "--kv-offloading-size", "8"),
            engine(OF_RESEARCH, "--kv-transfer-config", "{}"),
            engine(SALTED, env=[*KEY, {"name": "LMCACHE_REMOTE_URL", "value": "lm://cache"}]),
            by_hand(NO_CACHE, "--kv-transfer-config", "{}"),
            engine(SALTED, "--kv-events-config", "{}"),
        ),
        silent=(engine(SALTED), engine("web", "--kv-transfer-config", "{}", by="", namespace="web")),
        others=frozenset({PLACE}),
    ),
}
