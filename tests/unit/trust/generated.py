"""Generated configurations: every mix of pools, models, tenants, tiers, switched-on controls and waivers."""

from hypothesis import strategies as st

from infra.config.trust import ControlId, TenantRelation, Tier
from tests.unit.trust.stacks import Document, document, mig, model, pool, tenant, waiver

CONTROL_IDS = [str(control) for control in ControlId]
PARTITIONS: list[Document] = [{"kind": "whole"}, mig(), {"kind": "time_slicing", "clients": 2}]
DAYS = ["2026-01-01", "2026-06-01", "2026-06-02", "2026-06-15", "2026-12-31"]
"""Before, on and after the day on which the tests judge."""

tiers = st.sampled_from([str(tier) for tier in Tier])
relations = st.sampled_from([str(relation) for relation in TenantRelation])
availabilities = st.frozensets(st.sampled_from(list(ControlId)))


@st.composite
def trusts(draw: st.DrawFn) -> Document:
    return {
        "tier": draw(tiers),
        "tenants": draw(relations),
        "enable": draw(st.lists(st.sampled_from(CONTROL_IDS), unique=True, max_size=4)),
        "waivers": [
            waiver(control, draw(st.sampled_from(DAYS)))
            for control in draw(st.lists(st.sampled_from(CONTROL_IDS), max_size=6))
        ],
    }


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A configuration of 1 to 4 tenants over 0 to 3 GPU pools and a CPU pool; `trust` is left out now and then."""
    tenant_names = [f"tenant{number}" for number in range(draw(st.integers(1, 4)))]
    gpus = [_gpu_pool(draw, f"gpu{number}", tenant_names) for number in range(draw(st.integers(0, 3)))]
    pools = [pool("cpu", "cpu"), *gpus]
    names = [str(each["name"]) for each in pools]
    models = [model(f"model{number}", draw(st.sampled_from(names))) for number in range(draw(st.integers(1, 4)))]
    tenants = [_tenant(draw, name, models, gpus) for name in tenant_names]
    return document(
        trust=draw(st.none() | trusts()),
        pools=pools,
        models=models,
        tenants=tenants,
        enforces_network_policy=draw(st.booleans()),
    )


def _gpu_pool(draw: st.DrawFn, name: str, tenants: list[str]) -> Document:
    owner = draw(st.none() | st.sampled_from(tenants))
    accelerator = draw(st.sampled_from(["nvidia-h100-80gb", "nvidia-a100-80gb"]))
    dedicated = {} if owner is None else {"dedicated_to": owner}
    return pool(name, accelerator, partition=draw(st.sampled_from(PARTITIONS)), **dedicated)


def _tenant(draw: st.DrawFn, name: str, models: list[Document], gpus: list[Document]) -> Document:
    called = draw(st.lists(st.sampled_from([str(each["name"]) for each in models]), min_size=1, unique=True))
    quota = {str(each["name"]): draw(st.integers(0, 2)) for each in gpus}
    return tenant(name, *called, quota=quota, sensitive=draw(st.booleans()))
