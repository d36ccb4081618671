"""Stack files of any size, for measuring."""

import datetime

MODELS_PER_TENANTS = 50
TODAY = datetime.date(2026, 11, 24)
"""The day on which waivers are judged, unless it is another."""


def document_with_tenants(count: int, today: datetime.date = TODAY) -> dict[str, object]:
    """A sound stack file's configuration with `count` cooperating tenants on an existing cluster.

    SR1 to SR3 are waived, as more than one tenant requires them.

    Args:
        count: How many tenants.
        today: The day on which it is to be sound.
    """
    expires = (today + datetime.timedelta(days=100)).isoformat()
    waivers = [
        {"control": control, "owner": "benchmarks", "reason": "measured without it", "expires": expires}
        for control in ("SR1", "SR2", "SR3")
    ]
    price = {"input_usd_per_million_tokens": 0.2, "output_usd_per_million_tokens": 0.6}
    models = [
        {"name": f"model-{index}", "source": "example/model", "pool": "l4", "price": price}
        for index in range(1 + count // MODELS_PER_TENANTS)
    ]
    return {
        "bulkhead:trust": {"tier": "trusted", "waivers": waivers if count > 1 else []},
        "bulkhead:cluster": {"kind": "existing", "context": "bulkhead-lab", "enforces_network_policy": True},
        "bulkhead:pools": [
            {"name": "cpu", "accelerator": "cpu", "nodes": {"max": 10}},
            {"name": "l4", "accelerator": "nvidia-l4", "gpus_per_node": 8, "nodes": {"max": 1000}},
        ],
        "bulkhead:models": models,
        "bulkhead:tenants": [
            {
                "name": f"tenant-{index:04d}",
                "models": [models[index % len(models)]["name"]],
                "budget": {"usd": 100.0},
                "gpu_quota": {"l4": 1},
            }
            for index in range(count)
        ],
    }
