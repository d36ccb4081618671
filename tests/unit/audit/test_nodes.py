"""What nodes show of sharing, of MIG and of taints, and what that says of HW1 to HW3."""

import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pytest

from components.admission import sharing
from infra.audit.cluster import Answer
from infra.audit.nodes import nodes_judged, nodes_of
from infra.audit.report import AuditReport, Verdict, control_reports
from infra.audit.results import Observation, Outcome, Probe
from infra.audit.run import Doors, Wanted, audit
from infra.blueprint.model import Blueprint
from infra.blueprint.nodes import dedicated_taint
from infra.cli import exit_codes
from infra.cli.audit import exit_code_of
from infra.config.loader import parse
from infra.config.trust import ControlId
from infra.faults import CommandFailedError
from infra.posture import Platform, platform_of
from infra.report.audit_json import audit_json
from infra.report.audit_table import print_audit
from tests.unit.audit.fake_cluster import FakeCluster
from tests.unit.audit.stacks import TODAY, document, platform

POOL = "example.com/pool"
DEDICATED = "bulkhead.dev/dedicated-to"
MIG = "nvidia.com/mig-1g.10gb"
GPU = "nvidia.com/gpu"
OWNER = "tenant-0"
HW = (ControlId.HW1, ControlId.HW2, ControlId.HW3)
ALL_HOLD = dict.fromkeys(HW, Verdict.HOLDS)
Document = Mapping[str, Any]


@cache
def divided() -> Platform:
    """The `adversarial` tier: MIG for both tenants, GPUs for engines, and nodes of one tenant's, without GPUs too."""
    written: Any = document("adversarial")
    written["bulkhead:pools"] = [
        pool("cpu", "cpu"),
        pool("split", "nvidia-h100-80gb", gpus_per_node=2, partition={"kind": "mig", "size": "1g.10gb"}),
        pool("engines", "nvidia-l4", gpus_per_node=2),
        pool("own", "nvidia-l4", dedicated_to=OWNER),
        pool("quiet", "cpu", dedicated_to=OWNER),
    ]
    written["bulkhead:tenants"] = [{**one, "gpu_quota": {"split": 1}} for one in written["bulkhead:tenants"]]
    config = parse(written, TODAY)
    assert not isinstance(config, list), config
    return platform_of("tests", config, TODAY)


def pool(name: str, accelerator: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "accelerator": accelerator, "nodes": {"max": 2}, "node_labels": {POOL: name}, **more}


def node(
    of: str,
    devices: Mapping[str, object] | None = None,
    labels: Mapping[str, str] | None = None,
    taint: tuple[str, str] | None = None,
    name: str = "",
) -> Document:
    """A node of a pool as the API server lists it; `taint` is (tenant, effect) of what dedicates it."""
    amounts = {"cpu": "8", **{resource: str(count) for resource, count in (devices or {}).items()}}
    own = [{"key": DEDICATED, "value": taint[0], "effect": taint[1]}] if taint else []
    return {
        "metadata": {"name": name or f"{of}-0", "labels": {POOL: of, **(labels or {})}},
        "spec": {"taints": [{"key": GPU, "value": "present", "effect": "NoSchedule"}, *own]},
        "status": {"capacity": amounts, "allocatable": amounts},
    }


OWNED = (OWNER, "NoSchedule")
SOUND: Mapping[str, Document] = {
    "cpu": node("cpu"),
    "split": node("split", {MIG: 14}),
    "engines": node("engines", {GPU: 2}),
    "own": node("own", {GPU: 1}, taint=OWNED),
    "quiet": node("quiet", taint=OWNED),
}


def closed() -> Any:
    raise AssertionError("nodes are read from the API server")


def audited(*changed: Document, without: Sequence[str] = (), of: Platform | None = None) -> AuditReport:
    """The nodes of `SOUND` without those of some pools, and others beside them."""
    nodes = [*(made for name, made in SOUND.items() if name not in without), *changed]
    cluster = FakeCluster(lambda _: Answer(201, {"status": {"allowed": True}}), nodes=nodes)
    return audit(cluster, of or divided(), Wanted("tests", (Probe.NODES,)), doors=Doors(closed, closed))


def verdicts(found: AuditReport) -> dict[ControlId, Verdict]:
    return {row.control: row.verdict for row in found.controls if row.control in HW}


def failures(found: AuditReport) -> dict[tuple[ControlId, str], str]:
    return {(one.control, one.case): one.seen for row in found.controls for one in row.of(Outcome.FAILS)}


