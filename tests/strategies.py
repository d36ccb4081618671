"""Generated stack files: sound ones, and sound ones with one thing changed.

A document is what `infra.config.loader.parse` takes: full keys → plain values.
"""

import datetime
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, cast

from hypothesis import strategies as st

from infra.config.accelerators import FACTS, Accelerator
from infra.config.loader import parse
from infra.config.stack import StackConfig
from infra.config.tenants import TenantRoute
from infra.config.trust import ControlId, TenantRelation, Tier

TODAY = datetime.date(2026, 11, 24)
"""The day on which generated waivers are valid; give it to whatever judges them."""

Document = dict[str, Any]
Part = dict[str, Any]

_ACCELERATORS = sorted(FACTS)
_MOST_QUOTA = 4
_ROUTES = sorted(str(route) for route in TenantRoute)


def names(prefix: str, count: int) -> list[str]:
    """`count` names, `<prefix>-0` and so on."""
    return [f"{prefix}-{index}" for index in range(count)]


@st.composite
def documents(
    draw: st.DrawFn,
    *,
    tenants: st.SearchStrategy[int] | None = None,
    tiers: st.SearchStrategy[Tier] | None = None,
) -> Document:
    """Sound and coherent documents.

    Args:
        draw: Given by hypothesis.
        tenants: How many tenants; one to four unless said.
        tiers: The tier; any unless said.
    """
    gke = draw(st.booleans())
    tenant_names = names("team", draw(st.integers(1, 4) if tenants is None else tenants))
    pools = [draw(_gpu_pool(index, gke=gke, tenants=tenant_names)) for index in range(draw(st.integers(0, 3)))]
    owners = draw(st.lists(st.sampled_from(tenant_names), max_size=2))
    pools += [draw(_own_pool(len(pools) + index, name, pools, gke=gke)) for index, name in enumerate(owners)]
    cpu: Part = {"name": "cpu", "accelerator": "cpu", "nodes": {"min": 1, "max": 3}}
    models = [draw(_model(f"model-{index}", [cpu, *pools])) for index in range(draw(st.integers(1, 4)))]
    people = [draw(_tenant(name, _callable_by(name, models, pools), pools)) for name in tenant_names]
    _make_room(pools, models, people)
    cluster = draw(_gke_cluster() if gke else _existing_cluster())
    document: Document = {
        "bulkhead:trust": draw(_trust(st.sampled_from(list(Tier)) if tiers is None else tiers)),
        "bulkhead:cluster": cluster,
        "bulkhead:pools": [cpu, *pools],
        "bulkhead:models": models,
        "bulkhead:tenants": people,
    }
    return {**document, **draw(_gateway(cluster)), **draw(_sources())}


def configurations(
    *, tenants: st.SearchStrategy[int] | None = None, tiers: st.SearchStrategy[Tier] | None = None
) -> st.SearchStrategy[StackConfig]:
    """Sound and coherent configurations; the arguments are those of `documents`."""
    return documents(tenants=tenants, tiers=tiers).map(_parsed)


def _parsed(document: Document) -> StackConfig:
    configuration = parse(document, TODAY)
    assert isinstance(configuration, StackConfig), configuration
    return configuration


@st.composite
def _gpu_pool(draw: st.DrawFn, index: int, *, gke: bool, tenants: list[str]) -> Part:
    accelerator = draw(st.sampled_from(_ACCELERATORS))
    pool: Part = {
        "name": f"pool-{index}",
        "accelerator": str(accelerator),
        "gpus_per_node": draw(st.sampled_from(sorted(FACTS[accelerator].machine_types))),
        "nodes": {"min": draw(st.integers(0, 1)), "max": draw(st.integers(1, 4))},
        "partition": draw(_partition(accelerator)),
    }
    if draw(st.booleans()):
        pool["dedicated_to"] = draw(st.sampled_from(tenants))
    if not gke:
        pool["node_labels"] = {"example.com/pool": f"pool-{index}"}
    elif draw(st.booleans()):
        pool["spot"] = draw(st.booleans())
    return pool


