"""Tenants as they have to be, and what the gateway has."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

MANAGED_BY = "bulkhead"
ALIAS_DIGITS = 8
NONE_OF_A_KEYS_OWN = ("expires", "max_budget", "max_parallel_requests", "rpm_limit", "tpm_limit")
"""What a key could end by or be limited to; its team's limits hold for it, and the stack file knows no others."""

OWN_METADATA = "managed_metadata"
"""Under what it is noted which metadata came from a tenant's record: what is taken out of the record goes, and what
others have added stays."""

Json = dict[str, Any]


def team_id(tenant: str) -> str:
    """The id of a tenant's team."""
    return f"{MANAGED_BY}-{tenant}"


def token_of(key: str) -> str:
    """What LiteLLM keeps of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


@dataclass(frozen=True)
class Tenant:
    """What a tenant's account has to be.

    Attributes:
        name: The tenant's name.
        key: Its virtual key; never shown.
        former: The key that it had before and may still use; None where there is none.
        team: The team's fields as LiteLLM names them, without its id.
        routes: The paths that the key may call.
        own_metadata: What the record says that the team and the keys hold beside our marks.
    """

    name: str
    key: str
    team: Mapping[str, Any]
    routes: tuple[str, ...]
    former: str | None = None
    own_metadata: Mapping[str, str] = field(default_factory=dict[str, str])

    def __repr__(self) -> str:
        return f"Tenant({self.name!r})"

    @property
    def team_id(self) -> str:
        """The id of its team."""
        return team_id(self.name)

    @property
    def token(self) -> str:
        """What LiteLLM keeps of the key: its SHA-256."""
        return token_of(self.key)

    @property
    def keys(self) -> Mapping[str, str]:
        """What LiteLLM keeps of each key that works → the key."""
        return {token_of(key): key for key in (self.key, self.former) if key is not None}

    @property
    def metadata(self) -> Json:
        """What the record says, and what tells our teams and keys from everybody else's."""
        noted = {OWN_METADATA: sorted(self.own_metadata)} if self.own_metadata else {}
        return {**self.own_metadata, **noted, "managed_by": MANAGED_BY, "tenant": self.name}

    @property
    def team_fields(self) -> Json:
        """The team as it has to be."""
        return {"team_alias": self.team_id, **self.team, "metadata": self.metadata, "blocked": False}

    def key_fields(self, token: str) -> Json:
        """A key as it has to be; it names its models itself, since a team's limit does not hold for fallbacks."""
        return {
            # Aliases are unique, and a key that replaces another must not need the other's.
            "key_alias": f"{self.team_id}-{token[:ALIAS_DIGITS]}",
            "team_id": self.team_id,
            "models": self.team["models"],
            "allowed_routes": list(self.routes),
            "metadata": self.metadata,
            "blocked": False,
            **dict.fromkeys(NONE_OF_A_KEYS_OWN),
        }


@dataclass(frozen=True)
class Write:
    """One request that changes the gateway, for one tenant; `says` is what may be shown of it."""

    tenant: str
    path: str
    body: Json
    says: str


@dataclass(frozen=True)
class State:
    """What the gateway has: teams by id, and keys by hash."""

    teams: Mapping[str, Json]
    keys: Mapping[str, Json]

    def keys_of(self, team: str) -> Iterator[Json]:
        """The keys of a team, in a fixed order."""
        return (key for _, key in sorted(self.keys.items()) if key.get("team_id") == team)

    @property
    def removed_or_replaced_keys(self) -> Iterator[Json]:
        """The keys that were ours and may no longer call."""
        return (key for key in self.keys.values() if is_ours(key) and key.get("blocked"))


def is_ours(thing: Json) -> bool:
    """Whether a team or key was made by this program."""
    return mapping(thing.get("metadata")).get("managed_by") == MANAGED_BY


def tenant_of(thing: Json) -> str:
    """The tenant of a team or key of ours."""
    return str(mapping(thing.get("metadata")).get("tenant"))


def own_metadata(metadata: Json) -> Json:
    """What came from a tenant's record, of the metadata that a team or key has."""
    noted = metadata.get(OWN_METADATA)
    names = [str(name) for name in cast("list[Any]", noted)] if isinstance(noted, list) else []
    return {name: metadata[name] for name in names if name in metadata}


def mapping(value: Any) -> Json:
    """`value` as a mapping; an empty one where it is none."""
    return dict(cast("Json", value)) if isinstance(value, dict) else {}
