"""Names: each once, none that the platform or Kubernetes keeps, none that meets another after its suffix."""

from collections.abc import Iterator, Mapping

from infra.config.cluster import GkeCluster
from infra.config.draft import Draft, at
from infra.config.forms import NAME_MAX_LENGTH
from infra.config.problem import Problem

RESERVED_NAMES = frozenset({"default", "bulkhead", "kueue", "kube", "serving"})
PLATFORM_PREFIX = "bulkhead-"
"""What the platform's own namespaces begin with, and the tenants' among them."""
RESERVED_PREFIXES = ("kube-", PLATFORM_PREFIX, "kueue-")
"""Kubernetes keeps `kube-` for itself; the platform's own objects begin with `bulkhead-` and `kueue-`."""

RESERVED_MODEL_NAMES = frozenset({"vllm"})
"""Kubernetes gives pods `<SERVICE>_PORT`, and vLLM reads `VLLM_PORT` as its own."""

LITELLM_MODEL_NAMES = frozenset({"all-proxy-models", "all-team-models", "no-default-models"})
"""What LiteLLM 1.106.2 reads in a key's or a team's list of models as something else (its `SpecialModelNames`)."""


def check_names(draft: Draft) -> Iterator[Problem]:
    """Duplicate, reserved and colliding names."""
    for key, names in _named_lists(draft):
        yield from _duplicates(key, names)
        yield from _reserved(key, names)
    yield from _litellm_names(draft)
    yield from _node_pool_names(draft)


def _named_lists(draft: Draft) -> Iterator[tuple[str, Mapping[int, str]]]:
    yield "pools", draft.pools.names
    yield "models", draft.models.names
    yield "tenants", draft.tenants.names


def _duplicates(key: str, names: Mapping[int, str]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, name in names.items():
        if name in first:
            yield Problem(
                at(key, index, "name"),
                f"this is also the name of {key}[{first[name]}]",
                f"what refers to {key} by name could mean either of them",
                "another name, or remove one of the two",
            )
        first.setdefault(name, index)


def _reserved(key: str, names: Mapping[int, str]) -> Iterator[Problem]:
    reserved = RESERVED_NAMES | RESERVED_MODEL_NAMES if key == "models" else RESERVED_NAMES
    for index, name in names.items():
        prefix = next((prefix for prefix in RESERVED_PREFIXES if name.startswith(prefix)), None)
        if name in reserved or prefix:
            yield Problem(
                at(key, index, "name"),
                f"names that begin with `{prefix}` are reserved" if prefix else f"the name `{name}` is reserved",
                "its objects could take the place of Kubernetes' or the platform's own",
                "another name, as `team-a`",
            )


def _litellm_names(draft: Draft) -> Iterator[Problem]:
    for index, name in draft.models.names.items():
        if name in LITELLM_MODEL_NAMES:
            yield Problem(
                at("models", index, "name"),
                f"`{name}` is a word of LiteLLM's in the list of models that a key opens",
                "a tenant with this model might be let into every model, or into none",
                "another name, as `llama-8b`",
            )


def _node_pool_names(draft: Draft) -> Iterator[Problem]:
    owners: dict[str, tuple[int, str]] = {}
    for index, pool in draft.pools.read.items():
        suffixed = pool.node_pool_name
        if suffixed in owners and owners[suffixed][1] != pool.name:
            other, _ = owners[suffixed]
            yield Problem(
                at("pools", index, "name"),
                f"with its partition, this pool is called `{suffixed}`, as pools[{other}] is",
                "two node pools and two Kueue flavors would have one name",
                "a name that does not end in a partition, as `whole`",
            )
        owners.setdefault(suffixed, (index, pool.name))
        if isinstance(draft.cluster, GkeCluster) and len(suffixed) > NAME_MAX_LENGTH:
            room = NAME_MAX_LENGTH - (len(suffixed) - len(pool.name))
            yield Problem(
                at("pools", index, "name"),
                f"with its partition, this pool is called `{suffixed}`, which has {len(suffixed)} characters",
                f"GKE refuses node pools with names of more than {NAME_MAX_LENGTH}",
                f"a name of at most {room} characters",
            )
