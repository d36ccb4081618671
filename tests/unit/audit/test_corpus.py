"""The corpus: complete, coherent, and every attack a small step away from legitimate work."""

from collections import Counter
from typing import Any

import pytest

from infra.audit.corpus import Acting, Case, Operation, load_corpus, rendered
from infra.audit.corpus.loader import merge_patched, pod_path
from infra.audit.scene import scenes_of
from infra.config.trust import ControlId
from tests.unit.audit.stacks import platform

CORPUS = load_corpus()
ATTACKS = [case for case in CORPUS.cases if case.is_attack]
LEGITIMATE = [case for case in CORPUS.cases if not case.is_attack]
KINDS_THAT_MAKE_PODS = {
    "Pod",
    "Job",
    "CronJob",
    "Deployment",
    "StatefulSet",
    "ReplicaSet",
    "DaemonSet",
    "ReplicationController",
    "JobSet",
    "LeaderWorkerSet",
    "RayCluster",
    "RayJob",
    "RayService",
}


def of(control: ControlId) -> list[Case]:
    return [case for case in ATTACKS if case.control is control]


def test_there_are_at_least_a_hundred_and_fifty_attacks_and_forty_legitimate_workloads():
    assert len(ATTACKS) >= 150
    assert len(LEGITIMATE) >= 40


@pytest.mark.parametrize(
    "control",
    [
        ControlId.SR2,
        *(ControlId.NS1, ControlId.NS2, ControlId.NS3),
        *(ControlId.KV1, ControlId.KV2, ControlId.KV3),
        *(ControlId.HW2, ControlId.HW3),
    ],
)
def test_every_control_that_can_be_attacked_by_what_a_tenant_writes_is_attacked(control: ControlId):
    assert len(of(control)) >= 8


def test_every_kind_that_makes_pods_is_tried_with_a_gpu_and_without_a_queue():
    tried = {CORPUS.manifest(case).get("kind") for case in of(ControlId.SR2)}
    assert tried >= KINDS_THAT_MAKE_PODS


@pytest.mark.parametrize("control", [ControlId.HW2, ControlId.HW3])
def test_where_pods_are_placed_is_tried_with_legitimate_work_as_well(control: ControlId):
    assert len([case for case in LEGITIMATE if case.control is control]) >= 6


def test_every_operation_and_every_identity_is_tried():
    assert {case.operation for case in ATTACKS} == set(Operation)
    assert {case.acting for case in CORPUS.cases} == set(Acting)


@pytest.mark.parametrize("case", [case for case in ATTACKS if case.based_on], ids=lambda case: case.id)
def test_an_attack_differs_from_the_case_that_it_is_based_on(case: Case):
    assert case.based_on is not None
    base = CORPUS.case(case.based_on)
    assert (case.acting, CORPUS.manifest(case)) != (base.acting, CORPUS.manifest(base))


def test_no_two_attacks_are_the_same_request():
    requests = [
        repr((case.acting, case.operation, case.target, case.subresource, CORPUS.manifest(case))) for case in ATTACKS
    ]
    assert [request for request, count in Counter(requests).items() if count > 1] == []


@pytest.mark.parametrize("tier", ["trusted", "governed", "partitioned"])
def test_every_case_can_be_played_for_a_tenant_beside_another(tier: str):
    scene = scenes_of(platform(tier).blueprint, "node")[0]
    not_shared = {"other_namespace"} if tier != "partitioned" else set[str]()
    absent = {"serving_queue", "gpu_without_quota", "other_label_key", "other_label_value"}
    values = {**scene.values, **dict.fromkeys(not_shared | absent, "stand-in")}
    for case in CORPUS.cases:
        assert "${" not in repr(rendered(CORPUS.manifest(case), values)), case.id


def test_a_pod_is_found_in_every_kind_that_is_changed_by_its_pod():
    for case in CORPUS.cases:
        if case.pod or case.container:
            value: Any = CORPUS.manifest(case)
            for key in pod_path(value["kind"]):
                value = value[key]
            assert value["containers"], case.id


def test_a_merge_patch_removes_what_is_null_and_replaces_lists():
    assert merge_patched({"a": {"b": 1, "c": 2}, "d": [1, 2]}, {"a": {"b": None}, "d": [3]}) == {
        "a": {"c": 2},
        "d": [3],
    }
