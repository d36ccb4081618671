"""The tenants' records and keys, as they lie in the pod."""

import json
from pathlib import Path
from typing import Any

from .errors import InputError
from .model import Json, Tenant

KEY_PREFIX = "sk-"
SHORTEST_KEY = 16


def read_tenants(records: Path, keys: Path) -> tuple[Tenant, ...]:
    """The tenants' records with their keys.

    Args:
        records: The folder with `tenants.json`.
        keys: The folder with one file for each tenant's key.

    Raises:
        InputError: A file is missing, is not what it should be, or would give a tenant more than it should have.
    """
    try:
        document = json.loads((records / "tenants.json").read_text(encoding="utf-8"))
        listed = [(record, (keys / str(record["name"])).read_text(encoding="utf-8")) for record in document["tenants"]]
        return tenants_of(listed)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"the tenants' records cannot be read: {type(error).__name__}: {error}") from error


def tenants_of(listed: list[tuple[Any, str]]) -> tuple[Tenant, ...]:
    """Tenants from their records, each with its key.

    Raises:
        InputError: A record or a key would give a tenant more than it should have.
    """
    found = tuple(_tenant(record, key.strip()) for record, key in listed)
    if len({tenant.token for tenant in found}) != len(found):
        raise InputError("two tenants have one key: neither could be told from the other")
    return found


def _tenant(record: Json, key: str) -> Tenant:
    name = str(record["name"])
    if not key.startswith(KEY_PREFIX) or len(key) < SHORTEST_KEY:
        raise InputError(f"tenant {name}: its key is not one that LiteLLM takes")
    tenant = Tenant(name, key, dict(record["team"]), tuple(record["routes"]))
    for field in ("models", "max_budget", "budget_duration", "rpm_limit", "tpm_limit"):
        # LiteLLM reads an empty list of models as all of them, and no limit as none.
        if not tenant.team.get(field):
            raise InputError(f"tenant {name}: {field} is missing or empty, which would mean that there is no limit")
    if not tenant.routes:
        raise InputError(f"tenant {name}: routes are missing, which would open every one")
    return tenant
