"""The tenants' records and keys, as they lie in the pod."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from .errors import InputError
from .model import Json, Tenant, mapping

FORMER_KEY = ".former"
"""What the name of the file of a tenant's former key ends with, behind the tenant's name."""
KEY_PREFIX = "sk-"
SHORTEST_KEY = 16


def read_tenants(records: Path, keys: Path) -> tuple[Tenant, ...]:
    """The tenants' records with their keys.

    Args:
        records: The folder with `tenants.json`.
        keys: The folder with one file for each tenant's key, and one more for a former key that still works.

    Raises:
        InputError: A file is missing, is not what it should be, or would give a tenant more than it should have.
    """
    try:
        document = json.loads((records / "tenants.json").read_text(encoding="utf-8"))
        names = [str(record["name"]) for record in document["tenants"]]
        given = {
            path.name: path.read_text(encoding="utf-8")
            for name in names
            for path in (keys / name, keys / f"{name}{FORMER_KEY}")
            if path.name == name or path.exists()
        }
        return tenants_of(document["tenants"], given)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"the tenants' records cannot be read: {type(error).__name__}: {error}") from error


def tenants_of(listed: Iterable[Json], keys: Mapping[str, str]) -> tuple[Tenant, ...]:
    """Tenants from their records, each with its keys.

    Args:
        listed: The records.
        keys: Key by the tenant's name, and the former one by that and `FORMER_KEY`.

    Raises:
        InputError: A record or a key would give a tenant more than it should have.
    """
    found = tuple(_tenant(record, keys) for record in listed)
    tokens = [token for tenant in found for token in tenant.keys]
    if len(set(tokens)) != len(tokens):
        raise InputError("two tenants have one key: neither could be told from the other")
    return found


def _tenant(record: Json, keys: Mapping[str, str]) -> Tenant:
    name = str(record["name"])
    key, former = keys[name].strip(), keys.get(f"{name}{FORMER_KEY}")
    tenant = Tenant(
        name=name,
        key=key,
        team=dict(record["team"]),
        routes=tuple(record["routes"]),
        former=former and former.strip(),
        own_metadata=mapping(record.get("metadata")),
    )
    for each in tenant.keys.values():
        if not each.startswith(KEY_PREFIX) or len(each) < SHORTEST_KEY:
            raise InputError(f"tenant {name}: its key is not one that LiteLLM takes")
    for field in ("models", "max_budget", "budget_duration", "rpm_limit", "tpm_limit"):
        # LiteLLM reads an empty list of models as all of them, and no limit as none.
        if not tenant.team.get(field):
            raise InputError(f"tenant {name}: {field} is missing or empty, which would mean that there is no limit")
    if not tenant.routes:
        raise InputError(f"tenant {name}: routes are missing, which would open every one")
    return tenant