def printed(found: AuditReport) -> str:
    stream = io.StringIO()
    print_audit(found, stream)
    return stream.getvalue()


def test_nodes_as_the_stack_file_says_show_that_the_three_controls_hold() -> None:
    found = audited()

    assert verdicts(found) == ALL_HOLD
    assert exit_code_of(found) == exit_codes.SOUND


def test_an_audit_of_every_probe_that_looks_at_nodes_lists_them_once() -> None:
    cluster = FakeCluster(lambda _: Answer(201, {"status": {"allowed": True}}), nodes=list(SOUND.values()))
    probes = (Probe.ADMISSION, Probe.ACCESS, Probe.NODES)

    audit(cluster, divided(), Wanted("tests", probes), doors=Doors(closed, closed))

    assert [one.path for one in cluster.asked].count("/api/v1/nodes") == 1


# --- HW2 --------------------------------------------------------------------------------------------------------


SHARING = {
    "nvidia.com/gpu.sharing-strategy": ("time-slicing", "none"),
    "nvidia.com/mig-1g.10gb.sharing-strategy": ("mps", "none"),
    "nvidia.com/gpu.replicas": ("4", "1"),
    "nvidia.com/mig-1g.10gb.replicas": ("2", "0"),
    "nvidia.com/gpu.product": ("NVIDIA-H100-80GB-HBM3-SHARED", "NVIDIA-H100-80GB-HBM3"),
    "nvidia.com/mig-1g.10gb.product": ("NVIDIA-H100-MIG-1g.10gb-SHARED", "NVIDIA-H100-MIG-1g.10gb"),
    "nvidia.com/mps.capable": ("true", "false"),
}
"""Label → what it says of nodes that share GPUs, and of others."""


@pytest.mark.parametrize("label", SHARING)
def test_a_label_of_nodes_that_share_gpus_breaks_hw2_and_its_value_elsewhere_does_not(label: str) -> None:
    shared, unshared = SHARING[label]

    found = audited(node("split", {MIG: 14}, {label: shared}), without=["split"])

    assert verdicts(found) == {**ALL_HOLD, ControlId.HW1: Verdict.FAILS, ControlId.HW2: Verdict.FAILS}
    assert failures(found)[ControlId.HW2, "shared-gpus-of-split"] == f"split-0 has the label {label}={shared}"
    assert exit_code_of(found) == exit_codes.UNSOUND
    assert verdicts(audited(node("split", {MIG: 14}, {label: unshared}), without=["split"])) == ALL_HOLD


@pytest.mark.parametrize(
    "label", ["cloud.google.com/gke-gpu-sharing-strategy", "cloud.google.com/gke-max-shared-clients-per-gpu"]
)
def test_gkes_labels_are_on_no_other_nodes(label: str) -> None:
    found = audited(node("engines", {GPU: 2}, {label: "2"}), without=["engines"])

    assert verdicts(found)[ControlId.HW2] is Verdict.FAILS


@pytest.mark.parametrize("label", sharing.SHARING_LABELS)
def test_nodes_that_no_tenant_may_select_are_found_by_the_same_labels(label: str) -> None:
    """What admission refuses in a pod's selector, an audit finds on a node, and both let the same values pass."""
    shared = audited(node("engines", {GPU: 2}, {label: "4"}), without=["engines"])
    unshared = [one.partition("=")[2] for one in sharing.UNSHARED if one.startswith(f"{label}=")]

    assert verdicts(shared)[ControlId.HW2] is Verdict.FAILS
    for value in unshared:
        assert verdicts(audited(node("engines", {GPU: 2}, {label: value}), without=["engines"])) == ALL_HOLD


@pytest.mark.parametrize(
    ("of", "doubled", "unshared"),
    [("split", {MIG: 28}, {MIG: 14}), ("engines", {GPU: 4}, {GPU: 2}), ("engines", {GPU: "1k"}, {GPU: 1})],
)
def test_more_devices_than_its_gpus_have_are_shared_ones(
    of: str, doubled: Mapping[str, object], unshared: Mapping[str, object]
) -> None:
    found = audited(node(of, doubled), without=[of])

    assert verdicts(found) == {**ALL_HOLD, ControlId.HW1: Verdict.FAILS, ControlId.HW2: Verdict.FAILS}
    assert "gpus_per_node: 2 by the stack file" in failures(found)[ControlId.HW2, f"shared-gpus-of-{of}"]
    assert verdicts(audited(node(of, unshared), without=[of])) == ALL_HOLD


