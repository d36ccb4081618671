"""What the gateway's hook is told of engines and caches. Pure: the same gateway gives the same bytes."""

import json

from components.gateway.engine_address import engine_address
from components.tenants.reconciler.model import team_id
from infra.blueprint.model import GatewayPart


def cache_domains(part: GatewayPart) -> str:
    """The document that `hooks.isolation` reads: each engine's model and owner by address, and the isolated models."""
    engines = {
        engine_address(part, model): {
            "model": model.name,
            "tenant": None if model.tenant is None else team_id(model.tenant),
        }
        for model in part.models
    }
    isolated = sorted({model.name for model in part.models if model.isolated})
    return json.dumps({"engines": engines, "isolated": isolated}, indent=2, sort_keys=True) + "\n"
