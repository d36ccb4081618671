"""The catalogue: every control once, in order, as the trust model states it, and what it does to a blueprint."""

import dataclasses
import importlib
import pkgutil

import pytest

import infra.controls
from infra.blueprint.model import Blueprint
from infra.blueprint.trusted import trusted_blueprint
from infra.config.trust import ControlId, Tier
from infra.controls import ac1_virtual_key_per_tenant, ac2_budgets_and_prices, ac3_gpu_quota_by_kueue
from infra.controls.catalogue import CATALOGUE, CONTROLS, apply_enforced, available, objects_in_force
from infra.posture import platform_of, posture_of
from tests.unit.trust.stacks import TODAY, config_of, document, model, pool, tenant

REFUSING = {ControlId.KV2, ControlId.KV3}
"""Controls with nothing to add to a blueprint: they refuse one that breaks them."""

ROWS = """
AC1 trusted     a virtual key per tenant
AC2 trusted     budgets and prices per tenant
AC3 trusted     GPU quota by Kueue
SR1 governed    network: the gateway is the only caller of model servers
SR2 governed    admission: no GPU without a queue of the tenant's own
SR3 governed    budgets and limits fail closed
NS1 partitioned a namespace per tenant, Pod Security `restricted`
NS2 partitioned ResourceQuota and LimitRange per tenant
NS3 partitioned least-privilege RBAC per tenant
NS4 partitioned default-deny NetworkPolicy per tenant, both directions
KV1 adversarial prefix cache scoped per tenant, or off
KV2 adversarial no prefix-based co-location
KV3 adversarial no KV offload or transfer tier shared between tenants
HW1 adversarial hard GPU partition: MIG or dedicated pool
HW2 adversarial no time-slicing or MPS
HW3 adversarial placement cannot be forged (tolerations, selectors, claims)
"""


@pytest.fixture
def blueprint() -> Blueprint:
    parts = document(
        pools=[pool("l4")],
        models=[model("m", "l4")],
        tenants=[tenant("one", "m", quota={"l4": 1}), tenant("two", "m")],
    )
    return trusted_blueprint("test", config_of(parts))


def test_the_catalogue_holds_every_control_as_the_trust_model_states_it():
    found = [(control.id, control.enforced_from, control.title) for control in CONTROLS]
    assert found == [tuple(row.split(maxsplit=2)) for row in ROWS.strip().splitlines()]


def test_every_module_of_a_control_is_in_the_catalogue_and_named_by_its_id():
    modules = [module.name for module in pkgutil.iter_modules(infra.controls.__path__) if module.name != "catalogue"]
    ids = [importlib.import_module(f"infra.controls.{name}").CONTROL.id for name in modules]
    assert [name.partition("_")[0].upper() for name in modules] == ids
    assert sorted(ids) == sorted(ControlId)


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.id)
def test_every_control_says_what_it_rests_on_how_it_works_how_it_is_verified_and_what_is_at_risk(control: object):
    fields = dataclasses.asdict(control)  # type: ignore[call-overload]
    assert all(str(value).strip() for value in fields.values())
    assert not fields["at_risk"].endswith(".")


def test_every_control_is_available():
    assert available() == set(ControlId)


def test_a_trusted_blueprint_already_carries_the_trusted_tiers_controls(blueprint: Blueprint):
    for entry in CATALOGUE:
        if entry.control.enforced_from is Tier.TRUSTED and entry.apply is not None:
            assert entry.apply(blueprint) == blueprint


def test_every_control_above_it_changes_the_blueprint_once_and_names_what_realises_it(blueprint: Blueprint):
    for entry in CATALOGUE:
        above = entry.control.enforced_from is not Tier.TRUSTED and entry.control.id not in REFUSING
        if above and entry.apply is not None:
            hardened = entry.apply(blueprint)
            assert hardened != blueprint, entry.control.id
            assert entry.objects(hardened), entry.control.id
            assert entry.objects(blueprint) == (), entry.control.id


def test_a_control_that_only_refuses_leaves_what_it_lets_pass_and_names_it(blueprint: Blueprint):
    for entry in CATALOGUE:
        if entry.control.id in REFUSING and entry.apply is not None:
            assert entry.apply(blueprint) == blueprint
            assert entry.objects(blueprint), entry.control.id


def test_controls_in_force_are_applied_and_named_by_their_objects():
    config = config_of(document())
    platform = platform_of("test", config, TODAY)
    assert platform.blueprint == apply_enforced(trusted_blueprint("test", config), platform.posture)
    objects = {str(row.control.id): row.objects for row in platform.posture.controls if row.objects}
    assert objects == {
        "AC1": ("Team/one", "VirtualKey/one"),
        "AC2": ("Budget/one", "Price/small"),
        "AC3": ("ClusterQueue/tenant-one", "LocalQueue/bulkhead-workloads/one"),
    }


def test_a_control_that_does_not_act_has_no_objects(blueprint: Blueprint):
    posture = posture_of("test", config_of(document()), TODAY)
    assert set(objects_in_force(blueprint, posture)) == posture.in_force


def test_ac1_refuses_a_queue_without_an_account(blueprint: Blueprint):
    with pytest.raises(ValueError, match="AC1"):
        ac1_virtual_key_per_tenant.apply(dataclasses.replace(blueprint, tenants=blueprint.tenants[1:]))


def test_ac1_refuses_two_accounts_of_one_tenant(blueprint: Blueprint):
    with pytest.raises(ValueError, match="AC1"):
        ac1_virtual_key_per_tenant.apply(
            dataclasses.replace(blueprint, tenants=(*blueprint.tenants, blueprint.tenants[0]))
        )


def test_ac2_refuses_a_model_without_a_price(blueprint: Blueprint):
    unpriced = dataclasses.replace(blueprint.gateway.models[0], input_usd_per_token=None)
    gateway = dataclasses.replace(blueprint.gateway, models=(unpriced,))
    with pytest.raises(ValueError, match="AC2: no price for m"):
        ac2_budgets_and_prices.apply(dataclasses.replace(blueprint, gateway=gateway))


def test_ac3_refuses_a_tenant_without_a_queue(blueprint: Blueprint):
    without = dataclasses.replace(blueprint.quota, cluster_queues=blueprint.quota.cluster_queues[:-1])
    with pytest.raises(ValueError, match="AC3"):
        ac3_gpu_quota_by_kueue.apply(dataclasses.replace(blueprint, quota=without))


def test_ac3_refuses_a_queue_that_nothing_leads_to(blueprint: Blueprint):
    without = dataclasses.replace(blueprint.quota, local_queues=())
    with pytest.raises(ValueError, match="AC3"):
        ac3_gpu_quota_by_kueue.apply(dataclasses.replace(blueprint, quota=without))
