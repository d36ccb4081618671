"""How engines run: their command lines and environments keep what the caches' controls ask, whoever writes them.

Flags are vLLM's. An engine that the stack file does not know is taken for one that tenants share and nobody salts for.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from infra.blueprint import names
from infra.blueprint.caches import served_by
from infra.blueprint.model import EnginePart
from infra.config.models import CacheIsolation
from infra.config.trust import ControlId
from infra.guard.model import Guard, GuardedResource
from infra.guard.pods import environment, every_container, words
from infra.guard.rule import ResourceRule
from infra.values import document, listed, mapping, texts_below

SERVERS = frozenset({"vllm", "vllm.entrypoints.api_server", "vllm.entrypoints.openai.api_server"})
KEY_VARIABLE = "VLLM_API_KEY"
DEVELOPMENT = "VLLM_SERVER_DEV_MODE"
COLLISION_FREE = ("sha256", "sha256_cbor")
TIER_FLAGS = ("--kv-", "--ec-")
"""What vLLM's flags of tiers behind the cache begin with, and of the encoder's; abbreviated ones, too."""
HARMLESS_TIER_FLAGS = ("--kv-cache-", "--kv-sharing-")
"""Those that begin so and size the engine's own cache, or fill it."""
NATIVE_OFFLOAD = frozenset({"--kv-offloading-size", "--kv-offloading-backend"})
"""Of the memory of the engine's own node, the one tier that a stack file can ask for."""
TIER_VARIABLES = ("LMCACHE_", "MOONCAKE_", "NIXL_", "VLLM_NIXL_", "VLLM_MOONCAKE_")
"""What the environment variables of connectors begin with."""
MEDIA_CACHE = "--mm-processor-cache-gb"
MEDIA_CACHE_BEGINS = "--mm-processor-cache-g"
"""How every abbreviation of it begins that no other flag shares."""
MEDIA_LIMIT = "--limit-mm-per-prompt"
MEDIA_LIMIT_BEGINS = "--limit-mm"
"""How its abbreviations begin, and the longer names by which vLLM takes one kind's limit (`….image`)."""
MEDIA_EMBEDDINGS_BEGIN = "--enable-mm"
"""How the flag begins with which what was made of media is taken in their place, whatever the limit."""
PICKER_KIND = "EndpointPickerConfig"
PICKER_PREFIX = "picker-"


def _servers(resource: GuardedResource) -> Iterator[Mapping[str, Any]]:
    """The containers among the engines that run vLLM's server."""
    if resource.is_kubernetes_object and resource.namespace == names.ENGINES_NAMESPACE:
        yield from filter(_serves, every_container(resource.properties))


def _serves(container: Mapping[str, Any]) -> bool:
    """By its command; where none is stated, by the image, which then has its own."""
    said = [word.rpartition("/")[2] for word in words(container)]
    image = str(container.get("image") or "").rpartition("/")[2]
    return not SERVERS.isdisjoint(said) or (not listed(container.get("command")) and "vllm" in image)


def _flags(container: Mapping[str, Any]) -> Mapping[str, str]:
    """Flags and their values; vLLM takes underscores for dashes."""
    found: dict[str, str] = {}
    for word, following in pairwise([*words(container), ""]):
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            found[name.replace("_", "-")] = value if equals else "" if following.startswith("--") else following
    return found


def _stated_flags(resource: GuardedResource) -> Iterator[Mapping[str, str]]:
    """The flags of each server; a patch without any leaves them as they are, and says nothing of them."""
    for flags in map(_flags, _servers(resource)):
        if flags or not resource.is_patch:
            yield flags


def _part_of(resource: GuardedResource, guard: Guard) -> EnginePart | None:
    return None if resource.by_hand else guard.engines.get(resource.object_name)


# --- keys -------------------------------------------------------------------------------------------------------