def test_devices_that_are_ill_are_counted_with_the_others() -> None:
    ill = {**node("engines", {GPU: 4}), "status": {"capacity": {GPU: "4"}, "allocatable": {GPU: "2"}}}

    assert verdicts(audited(ill, without=["engines"]))[ControlId.HW2] is Verdict.FAILS


def test_a_resource_name_of_shared_gpus_breaks_hw2_however_few_there_are() -> None:
    found = audited(node("split", {f"{MIG}.shared": 1}), without=["split"])

    assert failures(found)[ControlId.HW2, "shared-gpus-of-split"] == f"split-0 shows 1 {MIG}.shared"


def test_a_tenant_that_shares_its_own_gpus_with_itself_meets_nobody() -> None:
    found = audited(node("own", {GPU: 2}, taint=OWNED), without=["own"])

    assert verdicts(found) == {**ALL_HOLD, ControlId.HW2: Verdict.FAILS}


def test_gpus_that_are_shared_beside_the_stacks_pools_are_found_by_their_names() -> None:
    found = audited(node("a-stranger", {GPU: 8}, {"nvidia.com/gpu.replicas": "2"}))

    assert list(failures(found)) == [(ControlId.HW2, "shared-gpus-elsewhere")]
    assert verdicts(audited(node("a-stranger", {GPU: 8}))) == ALL_HOLD


# --- HW1 --------------------------------------------------------------------------------------------------------


def test_gpus_that_mig_does_not_divide_break_hw1_alone() -> None:
    found = audited(node("split", {GPU: 1, MIG: 7}), without=["split"])

    assert verdicts(found) == {**ALL_HOLD, ControlId.HW1: Verdict.FAILS}
    assert "split-0 hands out 1 nvidia.com/gpu" in failures(found)[ControlId.HW1, "partition-of-split"]
    assert "two tenants on one device of split, or on a GPU that is not divided" in printed(found)


def as_on_gke(blueprint: Blueprint) -> Blueprint:
    """GKE shows MIG instances by the name of whole GPUs."""
    return dataclasses.replace(
        blueprint, pools=tuple(dataclasses.replace(one, resource=GPU) for one in blueprint.pools)
    )


@pytest.mark.parametrize(("devices", "outcome"), [(14, Outcome.HOLDS), (13, Outcome.HOLDS), (2, Outcome.FAILS)])
def test_on_gke_their_number_tells_instances_from_gpus(devices: int, outcome: Outcome) -> None:
    cluster = FakeCluster(nodes=[node("split", {GPU: devices})])

    found = nodes_judged(nodes_of(cluster), as_on_gke(divided().blueprint), frozenset(HW))

    assert outcome_of(found, "partition-of-split") is outcome
    assert outcome_of(found, "shared-gpus-of-split") is Outcome.HOLDS


def outcome_of(found: Sequence[Observation], case: str) -> Outcome:
    (outcome,) = [one.outcome for one in found if one.case == case]
    return outcome


# --- HW3 and HW1: the taint of a dedicated pool -----------------------------------------------------------------


@pytest.mark.parametrize("taint", [None, ("tenant-1", "NoSchedule"), (OWNER, "PreferNoSchedule")])
def test_without_its_owners_taint_a_pool_is_nobodys(taint: tuple[str, str] | None) -> None:
    found = audited(node("own", {GPU: 1}, taint=taint), without=["own"])

    assert verdicts(found) == {**ALL_HOLD, ControlId.HW1: Verdict.FAILS, ControlId.HW3: Verdict.FAILS}
    lacking = f"own-0 lacks the taint {DEDICATED}={OWNER}:NoSchedule"
    assert failures(found)[ControlId.HW3, "taint-of-own"] == lacking
    assert verdicts(audited(node("own", {GPU: 1}, taint=(OWNER, "NoExecute")), without=["own"])) == ALL_HOLD


def test_a_pool_says_of_its_taint_what_its_nodes_are_made_with() -> None:
    """The audit looks for the very taint that pools of this stack get, and tells it as kubectl takes it."""
    taint = dedicated_taint(OWNER)
    tainted = dataclasses.replace(nodes_of(FakeCluster(nodes=[node("own", {GPU: 1})]))[0], taints=frozenset({taint}))

    found = nodes_judged([tainted], divided().blueprint, frozenset(HW))

    assert str(taint) == f"{DEDICATED}={OWNER}:NoSchedule"
    assert outcome_of(found, "taint-of-own") is outcome_of(found, "partition-of-own") is Outcome.HOLDS


