"""What the isolation of caches adds to a request in the gateway's process, without a cluster.

    python -m benchmarks.hook

It is the work of the three judgements and nothing else; what the rest of the gateway costs says `gateway.py`.
"""

import statistics
import time
from typing import Any

from components.gateway.hooks.isolation import Domains, Engine, Isolation

MODELS = 20
TENANTS = 50
REQUESTS = 5_000
WORDS = 2_000
GOAL_MILLISECONDS = 1.0


def domains() -> Domains:
    """Models of which half are salted, and half have engines of each tenant's own."""
    salted = {f"http://engine-salted-{index}:8000/v1": Engine(f"salted-{index}", None) for index in range(MODELS)}
    own = {
        f"http://engine-own-{index}-{tenant}:8000/v1": Engine(f"own-{index}", f"bulkhead-tenant-{tenant}")
        for index in range(MODELS)
        for tenant in range(TENANTS)
    }
    engines = {**salted, **own}
    return Domains(engines, frozenset(engine.model for engine in engines.values()))


def milliseconds(isolation: Isolation, known: Domains, model: str) -> list[float]:
    """CPU time that all judgements of one request take, for each of many; they wait for nothing."""
    addresses = [address for address, engine in known.engines.items() if engine.model == model]
    deployments = [{"litellm_params": {"api_base": address}} for address in addresses]
    found: list[float] = []
    for number in range(REQUESTS):
        request: dict[str, Any] = {
            "model": model,
            "messages": [{"role": "user", "content": "word " * WORDS}],
            "cache_salt": "a caller's",
            "extra_body": {"top_k": 5, "extra_body": {"cache_salt": "a caller's"}},
        }
        begun = time.thread_time()
        isolation.begin(f"bulkhead-tenant-{number % TENANTS}", "acompletion", request)
        (chosen,) = isolation.choose(deployments)
        isolation.verify({**request, "api_base": chosen["litellm_params"]["api_base"]})
        found.append((time.thread_time() - begun) * 1000)
    return found


def main() -> None:
    """Print the median and the 99th percentile for both kinds of models."""
    known = domains()
    isolation = Isolation(known, b"a key of the benchmark's own, which nobody uses")
    for model, engines in (("salted-0", 1), ("own-0", TENANTS)):
        found = milliseconds(isolation, known, model)
        middle, slow = statistics.median(found), statistics.quantiles(found, n=100)[98]
        verdict = "within" if slow < GOAL_MILLISECONDS else "beyond"
        print(
            f"{model}, {engines} deployments: p50 {middle:.3f} ms, p99 {slow:.3f} ms; {verdict} {GOAL_MILLISECONDS} ms"
        )


if __name__ == "__main__":
    main()
