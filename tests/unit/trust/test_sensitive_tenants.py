"""A sensitive tenant needs GPUs that are its own: a dedicated pool, or MIG with devices nobody else reaches."""

from dataclasses import replace
from typing import cast

import pytest

from infra.config.trust import ControlId, Tier
from infra.controls.catalogue import CONTROLS
from infra.posture import platform_of
from infra.trust.unused_sensitivity import unused_sensitivity
from tests.unit.trust.stacks import (
    TODAY,
    Document,
    config_of,
    document,
    findings,
    mig,
    model,
    pool,
    posture_of,
    states,
    tenant,
    waiver,
)


def stack(gpu: Document, *, also_calls: bool = False, trust: Document | None = None) -> Document:
    """A sensitive tenant whose model runs in `gpu`; `also_calls`: another tenant may call that model, too."""
    other = ("small", "m") if also_calls else ("small",)
    return document(
        trust={"waivers": [waiver(control) for control in ("SR1", "SR2", "SR3")], **(trust or {})},
        pools=[pool("cpu", "cpu"), gpu],
        models=[model("small", "cpu"), model("m", "gpu")],
        tenants=[tenant("open", *other), tenant("secret", "m", sensitive=True)],
    )


WHOLE = pool("gpu", "nvidia-h100-80gb")
MIG = pool("gpu", "nvidia-h100-80gb", partition=mig())
SLICED = pool("gpu", "nvidia-h100-80gb", partition={"kind": "time_slicing", "clients": 4})
DEDICATED = pool("gpu", "nvidia-h100-80gb", dedicated_to="secret")


@pytest.mark.parametrize("gpu", [MIG, DEDICATED], ids=["mig", "dedicated"])
def test_hardware_of_its_own_satisfies_a_sensitive_tenant(gpu: Document):
    assert posture_of(stack(gpu)).sound


def test_a_dedicated_pool_of_an_existing_cluster_is_believed_with_a_warning_that_names_the_taint():
    (finding,) = [each for each in posture_of(stack(DEDICATED)).warnings if "pools" in each.path]
    assert (finding.control, finding.path) == ("HW1", "bulkhead:pools[1].dedicated_to")
    assert "bulkhead.dev/dedicated-to=secret:NoSchedule" in finding.message


def test_a_dedicated_pool_that_this_program_makes_is_tainted_and_needs_no_warning():
    gke: Document = {"kind": "gke", "project": "example-llm-platform", "location": "europe-west4"}
    posture = posture_of({**stack(DEDICATED), "cluster": gke})
    assert not [each for each in posture.warnings if "pools" in each.path]


@pytest.mark.parametrize("gpu", [WHOLE, SLICED], ids=["whole", "time-sliced"])
def test_a_pool_that_is_open_to_others_is_an_error(gpu: Document):
    posture = posture_of(stack(gpu))
    (finding,) = posture.errors
    assert finding.control == "HW1"
    assert finding.path == "bulkhead:tenants[1].sensitive"
    assert "tenant secret is sensitive and the GPUs of pool gpu are not its own" in finding.message
    assert "dedicated_to: secret" in finding.message


def test_mig_does_not_help_where_another_tenant_calls_the_same_engine():
    assert not posture_of(stack(MIG, also_calls=True)).sound


def test_mig_helps_where_another_tenant_has_an_engine_of_its_own_in_the_pool():
    parts = stack(MIG)
    parts["models"] = [model("small", "cpu"), model("m", "gpu"), model("other", "gpu")]
    parts["tenants"] = [tenant("open", "other"), tenant("secret", "m", sensitive=True)]
    assert posture_of(parts).sound


def test_mig_helps_where_kv1_gives_the_tenant_engines_of_its_own():
    parts = stack(MIG, also_calls=True)
    parts["trust"] = {**cast("Document", parts["trust"]), "enable": ["KV1"]}
    assert posture_of(parts).sound


def test_quota_alone_counts_as_use():
    parts = stack(WHOLE)
    parts["tenants"] = [tenant("open", "small"), tenant("secret", "small", quota={"gpu": 1}, sensitive=True)]
    assert [finding.control for finding in posture_of(parts).errors] == ["HW1"]


def test_a_sensitive_tenant_without_gpus_needs_nothing():
    parts = stack(WHOLE)
    parts["tenants"] = [tenant("open", "m"), tenant("secret", "small", sensitive=True)]
    assert posture_of(parts).sound


@pytest.mark.parametrize("tier", ["trusted", "governed", "partitioned", "adversarial"])
@pytest.mark.parametrize("gpu", [WHOLE, MIG], ids=["whole", "mig"])
def test_the_only_tenant_meets_nobody(gpu: Document, tier: str):
    parts = stack(gpu, trust={"tier": tier, "waivers": []})
    parts["tenants"] = [tenant("secret", "m", quota={"gpu": 1}, sensitive=True)]
    assert platform_of("test", config_of(parts), TODAY).posture.sound


