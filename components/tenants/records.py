"""What the gateway is to know of each tenant, as the reconciler reads it. Pure."""

import json
from collections.abc import Iterable
from typing import Any

from infra.blueprint.model import TenantPart


def records(tenants: Iterable[TenantPart]) -> str:
    """The document that the reconciler reads; the same tenants give the same bytes in whatever order they come."""
    ordered = sorted(tenants, key=lambda tenant: tenant.name)
    return json.dumps({"tenants": [_record(tenant) for tenant in ordered]}, indent=2, sort_keys=True) + "\n"


def _record(tenant: TenantPart) -> dict[str, Any]:
    return {
        "metadata": dict(tenant.metadata),
        "name": tenant.name,
        "routes": list(tenant.paths),
        "team": {
            "budget_duration": tenant.budget_period,
            "max_budget": tenant.budget_usd,
            "models": sorted(tenant.models),
            "rpm_limit": tenant.requests_per_minute,
            "tpm_limit": tenant.tokens_per_minute,
        },
    }