def test_nodes_without_gpus_are_a_tenants_own_by_their_taint_too() -> None:
    found = audited(node("quiet"), without=["quiet"])

    assert list(failures(found)) == [(ControlId.HW3, "taint-of-quiet")]


def test_one_node_of_many_that_lacks_the_taint_is_named_and_of_many_four() -> None:
    one = audited(node("own", {GPU: 1}, name="own-1"))
    many = audited(*(node("own", {GPU: 1}, name=f"own-{index}") for index in range(1, 8)))

    assert failures(one)[ControlId.HW3, "taint-of-own"].startswith("own-1 lacks")
    assert failures(many)[ControlId.HW3, "taint-of-own"].endswith("and 3 more")


# --- what cannot be judged --------------------------------------------------------------------------------------


def test_a_pool_without_nodes_is_said_and_what_others_show_counts() -> None:
    found = audited(without=["split", "own"])

    assert verdicts(found) == ALL_HOLD
    assert exit_code_of(found) == exit_codes.SOUND
    assert "split has no node now: partition-of-split, shared-gpus-of-split" in printed(found)
    row = next(row for row in json.loads(audit_json(found))["controls"] if row["id"] == "HW3")
    assert [case["case"] for case in row["not_there"]] == ["taint-of-own"]
    assert (row["unproven"], row["unproven_for"]) == ([], [])


def test_nodes_that_show_no_gpus_yet_tell_of_no_gpus_and_have_their_taint() -> None:
    found = audited(node("own", taint=OWNED), node("split"), without=["own", "split"])

    assert verdicts(found) == ALL_HOLD
    assert "no node of split shows GPUs yet" in printed(found)
    assert verdicts(audited(node("own"), without=["own"]))[ControlId.HW3] is Verdict.FAILS


def test_where_every_pool_is_scaled_to_zero_nothing_is_shown_by_nodes() -> None:
    found = audited(without=["split", "engines", "own", "quiet"])

    assert verdicts(found) == dict.fromkeys(HW, Verdict.NOT_PROBED)
    assert exit_code_of(found) == exit_codes.FAILED
    assert "Nothing was tried" in printed(found)


def test_nodes_that_are_not_there_leave_what_admission_has_shown() -> None:
    absent = nodes_judged((), divided().blueprint, frozenset(HW))
    refused = dataclasses.replace(
        absent[0], control=ControlId.HW2, probe=Probe.ADMISSION, tenant=OWNER, outcome=Outcome.HOLDS
    )

    rows = control_reports(divided().posture, [*absent, refused], (Probe.ADMISSION, Probe.NODES))

    told = {row.control: row for row in rows}
    assert (told[ControlId.HW2].verdict, told[ControlId.HW2].unproven_for) == (Verdict.HOLDS, ())
    assert told[ControlId.HW1].verdict is Verdict.NOT_PROBED
    # Of admission itself nothing was shown: that no node is there does not stand for it.
    assert told[ControlId.HW3].verdict is Verdict.UNPROVEN


def test_a_stack_without_gpus_has_nothing_that_nodes_could_show() -> None:
    found = nodes_judged((), dataclasses.replace(divided().blueprint, pools=()), frozenset(HW))

    assert {one.control: one.outcome for one in found} == dict.fromkeys(HW, Outcome.NOT_THERE)


def test_what_nobody_claims_is_seen_and_not_judged() -> None:
    nodes = [node("l4", {GPU: 2}, {"cloud.google.com/gke-accelerator": "nvidia-l4"})]
    cluster = FakeCluster(lambda _: Answer(201, {"status": {"allowed": True}}), nodes=nodes)

    found = audit(cluster, platform("governed"), Wanted("tests", (Probe.NODES,)), doors=Doors(closed, closed))

    assert verdicts(found) == dict.fromkeys(HW, Verdict.NOT_CLAIMED)
    shared = next(row for row in found.controls if row.control is ControlId.HW2).of(Outcome.NOT_CLAIMED)
    assert "l4-0 shows 2 nvidia.com/gpu" in shared[0].seen


def test_whoever_may_not_list_nodes_is_told_so() -> None:
    class Refusing(FakeCluster):
        def call(self, *_arguments: Any, **_more: Any) -> Answer:
            return Answer(403, {"message": "nodes is forbidden"})

    with pytest.raises(CommandFailedError, match="does not let you list its nodes"):
        nodes_of(Refusing())
