"""A platform of two tenants, for tests of the audit."""

import datetime
from typing import Any, cast

from infra.config.loader import parse
from infra.posture import Platform, platform_of

TODAY = datetime.date(2026, 11, 24)


def document(tier: str = "trusted", tenants: int = 2, **trust: Any) -> dict[str, object]:
    """A stack file's configuration with tenants that have subjects."""
    waivers = [
        {"control": control, "owner": "tests", "reason": "tests", "expires": "2027-03-31"}
        for control in ("SR1", "SR2", "SR3")
    ]
    waived = {"waivers": waivers} if tier == "trusted" and tenants > 1 and "enable" not in trust else {}
    price = {"input_usd_per_million_tokens": 0.2, "output_usd_per_million_tokens": 0.6}
    return {
        "bulkhead:trust": {"tier": tier, **waived, **trust},
        "bulkhead:cluster": {"kind": "existing", "context": "tests", "enforces_network_policy": True},
        "bulkhead:pools": [
            {"name": "cpu", "accelerator": "cpu", "nodes": {"max": 2}},
            {"name": "l4", "accelerator": "nvidia-l4", "nodes": {"max": 8}},
        ],
        "bulkhead:models": [{"name": "tiny", "source": "/models/tiny", "pool": "cpu", "price": price}],
        "bulkhead:tenants": [
            {
                "name": f"tenant-{index}",
                "models": ["tiny"],
                "budget": {"usd": 5},
                "gpu_quota": 1,
                "subjects": [{"kind": "group", "name": f"team-{index}"}],
            }
            for index in range(tenants)
        ],
    }


def platform_without_subjects(tier: str = "governed", tenants: int = 2) -> Platform:
    """The platform of `document`, but nobody acts for its tenants."""
    made = document(tier, tenants)
    listed = cast("list[dict[str, Any]]", made["bulkhead:tenants"])
    made["bulkhead:tenants"] = [{key: value for key, value in one.items() if key != "subjects"} for one in listed]
    config = parse(made, TODAY)
    assert not isinstance(config, list), config
    return platform_of("tests", config, TODAY)


def platform(tier: str = "trusted", tenants: int = 2, **trust: Any) -> Platform:
    """The platform of `document`."""
    config = parse(document(tier, tenants, **trust), TODAY)
    assert not isinstance(config, list), config
    return platform_of("tests", config, TODAY)


def watched_platform(tier: str = "trusted") -> Platform:
    """The platform of `document` with a Prometheus, and with a cache that it watches, too."""
    cached = {"replicas": 2, "cache": {"kind": "in_cluster"}}
    made = {**document(tier), "bulkhead:gateway": cached, "bulkhead:observability": {"kind": "prometheus"}}
    config = parse(made, TODAY)
    assert not isinstance(config, list), config
    return platform_of("tests", config, TODAY)


def picking_platform(tier: str = "trusted") -> Platform:
    """The platform of `document` with a Prometheus, whose model's engines are chosen by a picker, as another's."""
    made = {**document(tier), "bulkhead:observability": {"kind": "prometheus"}}
    (model,) = cast("list[dict[str, Any]]", made["bulkhead:models"])
    picked = {**model, "routing": {"kind": "endpoint_picker", "network_encrypts": True}}
    made["bulkhead:models"] = [picked, {**picked, "name": "second"}]
    config = parse(made, TODAY)
    assert not isinstance(config, list), config
    return platform_of("tests", config, TODAY)


def platform_with_external_stores(tier: str = "trusted") -> Platform:
    """The platform of `document` with a database and a cache that somebody else runs."""
    return _platform_with_stores(
        tier,
        {"kind": "external", "networks": ["10.20.0.0/24"], "port": 6432},
        {"kind": "external", "networks": ["203.0.113.0/24"]},
        {"bulkhead:database_url": {"secure": "ciphertext"}, "bulkhead:cache_url": {"secure": "ciphertext"}},
    )


def platform_with_managed_stores(tier: str = "trusted") -> Platform:
    """The platform of `document` on GKE, with Cloud SQL and Memorystore."""
    cluster = {"kind": "gke", "project": "example-project", "location": "europe-west4"}
    return _platform_with_stores(tier, {"kind": "cloud_sql"}, {"kind": "memorystore"}, {"bulkhead:cluster": cluster})


def _platform_with_stores(
    tier: str, database: dict[str, Any], cache: dict[str, Any], more: dict[str, object]
) -> Platform:
    gateway = {"replicas": 2, "database": database, "cache": cache}
    config = parse({**document(tier), "bulkhead:gateway": gateway, **more}, TODAY)
    assert not isinstance(config, list), config
    return platform_of("tests", config, TODAY)


def downloading_platform(tier: str = "trusted") -> Platform:
    """The platform of `document` with two more models, whose engines download their weights."""
    made = document(tier)
    (model,) = cast("list[dict[str, Any]]", made["bulkhead:models"])
    hub = {"source": "example/model", "weights_gibibytes": 2}
    made["bulkhead:models"] = [model, {**model, **hub, "name": "fetched"}, {**model, **hub, "name": "fetched-too"}]
    config = parse(made, TODAY)
    assert not isinstance(config, list), config
    return platform_of("tests", config, TODAY)