def _engines_want_a_key(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    del guard
    for container in _servers(resource):
        flags, variables = _flags(container), environment(container)
        if "--api-key" in flags:
            yield (
                "--api-key shows the engine's key to whoever lists pods, and with it the engine is called past the"
                f" gateway. Write: {KEY_VARIABLE} from a Secret"
            )
        elif KEY_VARIABLE not in variables and "--config" not in flags and not resource.is_patch:
            yield (
                "vLLM answers whoever reaches it, past the gateway's keys and budgets. Write:"
                f" {KEY_VARIABLE} from a Secret"
            )
        if str(variables.get(DEVELOPMENT, {}).get("value") or "0") != "0":
            yield (
                f"{DEVELOPMENT} opens paths that run what a caller sends and empty the cache. Write: no such variable"
            )


def _engines_read_no_other_file(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    del guard
    for container in _servers(resource):
        file = _flags(container).get("--config")
        if file is not None and file != names.ACCEPTED_KEYS_FILE:
            yield (
                f"--config {file} sets any of vLLM's options, where no rule sees them. Write: the options as arguments;"
                " bulkhead:models[].engine sets those of the platform's engines"
            )


# --- caches -----------------------------------------------------------------------------------------------------


def _prefixes_are_kept_apart(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    part = _part_of(resource, guard)
    scoped = part is not None and part.isolates_tenants and part.cache_isolation is not CacheIsolation.OFF
    for flags in _stated_flags(resource):
        keeps = "--no-enable-prefix-caching" not in flags or "--enable-prefix-caching" in flags
        if keeps and not scoped:
            yield (
                "it keeps the beginnings of prompts for whoever asks the same, and the gateway salts no request for it:"
                " by its speed one tenant learns what another has asked. Write: --no-enable-prefix-caching, or the"
                " model in bulkhead:models with cache_isolation"
            )
        algorithm = flags.get("--prefix-caching-hash-algo", COLLISION_FREE[0])
        if keeps and algorithm not in COLLISION_FREE:
            yield (
                f"--prefix-caching-hash-algo {algorithm} can be made to collide, which hands one tenant's computed"
                f" beginning to another. Write: {COLLISION_FREE[0]}"
            )


def _media_are_kept_apart(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    part = _part_of(resource, guard)
    scoped = part is not None and part.isolates_tenants and part.keeps_prefixes
    for flags in _stated_flags(resource):
        if not scoped and not _keeps_no_media(flags):
            yield (
                "it finds again what it has made of images, videos and sounds by their content: by its speed one tenant"
                f" learns what another has sent. Write: {MEDIA_CACHE} 0 beside --no-enable-prefix-caching"
            )
        if part is not None and not part.takes_media and not _takes_no_media(flags):
            yield (
                "tenants share it, and no salt keeps apart what it makes of their images, videos and sounds. Write:"
                f" {MEDIA_LIMIT} with 0 for each of {', '.join(names.MEDIA_KINDS)}, no other limit and no embeddings"
            )


def _keeps_no_media(flags: Mapping[str, str]) -> bool:
    """Whether nothing is found again by a medium's content; that callers name none is the gateway's to see to."""
    return [(name, flags[name]) for name in flags if name.startswith(MEDIA_CACHE_BEGINS)] == [(MEDIA_CACHE, "0")]


def _takes_no_media(flags: Mapping[str, str]) -> bool:
    if [name for name in flags if name.startswith((MEDIA_LIMIT_BEGINS, MEDIA_EMBEDDINGS_BEGIN))] != [MEDIA_LIMIT]:
        return False
    limits = document(flags[MEDIA_LIMIT])
    return limits.keys() >= set(names.MEDIA_KINDS) and all(limit == 0 for limit in limits.values())


def _pickers_read_no_prompt(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    if resource.group != "core" or resource.kind != "ConfigMap" or resource.namespace != names.ENGINES_NAMESPACE:
        return
    may = [
        part
        for part in guard.blueprint.engines
        if part.picker is not None and part.picker.scores_prefixes and not resource.by_hand
    ]
    if any(resource.object_name.startswith(f"{part.picker_name}-") for part in may):
        return
    for found in map(document, mapping(resource.properties.get("data")).values()):
        if found.get("kind") == PICKER_KIND and any("prefix" in text for text in texts_below(found)):
            yield (
                "it sends prompts that begin alike to one engine, where tenants tell each other's by their speed."
                " Write: a picker that scores load alone, as bulkhead:models[].routing makes it"
            )


def _no_tier_behind_shared_caches(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    part = _part_of(resource, guard)
    alone = part is not None and _has_a_tier_of_its_own(part, guard)
    for container in _servers(resource):
        flags = [name for name in _flags(container) if name.startswith(TIER_FLAGS)]
        tiers = [name for name in flags if not name.startswith(HARMLESS_TIER_FLAGS)]
        tiers = [name for name in tiers if not (alone and name in NATIVE_OFFLOAD)]
        tiers += [name for name in environment(container) if name.startswith(TIER_VARIABLES)]
        if tiers:
            yield (
                f"{', '.join(tiers)} puts a tier behind the cache, which leaves the tenant's salt out of its keys or"
                " carries them unencrypted: another tenant reads them back. Write: none of them; an engine of one"
                " tenant's own may have bulkhead:models[].engine.kv_offload_gibibytes"
            )


def _has_a_tier_of_its_own(part: EnginePart, guard: Guard) -> bool:
    return part.options.kv_offload_gibibytes is not None and len(served_by(guard.blueprint, part)) <= 1


RULES = (
    ResourceRule(
        "engines-want-a-key", (ControlId.SR1,), "vLLM answers nobody without the engine's key.", _engines_want_a_key
    ),
    ResourceRule(
        "engines-read-no-other-file",
        (ControlId.SR1, ControlId.KV1, ControlId.KV3),
        "vLLM takes its options from arguments, where they can be judged.",
        _engines_read_no_other_file,
    ),
    ResourceRule(
        "prefixes-are-kept-apart",
        (ControlId.KV1,),
        "vLLM keeps no prompt's beginning for another tenant.",
        _prefixes_are_kept_apart,
    ),
    ResourceRule(
        "media-are-kept-apart",
        (ControlId.KV1,),
        "vLLM keeps nothing of an image, video or sound for another tenant.",
        _media_are_kept_apart,
    ),
    ResourceRule(
        "pickers-read-no-prompt",
        (ControlId.KV2,),
        "No endpoint picker brings prompts of several tenants together by how they begin.",
        _pickers_read_no_prompt,
    ),
    ResourceRule(
        "no-tier-behind-shared-caches",
        (ControlId.KV3,),
        "vLLM has no offload or transfer tier that tenants share.",
        _no_tier_behind_shared_caches,
    ),
)