@st.composite
def _own_pool(draw: st.DrawFn, index: int, owner: str, others: list[Part], *, gke: bool) -> Part:
    """One tenant's, now and then with the GPUs of another pool, so that it can run what runs there."""
    pool: Part = draw(_gpu_pool(index, gke=gke, tenants=[owner]))
    if others and draw(st.booleans()):
        like = draw(st.sampled_from(others))
        pool |= {key: like[key] for key in ("accelerator", "gpus_per_node", "partition")}
    return {**pool, "dedicated_to": owner}


def _partition(accelerator: Accelerator) -> st.SearchStrategy[Part]:
    kinds: list[st.SearchStrategy[Part]] = [
        st.just({"kind": "whole"}),
        st.integers(2, 48).map(lambda clients: {"kind": "time_slicing", "clients": clients}),
    ]
    if sizes := list(FACTS[accelerator].mig_sizes):
        kinds.append(st.sampled_from(sizes).map(lambda size: {"kind": "mig", "size": size}))
    return st.one_of(kinds)


@st.composite
def _model(draw: st.DrawFn, name: str, pools: list[Part]) -> Part:
    pool = draw(st.sampled_from(pools))
    model: Part = {
        "name": name,
        "source": draw(st.sampled_from(["example/model", "/models/tiny"])),
        "pool": pool["name"],
        "replicas": draw(st.integers(1, 2)),
        "price": {
            "input_usd_per_million_tokens": draw(st.floats(0.01, 100)),
            "output_usd_per_million_tokens": draw(st.integers(0, 10)),
        },
    }
    if pool["accelerator"] != "cpu":
        whole = pool["partition"]["kind"] == "whole"
        model["gpus"] = draw(st.integers(1, pool["gpus_per_node"])) if whole else 1
    if draw(st.booleans()):
        model["cache_isolation"] = draw(st.sampled_from(["salted", "off", "engine_per_tenant"]))
    if draw(st.booleans()):
        model["engine"] = {"context_length": draw(st.integers(128, 131_072)), "lora": draw(st.booleans())}
    return model


def _callable_by(tenant: str, models: list[Part], pools: list[Part]) -> list[str]:
    """Models that do not run on another tenant's pool; one at least is made so."""
    owners = {pool["name"]: pool.get("dedicated_to") for pool in pools}
    found = [model["name"] for model in models if owners.get(model["pool"]) in (None, tenant)]
    if not found:
        for pool in pools:
            if pool["name"] == models[0]["pool"]:
                del pool["dedicated_to"]
        found = [models[0]["name"]]
    return found


@st.composite
def _tenant(draw: st.DrawFn, name: str, models: list[str], pools: list[Part]) -> Part:
    open_pools = [pool["name"] for pool in pools if pool.get("dedicated_to") in (None, name)]
    tenant: Part = {
        "name": name,
        "models": draw(st.lists(st.sampled_from(models), min_size=1, unique=True)),
        "budget": {"usd": draw(st.floats(0.01, 10_000)), "period": draw(st.sampled_from(["1h", "7d", "30d"]))},
        "sensitive": draw(st.booleans()),
    }
    if open_pools and draw(st.booleans()):
        quotas = st.dictionaries(st.sampled_from(open_pools), st.integers(0, _MOST_QUOTA))
        number = st.integers(0, _MOST_QUOTA)
        tenant["gpu_quota"] = draw(quotas | number if len(pools) == 1 else quotas)
    if draw(st.booleans()):
        kinds = draw(st.lists(st.sampled_from(["group", "user", "service_account"]), unique=True, max_size=3))
        tenant["subjects"] = [
            {"kind": kind, "name": f"{name}-{kind.replace('_', '-')}"}
            | ({"namespace": f"{name}-ci"} if kind == "service_account" else {})
            for kind in kinds
        ]
    if draw(st.booleans()):
        tenant["routes"] = draw(st.lists(st.sampled_from(_ROUTES), min_size=1, unique=True))
        tenant["metadata"] = draw(st.dictionaries(st.sampled_from(["cost-centre", "contact"]), st.just("4711")))
    if draw(st.booleans()):
        tenant["rate_limit"] = {"requests_per_minute": draw(st.integers(1, 10_000))}
    return tenant


