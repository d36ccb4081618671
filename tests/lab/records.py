"""What a change of the platform must leave as it was: rows, secrets, and the objects that hold data."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from components.tenants.accounts import KEYS_SECRET
from lab.cluster import Kubectl
from tests.lab.ledger import query
from tests.lab.platform import ENGINES, GATEWAY

KEPT_KINDS = "statefulsets,persistentvolumeclaims"
FIXED_TYPE = "Opaque"
SHOWN_AT_NEED = "/cache-salt-key"

Row = dict[str, Any]


@dataclass(frozen=True)
class Records:
    """The state of a platform at one moment.

    Attributes:
        rows: Table → its rows without what grows by use, in a fixed order.
        spend: Table and id → US dollars.
        requests: How many requests the spend log has.
        secrets: Namespace, Secret and key → digest of the value.
        objects: Kind, namespace and name of what holds data → its uid.
    """

    rows: Mapping[str, list[Row]]
    spend: Mapping[str, Decimal]
    requests: int
    secrets: Mapping[str, str] = field(repr=False)
    objects: Mapping[str, str]

    def but_for(self, tenant: str) -> "Records":
        """The same without one tenant's account: its team, its keys, and the key in the Secret; all of it for none."""
        if not tenant:
            return self
        team, secret = f"bulkhead-{tenant}", f"{GATEWAY}/{KEYS_SECRET}/{tenant}"
        own = {
            f"{table}/{row['id']}"
            for table, rows in self.rows.items()
            for row in rows
            if team in (row["id"], row.get("team"))
        }
        return replace(
            self,
            rows={
                table: [row for row in rows if f"{table}/{row['id']}" not in own] for table, rows in self.rows.items()
            },
            spend={one: usd for one, usd in self.spend.items() if one not in own},
            secrets={name: digest for name, digest in self.secrets.items() if name != secret},
        )

    def lost_since(self, before: "Records") -> list[str]:
        """What was there before and is gone, is another, or has less spent on it; nothing of it says a secret."""
        return [
            *(f"rows of {table}" for table, rows in before.rows.items() if self.rows.get(table) != rows),
            *(f"spend of {one}" for one, usd in before.spend.items() if self.spend.get(one, Decimal(-1)) < usd),
            *(["requests of the spend log"] if self.requests < before.requests else []),
            *(f"secret {name}" for name in _differing(before.secrets, self.secrets)),
            *(f"object {name}" for name, uid in before.objects.items() if self.objects.get(name) != uid),
        ]


def _differing(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Secrets that are gone or another; the salts' key is shown to the gateway only where something is salted."""
    return [
        name
        for name, digest in before.items()
        if after.get(name, digest if name.endswith(SHOWN_AT_NEED) else None) != digest
    ]


def records(kubectl: Kubectl) -> Records:
    """What the platform holds now."""
    found: dict[str, Any] = json.loads(query(kubectl, _ROWS), parse_float=Decimal)
    tables: dict[str, list[Row]] = {table: found[table] or [] for table in ("users", "teams", "keys")}
    return Records(
        rows={table: [{**row, "spend": None} for row in rows] for table, rows in tables.items()},
        spend={f"{table}/{row['id']}": Decimal(row["spend"]) for table, rows in tables.items() for row in rows},
        requests=int(found["requests"]),
        secrets=_secrets(kubectl),
        objects={
            f"{one['kind']}/{one['metadata']['name']}": one["metadata"]["uid"]
            for one in _items(kubectl, KEPT_KINDS, GATEWAY)
        },
    )


def _secrets(kubectl: Kubectl) -> dict[str, str]:
    found: dict[str, str] = {}
    for namespace in (GATEWAY, ENGINES):
        for one in _items(kubectl, "secrets", namespace):
            values: dict[str, str] = one.get("data") or {} if one["type"] == FIXED_TYPE else {}
            for key, value in values.items():
                name = f"{namespace}/{one['metadata']['name']}/{key}"
                found[name] = hashlib.sha256(value.encode()).hexdigest()
    return found


def _items(kubectl: Kubectl, kinds: str, namespace: str) -> list[Row]:
    return json.loads(kubectl.run("get", kinds, "--namespace", namespace, "--output=json"))["items"]


_ROWS = """
select json_build_object(
  'users', (select json_agg(json_build_object('id', user_id, 'role', user_role, 'spend', spend) order by user_id)
    from "LiteLLM_UserTable"),
  'teams', (select json_agg(json_build_object(
      'id', team_id, 'alias', team_alias, 'budget', max_budget, 'period', budget_duration, 'models', models,
      'reset', budget_reset_at, 'blocked', blocked, 'created', created_at, 'spend', spend) order by team_id)
    from "LiteLLM_TeamTable"),
  'keys', (select json_agg(json_build_object(
      'id', token, 'alias', key_alias, 'team', team_id, 'models', models, 'blocked', blocked,
      'created', created_at, 'spend', spend) order by token)
    from "LiteLLM_VerificationToken"),
  'requests', (select count(*) from "LiteLLM_SpendLogs")
)
"""
