"""From typed options to vLLM's command line. Pure, so that every flag is a line in a test."""

import json

from infra.blueprint.model import EngineOptionsPart, EnginePart, HubWeights, ImageWeights
from infra.blueprint.names import ACCEPTED_KEYS_FILE, MEDIA_KINDS

ACCEPTED_KEYS_PATH, _, ACCEPTED_KEYS = ACCEPTED_KEYS_FILE.rpartition("/")
"""Where the file lies with the keys that are taken, and what it is called, there and in the Secret."""
WEIGHTS_PATH = "/models/weights"
"""Where weights from the hub are staged."""

SHUTDOWN_SECONDS = 60
"""How long requests under way may take to finish once an engine has been told to stop."""

NO_MEDIA_DOMAIN = "media.invalid"
"""The one domain that media may be fetched from. `invalid` never resolves (RFC 2606): a caller's URL must not make an
engine reach out, since it could name any address that the engine can reach. Media inside a request still works."""

NOTHING_KEPT = ("--no-enable-prefix-caching", "--mm-processor-cache-gb", "0")
"""With both, vLLM calls a medium by its request and its place there, so that nothing made of it is found again, in the
encoder's cache either, unless a caller gives it a name: that one is kept (`_process_mm_uuids` in its
`renderers/base.py`), so the gateway refuses it (`hooks/parameters.py`)."""

BYTES_PER_MEBIBYTE = 1024 * 1024


def model_path(part: EnginePart) -> str:
    """The folder inside the container that holds the weights."""
    match part.weights:
        case ImageWeights(path=path):
            return path
        case HubWeights():
            return WEIGHTS_PATH


def vllm_arguments(part: EnginePart) -> tuple[str, ...]:
    """The arguments of `vllm serve`.

    The API key is not among them: arguments can be read by whoever may list processes or pods. One comes by the
    environment; several, while they are changed, by a file, since vLLM takes only one from the environment.
    """
    return (
        model_path(part),
        "--served-model-name",
        part.model,
        "--host",
        "0.0.0.0",  # noqa: S104 - a pod has one address, and the Service has to reach it
        "--port",
        str(part.port),
        "--shutdown-timeout",
        str(SHUTDOWN_SECONDS),
        "--allowed-media-domains",
        NO_MEDIA_DOMAIN,
        # The faster algorithms can be made to collide, which would hand one prompt's computed beginning to another.
        "--prefix-caching-hash-algo",
        "sha256",
        *(() if part.keeps_prefixes else NOTHING_KEPT),
        *_option_arguments(part.options, _media_limit(part.media_per_request)),
        *(("--config", ACCEPTED_KEYS_FILE) if len(part.key_generations) > 1 else ()),
    )


def _media_limit(items: int | None) -> str | None:
    """A limit for each kind, as vLLM reads it; that of a kind which the model does not take is ignored."""
    return None if items is None else json.dumps(dict.fromkeys(MEDIA_KINDS, items), separators=(",", ":"))


def _option_arguments(options: EngineOptionsPart, media_limit: str | None) -> tuple[str, ...]:
    kv_cache = options.kv_cache_mebibytes
    valued: tuple[tuple[str, object | None], ...] = (
        ("--dtype", options.data_type),
        ("--load-format", options.load_format),
        ("--max-model-len", options.context_length),
        ("--quantization", options.quantization),
        ("--tensor-parallel-size", options.tensor_parallel_size if options.tensor_parallel_size > 1 else None),
        ("--max-num-seqs", options.concurrent_sequences),
        ("--gpu-memory-utilization", options.gpu_memory_utilization),
        ("--limit-mm-per-prompt", media_limit),
        ("--kv-offloading-size", options.kv_offload_gibibytes),
        ("--kv-offloading-backend", "native" if options.kv_offload_gibibytes else None),
        ("--kv-cache-memory-bytes", kv_cache * BYTES_PER_MEBIBYTE if kv_cache is not None else None),
    )
    switches = (("--enforce-eager", options.eager), ("--enable-lora", options.lora))
    return (
        *(text for flag, value in valued if value is not None for text in (flag, str(value))),
        *(flag for flag, on in switches if on),
    )