def _make_room(pools: list[Part], models: list[Part], tenants: list[Part]) -> None:
    """Raises each pool's maximum until engines and quotas fit it, a node for each engine included."""
    for pool in pools:
        own = [tenant for tenant in tenants if tenant["name"] == pool.get("dedicated_to") and tenant["sensitive"]]
        called = {name for tenant in own for name in tenant["models"]}
        engines = [model for model in models if model["pool"] == pool["name"] or model["name"] in called]
        devices = sum(_quota(tenant, pool["name"]) for tenant in tenants)
        # A device's worth of node for each of them is more than enough, whatever the partition and whoever gets engines
        # of its own.
        pool["nodes"]["max"] += (
            sum(engine["replicas"] * (1 + _callers(engine, tenants)) for engine in engines) + devices
        )


def _callers(model: Part, tenants: list[Part]) -> int:
    return sum(model["name"] in tenant["models"] for tenant in tenants)


def _quota(tenant: Part, pool: str) -> int:
    quota: Any = tenant.get("gpu_quota", 0)
    return quota if isinstance(quota, int) else quota.get(pool, 0)


@st.composite
def _trust(draw: st.DrawFn, tiers: st.SearchStrategy[Tier]) -> Part:
    chosen = draw(st.lists(st.sampled_from(list(ControlId)), unique=True, max_size=6))
    waived = draw(st.integers(0, len(chosen)))
    return {
        "tier": str(draw(tiers)),
        "tenants": str(draw(st.sampled_from(list(TenantRelation)))),
        "enable": [str(control) for control in chosen[waived:]],
        "waivers": [
            {
                "control": str(control),
                "owner": "platform-team@example.com",
                "reason": "Accepted until the next tier is rolled out.",
                "expires": (TODAY + datetime.timedelta(days=draw(st.integers(1, 365)))).isoformat(),
            }
            for control in chosen[:waived]
        ],
    }


def _existing_cluster() -> st.SearchStrategy[Part]:
    return st.booleans().map(
        lambda enforces: {"kind": "existing", "context": "dev", "enforces_network_policy": enforces}
    )


def _gke_cluster() -> st.SearchStrategy[Part]:
    return st.sampled_from(["regular", "stable", "rapid"]).map(
        lambda channel: {
            "kind": "gke",
            "project": "example-llm-platform",
            "location": "europe-west4",
            "release_channel": channel,
            "authorized_networks": [{"name": "office", "cidr": "203.0.113.0/24"}],
        }
    )


@st.composite
def _gateway(draw: st.DrawFn, cluster: Part) -> Document:
    gke = cluster["kind"] == "gke"
    admitted: list[list[str]] = [[], ["platform-tools"]] if cluster.get("enforces_network_policy", gke) else [[]]
    databases = ["in_cluster", "external", *(["cloud_sql"] if gke else [])]
    caches = ["in_cluster", "external", *(["memorystore"] if gke else [])]
    replicas = draw(st.integers(1, 3))
    database = draw(st.sampled_from(databases))
    cache = draw(st.sampled_from(caches if replicas > 1 else ["none", *caches]))
    part: Document = {
        "bulkhead:gateway": {
            "replicas": replicas,
            "database": draw(_service(database)),
            "cache": draw(_service(cache)),
            "exposure": draw(_exposure(gke=gke)),
            "admin": {"allowed_from": draw(st.sampled_from(admitted))},
            "request_megabytes": draw(st.integers(1, 512)),
        }
    }
    if database == "external":
        part["bulkhead:database_url"] = {"secure": "ciphertext"}
    if cache == "external":
        part["bulkhead:cache_url"] = {"secure": "ciphertext"}
    return part


