"""Which pool runs whose engines: a sensitive tenant's own, one of its own that can do what the model's pool does."""

import pytest

from infra.config.engine_pools import EngineGroup, engine_groups
from infra.config.stack import StackConfig
from tests.unit.trust.stacks import Document, config_of, document, mig, model, pool, tenant

H100 = "nvidia-h100-80gb"
SLICED: Document = {"kind": "time_slicing", "clients": 4}


def config(home: Document, *own: Document, sensitive: bool = True, **of_model: object) -> StackConfig:
    """Two tenants that call a model on `home`; those of `own` are pools of the second, `clinic`."""
    parts = document(
        pools=[pool("cpu", "cpu"), {**home, "name": "home"}, *({**each, "dedicated_to": "clinic"} for each in own)],
        models=[model("m", "home", **of_model)],
        tenants=[tenant("open", "m"), tenant("clinic", "m", sensitive=sensitive)],
    )
    return config_of(parts)


def groups(stack: StackConfig, *, scoped: bool = True) -> tuple[EngineGroup, ...]:
    return engine_groups(stack.models[0], stack.tenants, stack.pools, scoped=scoped)


def pool_of_clinic(stack: StackConfig) -> str:
    (found,) = [group.pool for group in groups(stack) if group.owner == "clinic"]
    return found


def test_with_kv1_a_sensitive_tenant_s_engines_run_on_its_own_pool_and_the_others_stay():
    stack = config(pool("home", H100), pool("own", H100))

    assert groups(stack) == (
        EngineGroup(None, frozenset({"open"}), "home"),
        EngineGroup("clinic", frozenset({"clinic"}), "own"),
    )


def test_without_kv1_they_share_and_nothing_moves():
    stack = config(pool("home", H100), pool("own", H100))

    assert groups(stack, scoped=False) == (EngineGroup(None, frozenset({"clinic", "open"}), "home"),)


def test_an_engine_of_its_own_moves_in_every_tier():
    stack = config(pool("home", H100), pool("own", H100), cache_isolation="engine_per_tenant")

    assert {group.owner: group.pool for group in groups(stack, scoped=False)} == {"open": "home", "clinic": "own"}


def test_an_ordinary_tenant_s_own_engines_stay_with_the_model():
    stack = config(pool("home", H100), pool("own", H100), sensitive=False, cache_isolation="engine_per_tenant")

    assert {group.pool for group in groups(stack)} == {"home"}


def test_engines_without_gpus_stay_where_their_model_runs():
    assert pool_of_clinic(config(pool("home", "cpu"), pool("own", H100))) == "home"


@pytest.mark.parametrize(
    ("home", "own"),
    [
        (pool("home"), pool("own")),
        (pool("home"), pool("own", H100)),
        (pool("home"), pool("own", H100, partition=mig("3g.40gb"))),
        (pool("home", H100, partition=mig()), pool("own", H100, partition=mig())),
        (pool("home", H100, partition=mig()), pool("own", H100)),
        (pool("home", partition=SLICED), pool("own")),
    ],
    ids=["alike", "more capable", "a larger instance", "instances", "whole for an instance", "whole for a share"],
)
def test_a_pool_with_as_much_memory_on_gpus_as_capable_will_do(home: Document, own: Document):
    assert pool_of_clinic(config(home, own)) == "own"


@pytest.mark.parametrize(
    ("home", "own", "devices"),
    [
        (pool("home", H100), pool("own", H100, partition=mig()), 1),
        (pool("home", H100), pool("own"), 1),
        (pool("home", "nvidia-l4"), pool("own", "nvidia-a100-80gb"), 1),
        (pool("home"), pool("own", partition=SLICED), 1),
        (pool("home"), pool("own", "cpu"), 1),
        (pool("home", H100, gpus_per_node=2), pool("own", H100), 2),
        (pool("home", gpus_per_node=2), pool("own", H100, partition=mig("3g.40gb")), 2),
    ],
    ids=[
        "too small an instance",
        "too small a GPU",
        "less capable",
        "shared in time",
        "no GPU",
        "too few",
        "instances apart",
    ],
)
def test_a_pool_that_cannot_run_them_leaves_them_where_they_are(home: Document, own: Document, devices: int):
    assert pool_of_clinic(config(home, own, gpus=devices)) == "home"


ENCRYPTED: Document = {"spot": True, "confidential": True}
SANDBOXED: Document = {"sandbox": "gvisor"}


@pytest.mark.parametrize(
    ("home", "own"),
    [
        (pool("home", H100, **ENCRYPTED), pool("own", H100)),
        (pool("home", H100, **SANDBOXED), pool("own", H100)),
        (pool("home", H100), pool("own", H100, **SANDBOXED)),
    ],
    ids=["out of encrypted memory", "out of a sandbox", "into a sandbox"],
)
def test_no_engine_leaves_what_guards_its_nodes(home: Document, own: Document):
    assert pool_of_clinic(config(home, own)) == "home"


def test_of_an_encrypted_spot_pool_and_a_plain_steady_one_the_encrypted_one_succeeds_an_encrypted_one():
    vault, jobs = pool("vault", H100, **ENCRYPTED), pool("jobs", H100)

    assert pool_of_clinic(config(pool("home", H100, **ENCRYPTED), vault, jobs)) == "vault"
    assert pool_of_clinic(config(pool("home", H100, spot=True), vault, jobs)) == "jobs"


def test_of_several_the_steady_one_comes_first_then_the_one_alike_then_the_smallest():
    alike, larger, smaller = pool("c", H100), pool("a", "nvidia-h200-141gb"), pool("b", "nvidia-h100-mega-80gb")

    assert pool_of_clinic(config(pool("home", H100), larger, smaller, {**alike, "spot": True})) == "b"
    assert pool_of_clinic(config(pool("home", H100), larger, smaller, alike)) == "c"
    assert pool_of_clinic(config(pool("home", H100), larger)) == "a"


def test_nobody_else_s_pool_is_taken():
    parts = document(
        pools=[pool("cpu", "cpu"), pool("home", H100), pool("own", H100, dedicated_to="open")],
        models=[model("m", "home")],
        tenants=[tenant("open", "m"), tenant("clinic", "m", sensitive=True)],
    )

    assert pool_of_clinic(config_of(parts)) == "home"
