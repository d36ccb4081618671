"""Small configurations in which each test changes one thing."""

import datetime
import json
from collections.abc import Iterable, Mapping

from infra.config.stack import StackConfig
from infra.config.trust import ControlId
from infra.controls.catalogue import CONTROLS
from infra.trust.posture import Finding, Posture
from infra.trust.resolver import resolve

TODAY = datetime.date(2026, 6, 1)
EVERY_CONTROL = frozenset(ControlId)

Document = dict[str, object]


def pool(name: str, accelerator: str = "nvidia-l4", **others: object) -> Document:
    return {"name": name, "accelerator": accelerator, "nodes": {"max": 8}, **others}


def mig(size: str = "1g.10gb") -> Document:
    return {"kind": "mig", "size": size}


def model(name: str, on: str, **others: object) -> Document:
    price = {"input_usd_per_million_tokens": 1.0, "output_usd_per_million_tokens": 1.0}
    return {"name": name, "source": "/models/tiny", "pool": on, "price": price, **others}


def tenant(name: str, *models: str, quota: Mapping[str, int] | None = None, **others: object) -> Document:
    return {"name": name, "models": list(models), "budget": {"usd": 5.0}, "gpu_quota": dict(quota or {}), **others}


def waiver(
    control: str, expires: str = "2026-12-31", owner: str = "ops@example.com", reason: str = "for now"
) -> Document:
    return {"control": control, "owner": owner, "reason": reason, "expires": expires}


def document(
    *,
    trust: Document | None = None,
    pools: Iterable[Document] = (pool("cpu", "cpu"),),
    models: Iterable[Document] = (model("small", "cpu"),),
    tenants: Iterable[Document] = (tenant("one", "small"),),
    enforces_network_policy: bool = True,
) -> Document:
    """One cooperative tenant with a model on CPU nodes, unless something else is said."""
    cluster = {"kind": "existing", "context": "test", "enforces_network_policy": enforces_network_policy}
    parts: Document = {"cluster": cluster, "pools": list(pools), "models": list(models), "tenants": list(tenants)}
    return parts if trust is None else {"trust": trust, **parts}


def config_of(parts: Document) -> StackConfig:
    return StackConfig.model_validate_json(json.dumps(parts))


def posture_of(
    parts: Document, available: frozenset[ControlId] = EVERY_CONTROL, today: datetime.date = TODAY
) -> Posture:
    return resolve("test", config_of(parts), CONTROLS, today, available)


def required(posture: Posture) -> set[str]:
    return {str(row.control.id) for row in posture.controls if row.required_by}


def states(posture: Posture) -> dict[str, str]:
    return {str(row.control.id): str(row.state) for row in posture.controls}


def findings(posture: Posture, control: str) -> list[Finding]:
    return [finding for finding in posture.findings if finding.control == control]