def test_an_ordinary_tenant_may_share():
    parts = stack(WHOLE)
    parts["tenants"] = [tenant("open", "m"), tenant("secret", "m")]
    assert posture_of(parts).sound


def test_each_pool_that_is_not_its_own_is_an_error_of_its_own():
    parts = stack(WHOLE)
    parts["pools"] = [pool("cpu", "cpu"), WHOLE, pool("gpu2", "nvidia-h100-80gb")]
    parts["tenants"] = [tenant("open", "small"), tenant("secret", "m", quota={"gpu2": 1}, sensitive=True)]
    messages = [finding.message for finding in posture_of(parts).errors]
    assert len(messages) == 2
    assert "pool gpu " in messages[0]
    assert "pool gpu2 " in messages[1]


def test_a_waiver_of_hw1_takes_the_risk():
    waivers = [waiver(control) for control in ("SR1", "SR2", "SR3", "HW1")]
    posture = posture_of(stack(WHOLE, trust={"waivers": waivers}))
    assert posture.sound
    assert states(posture)["HW1"] == "waived"


def test_no_tier_makes_a_shared_pool_a_tenants_own():
    posture = posture_of(stack(WHOLE, trust={"tier": "adversarial", "waivers": []}))
    (finding,) = posture.errors
    assert finding in findings(posture, "HW1")
    assert "no tier mends that" in finding.message
    assert "waive" not in finding.message


MODELS = [model("small", "cpu")]
OWN = pool("own", "nvidia-h100-80gb", dedicated_to="secret")


def common(*own: Document, trust: Document) -> Document:
    """A model on whole GPUs that both call; the pools of `own` are the sensitive tenant's."""
    parts = stack(WHOLE, also_calls=True, trust=trust)
    return {**parts, "pools": [pool("cpu", "cpu"), WHOLE, *own]}


def test_with_kv1_a_pool_of_its_own_runs_its_engines_of_a_common_model():
    waivers = [waiver(control) for control in ("SR1", "SR2", "SR3")]
    assert posture_of(common(OWN, trust={"enable": ["KV1"], "waivers": waivers})).sound
    assert not posture_of(common(OWN, trust={"waivers": waivers})).sound


def test_without_such_a_pool_the_error_shows_what_it_takes_and_what_it_has():
    instances = pool("split", "nvidia-h100-80gb", partition=mig(), dedicated_to="secret")
    posture = posture_of(common(instances, trust={"tier": "adversarial", "waivers": []}))

    (finding,) = posture.errors
    assert finding.path == "bulkhead:tenants[1].sensitive"
    assert "a pool with dedicated_to: secret, on which secret's own engines then run by themselves" in finding.message
    assert "1 device (m: 1 engine x 1) of 80 GB or more, on GPUs of compute capability 9.0 or higher" in finding.message
    assert "{accelerator: nvidia-h100-80gb, nodes: {max: 1}}" in finding.message
    assert "split for m, since a device has 10 GB, and one of gpu 80 GB" in finding.message


def test_with_nothing_of_its_own_the_error_says_so():
    (finding,) = posture_of(common(trust={"tier": "adversarial", "waivers": []})).errors
    assert "secret has no pool of its own now" in finding.message


@pytest.mark.parametrize(
    ("keys", "written", "because"),
    [
        (
            {"spot": True, "confidential": True, "machine_type": "a3-highgpu-1g"},
            "{accelerator: nvidia-h100-80gb, machine_type: a3-highgpu-1g, spot: true, confidential: true, nodes: {max:",
            "the memory of its nodes is not encrypted, and that of gpu's is",
        ),
        (
            {"sandbox": "gvisor"},
            "{accelerator: nvidia-h100-80gb, sandbox: gvisor, nodes: {max:",
            "its sandbox is none, and that of gpu is gvisor",
        ),
    ],
    ids=["encrypted memory", "a sandbox"],
)
def test_the_pool_to_write_has_what_guards_the_nodes_of_the_model_s(keys: Document, written: str, because: str):
    parts = common(OWN, trust={"tier": "adversarial", "waivers": []})
    gke: Document = {"kind": "gke", "project": "example-llm-platform", "location": "europe-west4"}
    parts = {**parts, "cluster": gke, "pools": [pool("cpu", "cpu"), {**WHOLE, **keys}, OWN]}

    (finding,) = posture_of(parts).errors
    assert written in finding.message
    assert f"own for m, since {because}" in finding.message


