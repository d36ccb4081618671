"""Readiness, judged from statuses as clusters report them."""

from typing import Any

import pytest

from lab.engine.kubernetes import readiness
from lab.engine.kubernetes.explaining import event_reasons, pod_reasons
from lab.engine.kubernetes.readiness import Failed, Pending, Ready, Verdict
from lab.engine.kubernetes.waiting import awaited, timeout_seconds

Object = dict[str, Any]


def condition(kind: str, status: str, **rest: str) -> Object:
    return {"type": kind, "status": status, **rest}


def deployment(status: Object, generation: int = 2, wanted: int = 2) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "generation": generation},
        "spec": {"replicas": wanted},
        "status": {"observedGeneration": 2, **status},
    }


ROLLED_OUT = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
DEADLINE = condition("Progressing", "False", reason="ProgressDeadlineExceeded", message="it has timed out")


def test_a_rolled_out_deployment_is_ready() -> None:
    assert readiness.deployment(deployment(ROLLED_OUT)) == Ready()


def test_a_deployment_scaled_to_nothing_is_ready() -> None:
    assert readiness.deployment(deployment({}, wanted=0)) == Ready()


@pytest.mark.parametrize(
    ("obj", "reason"),
    [
        (deployment(ROLLED_OUT, generation=3), "has not seen the change"),
        (deployment({**ROLLED_OUT, "updatedReplicas": 1}), "1 of 2 pods of the new revision"),
        (deployment({**ROLLED_OUT, "replicas": 3}), "1 pods of the old revision"),
        (deployment({**ROLLED_OUT, "availableReplicas": 1}), "1 of 2 pods are available"),
    ],
)
def test_a_deployment_under_way_says_what_is_missing(obj: Object, reason: str) -> None:
    verdict = readiness.deployment(obj)
    assert isinstance(verdict, Pending)
    assert reason in verdict.reason


def test_a_deployment_past_its_deadline_is_not_waited_for() -> None:
    verdict = readiness.deployment(deployment({"conditions": [DEADLINE]}))
    assert verdict == Failed("its progress deadline passed: it has timed out")


def stateful_set(**status: Any) -> Object:
    return {"metadata": {"generation": 1}, "spec": {"replicas": 1}, "status": {"observedGeneration": 1, **status}}


@pytest.mark.parametrize(
    ("obj", "verdict"),
    [
        (stateful_set(readyReplicas=1, currentRevision="a", updateRevision="a"), Ready()),
        (stateful_set(), Pending("0 of 1 pods are ready")),
        (
            stateful_set(readyReplicas=1, updatedReplicas=0, currentRevision="a", updateRevision="b"),
            Pending("0 of 1 pods run the new revision"),
        ),
    ],
)
def test_a_stateful_set_is_ready_when_its_newest_revision_is(obj: Object, verdict: Verdict) -> None:
    assert readiness.stateful_set(obj) == verdict


def test_a_stateful_set_updated_by_hand_waits_for_nobody() -> None:
    obj = stateful_set(readyReplicas=1, currentRevision="a", updateRevision="b")
    obj["spec"]["updateStrategy"] = {"type": "OnDelete"}
    assert readiness.stateful_set(obj) == Ready()


def test_a_complete_job_is_ready() -> None:
    assert readiness.job({"status": {"conditions": [condition("Complete", "True")]}}) == Ready()


def test_a_failed_job_ends_the_wait_with_its_message() -> None:
    failed = condition("Failed", "True", message="Job has reached the specified backoff limit")
    assert readiness.job({"status": {"conditions": [failed]}}) == Failed(
        "the Job failed: Job has reached the specified backoff limit"
    )


def test_a_suspended_job_says_that_its_queue_holds_it() -> None:
    verdict = readiness.job({"spec": {"suspend": True}, "status": {}})
    assert isinstance(verdict, Pending)
    assert "queue has not admitted it" in verdict.reason


def test_a_definition_is_ready_once_established() -> None:
    assert readiness.custom_resource_definition({"status": {}}) == Pending("it is not established")
    established = {"status": {"conditions": [condition("NamesAccepted", "True"), condition("Established", "True")]}}
    assert readiness.custom_resource_definition(established) == Ready()


def test_a_definition_whose_names_are_taken_fails() -> None:
    taken = condition("NamesAccepted", "False", message="plural name conflicts")
    assert isinstance(readiness.custom_resource_definition({"status": {"conditions": [taken]}}), Failed)


@pytest.mark.parametrize(
    ("phase", "mode", "verdict"),
    [
        ("Bound", "Immediate", Ready()),
        ("Pending", "WaitForFirstConsumer", Ready()),
        ("Pending", "Immediate", Pending("no volume is bound to it")),
        ("Lost", "Immediate", Failed("the volume that it was bound to is gone")),
    ],
)
def test_a_claim_is_awaited_only_where_it_binds_at_once(phase: str, mode: str, verdict: Verdict) -> None:
    assert readiness.volume_claim({"status": {"phase": phase}}, mode) == verdict