def _exposure(*, gke: bool) -> st.SearchStrategy[Part]:
    secret: Part = {"kind": "secret", "name": "llm-tls"}
    gateways: list[Part] = [{"kind": "existing", "namespace": "ingress", "name": "shared", "section": "https"}]
    if gke:
        gateways += [{"kind": "create", "tls": tls} for tls in (secret, {"kind": "managed"})]
        gateways.append({"kind": "create", "class_name": "gke-l7-global-external-managed", "tls": {"kind": "managed"}})
    else:
        gateways.append({"kind": "create", "class_name": "envoy", "tls": secret})
    internal: Part = {"kind": "internal"}
    return st.just(internal) | st.sampled_from(gateways).map(
        lambda gateway: {"kind": "route", "host": "llm.example.com", "gateway": gateway}
    )


def _service(kind: str) -> st.SearchStrategy[Part]:
    """A database or cache; one of somebody else's says where it is, as SR1 needs to know."""
    if kind != "external":
        return st.just({"kind": kind})
    networks = st.lists(st.integers(0, 9).map(lambda part: f"10.20.{part}.0/24"), min_size=1, unique=True)
    return networks.map(lambda found: {"kind": kind, "networks": found})


def _sources() -> st.SearchStrategy[Document]:
    charts: list[Part] = [
        {"kind": "folder", "path": ".charts/kueue"},
        {"kind": "oci", "url": "oci://registry.example.com/charts/kueue"},
        {"kind": "repository", "url": "https://charts.example.com"},
    ]
    nothing: Document = {}
    return st.just(nothing) | st.sampled_from(charts).map(
        lambda chart: {"bulkhead:sources": {"charts": {"kueue": chart}}}
    )


def json_values() -> st.SearchStrategy[object]:
    """Anything that JSON, YAML or a careless caller could hand over."""
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
    keys = st.text(max_size=6) | st.sampled_from(["name", "kind", "models", "pool", "nodes", "max", "secure"])
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=8
    )


def wild_documents() -> st.SearchStrategy[Document]:
    """Documents with our keys, other keys, and anything below them."""
    ours = [f"bulkhead:{key}" for key in StackConfig.model_fields]
    keys = (
        st.sampled_from(ours) | st.sampled_from(["bulkhead:tust", "gcp:project", "bulkhead:database_url"]) | st.text()
    )
    return st.dictionaries(keys, json_values(), max_size=8)


@st.composite
def nearly_sound_documents(draw: st.DrawFn) -> Document:
    """Sound documents with one to three changes: something removed, replaced, renamed, added or repeated."""
    document = deepcopy(draw(documents()))
    for _ in range(draw(st.integers(1, 3))):
        container = draw(st.sampled_from(_containers(document)))
        if isinstance(container, dict):
            draw(_change_of_mapping(cast("Document", container)))
        else:
            draw(_change_of_list(cast("list[Any]", container)))
    return document


def _containers(value: object) -> list[object]:
    """`value` and everything in it that holds something."""
    if isinstance(value, Mapping):
        held = cast("Mapping[str, object]", value)
        return [value, *(found for item in held.values() for found in _containers(item))]
    if isinstance(value, list):
        return [value, *(found for item in cast("list[object]", value) for found in _containers(item))]
    return []


@st.composite
def _change_of_mapping(draw: st.DrawFn, mapping: Document) -> None:
    if not mapping or draw(st.integers(0, 4)) == 0:
        mapping[draw(st.text(max_size=8))] = draw(json_values())
        return
    key = draw(st.sampled_from(sorted(mapping)))
    match draw(st.sampled_from(["remove", "replace", "rename", "to_text"])):
        case "remove":
            del mapping[key]
        case "replace":
            mapping[key] = draw(json_values())
        case "rename":
            mapping[f"{key[:-1]}x"] = mapping.pop(key)
        case _:
            mapping[key] = str(mapping[key])


@st.composite
def _change_of_list(draw: st.DrawFn, items: list[Any]) -> None:
    if not items or draw(st.integers(0, 3)) == 0:
        items.append(draw(json_values()))
        return
    index = draw(st.integers(0, len(items) - 1))
    match draw(st.sampled_from(["remove", "replace", "repeat"])):
        case "remove":
            del items[index]
        case "replace":
            items[index] = draw(json_values())
        case _:
            items.append(deepcopy(items[index]))