def test_the_pool_to_write_has_nodes_for_whole_engines():
    """Three devices of four are taken on each node, so four engines need four nodes and not three."""
    parts = common(trust={"tier": "adversarial", "waivers": []})
    four = {**WHOLE, "gpus_per_node": 4}
    parts = {**parts, "pools": [pool("cpu", "cpu"), four], "models": [*MODELS, model("m", "gpu", gpus=3, replicas=4)]}

    (finding,) = posture_of(parts).errors
    assert "12 devices (m: 4 engines x 3)" in finding.message
    assert "{accelerator: nvidia-h100-80gb, gpus_per_node: 4, nodes: {max: 4}}" in finding.message


def test_a_pool_where_another_tenant_has_quota_is_not_to_be_made_its_own():
    parts = stack(WHOLE, trust={"tier": "adversarial", "waivers": []})
    others = {**parts, "tenants": [tenant("open", "small", quota={"gpu": 1}), tenant("secret", "m", sensitive=True)]}

    (alone,), (beside,) = posture_of(parts).errors, posture_of(others).errors
    assert "dedicated_to: secret on pool gpu" in alone.message
    assert "a pool with dedicated_to: secret, on which" in beside.message


# --- below the controls that go by it ---------------------------------------------------------------------------


def told(parts: Document) -> list[tuple[str | None, str, str]]:
    """Control, path and message of what is said of tenants whose sensitivity is not used."""
    warnings = posture_of(parts).warnings
    return [(one.control, one.path, one.message) for one in warnings if "is sensitive, and that changes" in one.message]


def two(**trust: object) -> Document:
    """Two tenants, one of them sensitive, who call one model without GPUs."""
    return document(trust=trust, tenants=[tenant("open", "small"), tenant("secret", "small", sensitive=True)])


@pytest.mark.parametrize("tier", ["trusted", "governed", "partitioned"])
def test_a_tier_that_does_not_go_by_it_says_that_it_changes_nothing_and_which_tier_would(tier: str):
    ((control, path, message),) = told(two(tier=tier))

    assert (control, path) == (None, "bulkhead:tenants[1].sensitive")
    assert message.startswith(f"Tenant secret is sensitive, and that changes nothing: neither tier {tier} nor")
    assert "bulkhead:trust.tier: adversarial, or KV1 and HW1 under bulkhead:trust.enable" in message


def test_where_there_are_gpus_it_decides_which_the_tenant_may_use_and_no_more():
    ((_, _, message),) = told(stack(DEDICATED))

    assert "that changes nothing but which GPUs it may use: neither tier trusted" in message


def test_the_tier_that_goes_by_it_has_nothing_to_say():
    assert told(two(tier="adversarial")) == []
    assert told(two(tier="trusted", enable=["KV1", "HW1"])) == []


@pytest.mark.parametrize(("enabled", "asleep", "missed"), [("KV1", "HW1", "off the nodes"), ("HW1", "KV1", "engines")])
def test_of_two_controls_the_one_that_is_not_asked_for_is_named(enabled: str, asleep: str, missed: str):
    ((control, _, message),) = told(two(tier="trusted", enable=[enabled]))

    assert control == asleep
    assert f"asks for {asleep}, which" in message
    assert missed in message


def test_it_is_no_error_and_each_such_tenant_is_told_of():
    parts = two(waivers=[waiver(control) for control in ("SR1", "SR2", "SR3")])
    parts["tenants"] = [tenant(name, "small", sensitive=True) for name in ("one", "two")]

    assert posture_of(parts).sound
    assert [path for _, path, _ in told(parts)] == ["bulkhead:tenants[0].sensitive", "bulkhead:tenants[1].sensitive"]


def test_nothing_is_told_of_the_only_tenant_or_of_tenants_that_are_not_sensitive():
    assert told(document(tenants=[tenant("secret", "small", sensitive=True)])) == []
    assert told(document(tenants=[tenant("one", "small"), tenant("two", "small")])) == []


@pytest.mark.parametrize("earlier", [ControlId.KV1, ControlId.HW1])
def test_the_tier_that_is_named_is_the_first_that_brings_every_control_that_sleeps(earlier: ControlId):
    controls = [
        replace(control, enforced_from=Tier.PARTITIONED) if control.id == earlier else control for control in CONTROLS
    ]
    other = ({ControlId.KV1, ControlId.HW1} - {earlier}).pop()

    def named(asked_for: set[ControlId]) -> str:
        (finding,) = unused_sensitivity(config_of(two()), asked_for, controls)
        return finding.message.partition("bulkhead:trust.tier: ")[2].partition(",")[0]

    assert named(set()) == "adversarial"
    assert named({other}) == "partitioned"