SLICE: Object = {"endpoints": [{"addresses": ["10.244.0.7"], "conditions": {"ready": True}}]}
UNREADY: Object = {"endpoints": [{"addresses": ["10.244.0.7"], "conditions": {"ready": False}}]}


@pytest.mark.parametrize(
    ("spec", "slices", "verdict"),
    [
        ({"selector": {"app": "web"}}, [SLICE], Ready()),
        ({"selector": {"app": "web"}}, [UNREADY], Pending("no ready pod matches its selector")),
        ({"selector": {"app": "web"}}, [], Pending("no ready pod matches its selector")),
        ({}, [], Ready()),
        ({"type": "ExternalName", "selector": {"app": "web"}}, [], Ready()),
        ({"type": "LoadBalancer"}, [], Pending("the load balancer has no address yet")),
    ],
)
def test_a_service_is_ready_when_something_answers_behind_it(
    spec: Object, slices: list[Object], verdict: Verdict
) -> None:
    assert readiness.service({"spec": spec}, slices) == verdict


def test_an_annotation_can_name_the_condition_to_wait_for() -> None:
    obj: Object = {"status": {"conditions": [condition("Active", "False", message="no flavor")]}}
    assert readiness.wanted_condition(obj, "condition=Active") == Pending("condition Active is False: no flavor")
    assert readiness.wanted_condition(obj, "condition=Active=False") == Ready()


@pytest.mark.parametrize("status", [{}, {"generated": False}, {"generated": "no"}])
def test_a_wait_for_a_field_ends_only_with_its_value(status: Object) -> None:
    assert isinstance(readiness.wanted_field({"status": status}, "jsonpath={.status.generated}=true"), Pending)


def test_a_wait_for_a_field_ends_with_its_value() -> None:
    obj = {"status": {"generated": True, "phase": "Bound"}}

    assert readiness.wanted_field(obj, "jsonpath={.status.generated}=true") == Ready()
    assert readiness.wanted_field(obj, "jsonpath={.status.phase}=Bound") == Ready()
    assert readiness.wanted_field(obj, "jsonpath={.status.phase}") == Ready()


def test_an_object_can_opt_out_of_being_awaited() -> None:
    skipping = deployment(ROLLED_OUT)
    skipping["metadata"]["annotations"] = {"pulumi.com/skipAwait": "true"}
    assert awaited(deployment(ROLLED_OUT))
    assert not awaited(skipping)
    assert not awaited({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}})


def test_the_programs_own_timeout_wins_over_the_annotation_and_the_default() -> None:
    annotated = deployment(ROLLED_OUT)
    annotated["metadata"]["annotations"] = {"pulumi.com/timeoutSeconds": "90"}
    assert timeout_seconds(annotated, custom=30) == 30
    assert timeout_seconds(annotated, custom=0) == 90
    assert timeout_seconds(deployment(ROLLED_OUT), custom=0) == 600


def test_a_pod_without_its_image_says_so() -> None:
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "nowhere/none:1"'}}
    pod = {"metadata": {"name": "web-1"}, "status": {"containerStatuses": [{"name": "main", "state": waiting}]}}
    assert pod_reasons(pod) == ['pod web-1, container main: ImagePullBackOff: Back-off pulling image "nowhere/none:1"']


def test_a_crashing_pod_shows_its_exit_code_and_message() -> None:
    status = {
        "name": "main",
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": 3, "reason": "Error", "message": "no database\n"}},
    }
    pod = {"metadata": {"name": "web-1"}, "status": {"containerStatuses": [status]}}
    assert "pod web-1, container main: ended with exit code 3 (Error): no database" in pod_reasons(pod)


def test_an_unscheduled_pod_shows_the_schedulers_reason() -> None:
    unscheduled = condition("PodScheduled", "False", message="0/3 nodes are available: 3 Insufficient nvidia.com/gpu")
    pod = {"metadata": {"name": "web-1"}, "status": {"conditions": [unscheduled]}}
    assert pod_reasons(pod) == ["pod web-1 is not scheduled: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu"]


def test_the_newest_warnings_come_first_and_once() -> None:
    def event(kind: str, time: str, message: str) -> Object:
        return {"type": kind, "reason": "FailedCreate", "message": message, "lastTimestamp": time}

    events = [event("Warning", "1", "old"), event("Normal", "3", "fine"), *[event("Warning", "2", "new")] * 2]
    assert event_reasons(events) == ["FailedCreate: new", "FailedCreate: old"]
