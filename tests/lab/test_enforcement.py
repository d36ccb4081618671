"""`trust.admission.enforcement` on the lab: what `audit` lets pass and tells of is what `deny` refuses.

The same requests are sent three times, as dry runs: while the policies refuse, while they only audit, and once they
refuse again.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from infra.trust.posture import ControlState
from lab.cluster import Kubectl
from tests.days import in_days
from tests.lab.governed import GovernedPlatform
from tests.lab.local_stack import LocalStack
from tests.lab.platform import OTHER_TENANT, TENANT, WORKLOADS
from tests.lab.requests import Answer, Requester
from tests.lab.workloads import GPU, QUEUE_LABEL, Manifest, deployment, pod, pod_spec, with_container

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.timeout(1500)]

SECONDS = 120
"""More than each policy's copy takes to reach the API server's own cache."""
OUTSIDE = "default"
"""A namespace without queues; tenants have no rights there, so an administrator asks."""
AUDITING = {
    "tier": "governed",
    "tenants": "cooperative",
    "waivers": [{"control": "SR2", "owner": "tests", "reason": "a look first", "expires": in_days(100)}],
    "admission": {"enforcement": "audit"},
}
"""Two tenants require SR2, so that somebody has to answer for an audit."""
CHECKS = "apiserver_validating_admission_policy_check_total{"
GENERATED_PREFIX = "vpol-bulkhead-"


@dataclass(frozen=True)
class Objection:
    """A request that a policy objects to.

    Attributes:
        policy: Which one, less what all their names begin with.
        says: What the requester has to be told.
    """

    manifest: Manifest
    policy: str
    says: str


def service(**spec: Any) -> Manifest:
    ports = [{"port": 80}]
    metadata = {"name": "web", "namespace": WORKLOADS}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports, **spec}}


def gpu_pod(namespace: str = WORKLOADS, queue: str | None = None) -> Manifest:
    return pod("asks-for-a-gpu", namespace, pod_spec(GPU), labels={QUEUE_LABEL: queue} if queue else {})


VISIBLE = with_container(pod_spec(), env=[{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}])
OBJECTIONS: Mapping[str, Objection] = {
    "no queue": Objection(gpu_pod(), "gpu-pods", "SR2: "),
    "another tenant's queue": Objection(gpu_pod(queue=OTHER_TENANT), "gpu-pods", "anna does not act"),
    "an owner without a queue": Objection(deployment("bare", WORKLOADS, pod_spec(GPU)), "gpu-workloads", "SR2: "),
    "every device": Objection(pod("sees", WORKLOADS, VISIBLE), "gpu-pods", "NVIDIA_VISIBLE_DEVICES"),
    "a GPU where no queue is": Objection(gpu_pod(OUTSIDE), "gpu-elsewhere", "only in namespaces with queues"),
    "an address outside": Objection(service(externalIPs=["192.0.2.1"]), "ns3-service-addresses", "NS3: "),
}
WORK: Mapping[str, Manifest] = {
    "its own queue": gpu_pod(queue=TENANT),
    "an owner in its own queue": deployment("held", WORKLOADS, pod_spec(GPU), TENANT),
    "no GPU": pod("plain", WORKLOADS, pod_spec()),
    "a service": service(),
}


@dataclass(frozen=True)
class Enforced:
    """What came of the requests: objection's name → the answer.

    Attributes:
        denied: While the policies refused.
        audited: While they only audited.
        denied_again: When they refused again.
        work: Legitimate work's name → the answer while they only audited.
        counted: Policy → how many more requests than before the API server says that it would have refused.
        states: SR2's state in the deployed posture, at these three times.
    """

    denied: Mapping[str, Answer]
    audited: Mapping[str, Answer]
    denied_again: Mapping[str, Answer]
    work: Mapping[str, Answer]
    counted: Mapping[str, float]
    states: tuple[str, str, str]


@pytest.fixture(scope="module")
def enforced(governed: GovernedPlatform) -> Enforced:
    """The policies refuse, audit, and refuse again."""
    stack, kubectl = governed.stack, governed.kubectl
    member = Requester(kubectl, "anna", (governed.group(TENANT),))
    before, states = audited_requests(kubectl), [state_of_sr2(stack)]
    denied = answers(member, passes=False)
    try:
        with stack.edited(trust=AUDITING):
            stack.deploy()
            states.append(state_of_sr2(stack))
            audited = answers(member, passes=True)
            work = {name: member.create(manifest) for name, manifest in WORK.items()}
            after = audited_requests(kubectl)
    finally:
        stack.deploy()
    states.append(state_of_sr2(stack))
    return Enforced(
        denied=denied,
        audited=audited,
        denied_again=answers(member, passes=False),
        work=work,
        counted={policy: number - before.get(policy, 0) for policy, number in after.items()},
        states=(states[0], states[1], states[2]),
    )


def answers(member: Requester, *, passes: bool) -> Mapping[str, Answer]:
    """The answer to each objectionable request, once it is what is awaited; the last one where it never is."""
    return {name: settled(member, objection.manifest, passes=passes) for name, objection in OBJECTIONS.items()}


def settled(member: Requester, manifest: Manifest, *, passes: bool) -> Answer:
    who = Requester(member.kubectl) if manifest["metadata"]["namespace"] == OUTSIDE else member
    deadline = time.monotonic() + SECONDS
    while (answer := who.create(manifest)).passed is not passes and time.monotonic() < deadline:
        time.sleep(0.5)
    return answer


def audited_requests(kubectl: Kubectl) -> Mapping[str, float]:
    """Policy → how many requests the API server has let pass that the policy would have refused."""
    found: dict[str, float] = {}
    for line in kubectl.run("get", "--raw", "/metrics").splitlines():
        policy = re.search(r'[{,]policy="([^"]+)"', line)
        if line.startswith(CHECKS) and 'enforcement_action="audit"' in line and policy:
            found[policy[1]] = found.get(policy[1], 0) + float(line.rpartition(" ")[2])
    return found


def state_of_sr2(stack: LocalStack) -> str:
    rows = stack.engine.outputs()["posture"]["controls"]
    return next(str(row["state"]) for row in rows if row["id"] == "SR2")


@pytest.mark.parametrize("name", OBJECTIONS)
def test_what_is_refused_passes_with_a_warning_while_it_is_only_audited(enforced: Enforced, name: str) -> None:
    told, audited = OBJECTIONS[name], enforced.audited[name]

    assert audited.passed, audited.said
    assert "Warning: " in audited.said
    assert f"'{GENERATED_PREFIX}{told.policy}'" in audited.said
    assert told.says in audited.said
    for denied in (enforced.denied[name], enforced.denied_again[name]):
        assert not denied.passed, denied.said
        assert told.says in denied.said


@pytest.mark.parametrize("name", WORK)
def test_legitimate_work_is_not_warned_of(enforced: Enforced, name: str) -> None:
    answer = enforced.work[name]

    assert answer.passed, answer.said
    assert GENERATED_PREFIX not in answer.said


def test_the_api_server_counts_what_it_would_have_refused(enforced: Enforced) -> None:
    objecting = {f"{GENERATED_PREFIX}{objection.policy}" for objection in OBJECTIONS.values()}

    assert {policy for policy, more in enforced.counted.items() if more > 0} >= objecting


def test_what_only_audits_is_not_claimed_to_be_in_force(enforced: Enforced) -> None:
    assert enforced.states == (ControlState.ENFORCED, ControlState.WAIVED, ControlState.ENFORCED)
