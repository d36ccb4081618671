"""`bulkhead audit` on the lab: what each tier claims holds on a live cluster, and what does not hold is found.

Nothing of the corpus is left out because the lab lacks a kind: definitions stand in for those of other projects.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from benchmarks.naive_policy import compared
from infra.audit.budgets.settings import FAIL_CLOSED
from infra.audit.corpus import load_corpus
from infra.audit.judgement import MECHANISM_WORDS
from infra.audit.mechanism import Mechanism
from infra.audit.offline.run import audit_offline
from infra.audit.packets.places import FORBIDDEN, KNOCKER
from infra.audit.results import Probe
from infra.cli.offline import kyverno_binary, stand_in_secrets
from infra.cli.options import today
from infra.config.loader import load_stack_file
from infra.plan import plan
from infra.posture import platform_of
from infra.report.audit_json import audit_document
from lab import cluster
from lab.errors import LabError
from lab.quickstart.cluster_access import ClusterAccess
from tests.fixtures.left_to_a_cluster import LEFT_TO_A_CLUSTER
from tests.fixtures.workload_kinds import definitions, runtime_class
from tests.lab import openai_like, packets
from tests.lab.adversarial import OWN, SERVING_POOL, SPLIT, AdversarialPlatform
from tests.lab.governed import GovernedPlatform
from tests.lab.gpu_nodes import MIG_INSTANCE, MIG_INSTANCES_PER_GPU, H100Pool, node_beside
from tests.lab.isolated import IsolatedPlatform
from tests.lab.local_stack import LocalStack
from tests.lab.partitioned import PartitionedPlatform
from tests.lab.platform import MODEL, OTHER_TENANT, TENANT, WORKLOADS, TeamPlatform
from tests.lab.workloads import GPU, deployment, pod_spec

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

NAIVE_POLICY = Path(__file__).parents[1] / "fixtures" / "naive_gpu_policy.yaml"
POLICY_SECONDS = 60
COUNTING_SECONDS = 120
"""More than the controller of quotas takes to find kinds that are new, for which it looks every half minute."""
MADE_BY_AUDITS = (
    "namespaces,clusterroles,clusterrolebindings,pods,deployments,replicasets,configmaps,services",
    "--all-namespaces",
    "--selector=bulkhead.dev/audit",
    "--output=name",
)
UNPROVABLE = {"scale-what-has-no-queue", "unmasked-proc", "gpus-of-a-kind-without-quota"}
"""Needs a workload from before the policy, which not even an administrator can make any more; is refused by the API
server itself before any control is asked; needs a kind of GPU of which the tenant has no quota, and it has all."""
MUCH_WORK = 40
"""Legitimate workloads, over two tenants, of which an audit sees more than this."""
COUNTED = ("attacks_refused", "attacks_admitted", "work_passed", "work_refused")

Document = Mapping[str, Any]


@pytest.fixture(scope="module")
def kinds(lab_cluster: cluster.Cluster) -> Generator[None]:
    """Every kind that the corpus names."""
    kubectl = cluster.Kubectl(lab_cluster.kubectl, lab_cluster.kubeconfig)
    made = yaml.safe_dump_all([*definitions(), runtime_class()])
    kubectl.run("apply", "--server-side", "--filename=-", given=made)
    kubectl.run("wait", "crd", "--all", "--for=condition=Established", "--timeout=60s")
    count_anew(kubectl)
    yield
    kubectl.run("delete", "--filename=-", "--ignore-not-found", given=made)


def count_anew(kubectl: cluster.Kubectl) -> None:
    """Let every quota count kinds that are new.

    By itself it does so every five minutes, and refuses them until then.
    """
    deadline = time.monotonic() + COUNTING_SECONDS
    while behind := [quota for quota in quotas(kubectl) if uncounted(quota)]:
        assert time.monotonic() < deadline, [sorted(uncounted(quota)) for quota in behind]
        for quota in behind:
            name, namespace = quota["metadata"]["name"], quota["metadata"]["namespace"]
            for limit in ("1000", None):
                patch = json.dumps({"spec": {"hard": {"count/leases.coordination.k8s.io": limit}}})
                kubectl.run("patch", "resourcequota", name, "--namespace", namespace, "--type=merge", "--patch", patch)
        time.sleep(2)


def quotas(kubectl: cluster.Kubectl) -> list[Document]:
    return cast("list[Document]", kubectl.items("resourcequotas", "--all-namespaces"))


def uncounted(quota: Document) -> set[str]:
    """What a quota limits and has not counted yet."""
    return set(quota["spec"]["hard"]) - set(quota.get("status", {}).get("used", {}))


def command(stack: LocalStack, *arguments: str) -> list[str]:
    return [str(Path(sys.executable).parent / "bulkhead"), "audit", "--stack-file", str(stack.file), *arguments]


def audited(stack: LocalStack, *arguments: str, status: int = 0) -> Document:
    done = subprocess.run(
        command(stack, "--json", *arguments),
        env=stack.engine.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == status, why(done)
    return json.loads(done.stdout)


def why(done: subprocess.CompletedProcess[str]) -> str:
    """What explains the exit status of an audit: of its report, only what did not hold or was not shown."""
    try:
        controls = json.loads(done.stdout)["controls"]
    except json.JSONDecodeError:
        return done.stderr + done.stdout
    told = [
        f"{row['id']} {row['verdict']}: {name} {case['tenant']} {case['case']}: {case['seen']}"
        for row in controls
        for name in ("failures", "unproven")
        for case in row[name]
        if name == "failures" or row["verdict"] == "unproven"
    ]
    return "\n".join([f"exit status {done.returncode}", done.stderr.strip(), *told])


def control(document: Document, identifier: str) -> Mapping[str, Any]:
    return next(row for row in document["controls"] if row["id"] == identifier)


def verdicts(document: Document) -> dict[str, str]:
    return {row["id"]: row["verdict"] for row in document["controls"]}


def attacks(*controls: str) -> set[str]:
    """Attacks of the corpus that these controls stand against."""
    return {case.id for case in load_corpus().cases if case.is_attack and str(case.control) in controls}


def unproven(document: Document) -> set[str]:
    """Cases of the corpus of which nothing was shown for the tenant that has GPUs."""
    return {
        case["case"]
        for row in document["controls"]
        for case in row["unproven"]
        if case["probe"] == "admission" and case["tenant"] == TENANT
    }


def left_behind(kubectl: cluster.Kubectl) -> str:
    return kubectl.run("get", *MADE_BY_AUDITS).strip()


# --- trusted ----------------------------------------------------------------------------------------------------


def test_the_trusted_tier_refuses_nothing_of_the_corpus_by_a_policy_and_legitimate_work_passes(
    team: TeamPlatform, kinds: None, kubectl: cluster.Kubectl
) -> None:
    # 3: nothing that the tier claims is anything that this probe could show.
    found = audited(team.stack, "--only", "admission", status=3)
    assert found["work_refused"] == 0
    assert found["work_passed"] > MUCH_WORK
    assert claimed_above_trusted(found) == set()
    tried = [case for row in found["controls"] for case in row["not_claimed"]]
    admitted = {case["case"] for case in tried if case["seen"].endswith("admitted")}
    assert len(admitted & {case.id for case in load_corpus().cases}) > 60
    assert [case["case"] for case in tried if MECHANISM_WORDS[Mechanism.POLICY] in case["seen"]] == []
    assert left_behind(kubectl) == ""


@pytest.mark.full
def test_the_trusted_tier_claims_nothing_of_the_network(team: TeamPlatform, kubectl: cluster.Kubectl) -> None:
    found = audited(team.stack, "--only", "packets", status=3)
    assert found["work_refused"] == 0
    assert found["work_passed"] > 0
    assert claimed_above_trusted(found) == set()
    assert left_behind(kubectl) == ""


def claimed_above_trusted(document: Document) -> set[str]:
    return {
        name
        for name, verdict in verdicts(document).items()
        if name[:2] in {"SR", "NS", "HW"} and verdict != "not claimed"
    }


@pytest.mark.full
def test_the_trusted_tiers_keys_and_budgets_are_shown_to_hold(team: TeamPlatform) -> None:
    found = audited(team.stack, "--only", "budgets")
    assert {name: verdict for name, verdict in verdicts(found).items() if name in {"AC1", "AC2", "SR3"}} == {
        "AC1": "holds",
        "AC2": "holds",
        "SR3": "not claimed",
    }
    assert (found["attacks_admitted"], found["work_refused"]) == (0, 0)
    assert {("", "spends-on"), ("", "beyond-its-limit")} <= held(found, "AC2")
    # On purpose: in this tier a request that the budget does not pay for is answered as long as anything is left.
    assert "beyond-its-budget" in {case["case"] for case in control(found, "SR3")["not_claimed"]}
    assert trial_teams(team) == []


@pytest.mark.full
def test_budgets_that_fail_open_are_found_where_a_stack_claims_that_they_do_not(team: TeamPlatform) -> None:
    """As deployed, the platform is trusted; the stack file says that it is governed, and nobody has deployed that."""
    with team.stack.edited(trust={"tier": "governed", "tenants": "cooperative"}):
        found = audited(team.stack, "--only", "budgets", status=1)
    row = control(found, "SR3")
    assert row["verdict"] == "does not hold"
    assert {case["case"] for case in row["failures"]} == {
        "setting-fail_closed_budget_enforcement",
        "setting-fail_closed_rate_limit_enforcement",
        "beyond-its-budget",
    }
    assert {name: verdicts(found)[name] for name in ("AC1", "AC2")} == {"AC1": "holds", "AC2": "holds"}
    assert trial_teams(team) == []


def trial_teams(platform: TeamPlatform) -> list[str]:
    """The teams that audits have made at the gateway and not removed."""
    with platform.admin() as port:
        return trial_teams_at(port, platform.master_key)


def trial_teams_at(port: int, master_key: str) -> list[str]:
    """The same, by a port that leads to the administration already."""
    found: list[str] = []
    page, last = 1, 1
    while page <= last:
        path = f"/v2/team/list?page={page}&page_size=100"
        listed = openai_like.answer(port, master_key, "GET", path).json()
        found += [team["team_id"] for team in listed["teams"]]
        page, last = page + 1, listed["total_pages"]
    assert found, "the tenants' own teams are not listed"
    return [team for team in found if team.startswith("bulkhead-audit-")]


# --- governed ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def audit_of_governed(governed: GovernedPlatform, kinds: None) -> Document:
    with packets.metadata_server():
        return audited(governed.stack)


@pytest.fixture(scope="module")
def foreseen_of_governed(governed: GovernedPlatform) -> Document:
    return offline(governed.stack)


def test_every_control_that_governed_claims_holds_and_no_work_is_refused(audit_of_governed: Document) -> None:
    assert (audit_of_governed["attacks_admitted"], audit_of_governed["work_refused"]) == (0, 0)
    assert audit_of_governed["work_passed"] > MUCH_WORK
    found = verdicts(audit_of_governed)
    assert {found[name] for name in ("AC1", "AC2", "SR1", "SR2", "SR3")} == {"holds"}
    assert {found[name] for name in ("NS1", "NS2", "NS3", "NS4", "HW3")} == {"not claimed"}


def test_every_attack_on_the_queues_is_tried_on_the_cluster(audit_of_governed: Document) -> None:
    assert unproven(audit_of_governed) & attacks("SR2") <= UNPROVABLE


def held(document: Document, identifier: str) -> set[tuple[str, str]]:
    """(Tenant, case) of what held of a control of which nothing failed and nothing is unproven."""
    row = control(document, identifier)
    assert (row["failures"], row["unproven"]) == ([], [])
    return {(case["tenant"], case["case"]) for case in row["held"]}


def of_each_tenant(*cases: str) -> set[tuple[str, str]]:
    return {(tenant, case) for tenant in (TENANT, OTHER_TENANT) for case in cases}


def test_every_key_is_tried_where_it_must_not_open_anything(audit_of_governed: Document) -> None:
    strangers = {("", case) for case in ("without-a-key", "made-up-key", "administers")}
    own = of_each_tenant("models-of-its-record", "makes-a-key", "passes-by", "raises-a-budget", "sets-fallbacks")
    assert strangers | own <= held(audit_of_governed, "AC1")


def test_every_budget_and_limit_is_tried_and_prices_are_read(audit_of_governed: Document) -> None:
    platform = {("", case) for case in ("spends-on", "beyond-its-limit", "within-its-budget", f"price-of-{MODEL}")}
    own = of_each_tenant("more-than-its-record", "sets-input_cost_per_token", "sets-mock_response")
    assert platform | own <= held(audit_of_governed, "AC2")


def test_every_setting_that_fails_closed_is_read_and_what_shows_it_is_tried(audit_of_governed: Document) -> None:
    tried = {"beyond-its-budget", "beyond-its-limit-elsewhere"}
    settings = {f"setting-{setting.name}" for setting in FAIL_CLOSED} | {"replicas-count-apart", "edited-settings"}
    assert held(audit_of_governed, "SR3") == {("", case) for case in tried | settings}


def test_an_audit_leaves_no_account_at_the_gateway(
    audit_of_governed: Document, governed: GovernedPlatform, access: ClusterAccess
) -> None:
    assert trial_teams(TeamPlatform(governed.stack, access)) == []


def assert_new_pods_close(document: Document, *directions: str) -> None:
    """Every tenant's new pod was measured, and was seen open for a moment or never."""
    windows = document["new_pod_windows"]
    assert {(window["tenant"], window["direction"]) for window in windows} == of_each_tenant(*directions)
    assert all(window["ended"] for window in windows)
    assert all(0 < window["milliseconds"] < 2000 for window in windows if window["milliseconds"] is not None)


def refused(document: Document, identifier: str) -> set[str]:
    """The connections of which a control held: somebody else has shown that they open."""
    return {case["case"] for case in control(document, identifier)["held"] if case["probe"] == "packets"}


def of_each_tenant_to(destination: str) -> set[str]:
    return {f"tenant {tenant} to {destination}" for tenant in (TENANT, OTHER_TENANT)}


def test_an_audit_says_how_long_a_new_pod_is_open(audit_of_governed: Document) -> None:
    assert_new_pods_close(audit_of_governed, "out")
    # What no new pod was seen to reach is there all the same.
    assert of_each_tenant_to(FORBIDDEN) <= refused(audit_of_governed, "SR1")


def test_nobody_of_the_platform_reaches_a_metadata_server_that_is_there(audit_of_governed: Document) -> None:
    """The pod outside the platform does, or these refusals would not count."""
    callers = {"gateway", "accounts", f"engine {MODEL}", "prometheus"}
    expected = {f"{caller} to metadata server" for caller in callers} | of_each_tenant_to("metadata server")
    assert expected <= refused(audit_of_governed, "SR1")


def test_an_audit_leaves_nothing_behind(audit_of_governed: Document, kubectl: cluster.Kubectl) -> None:
    assert left_behind(kubectl) == ""


@pytest.mark.full
@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["ctrl-c", "sigterm", "closed terminal"]
)
@pytest.mark.parametrize("probe", ["admission", "packets"])
def test_an_interrupted_audit_leaves_nothing_behind(
    governed: GovernedPlatform, kubectl: cluster.Kubectl, number: signal.Signals, probe: str
) -> None:
    interrupt(governed.stack, probe, number, lambda: bool(left_behind(kubectl)))
    assert left_behind(kubectl) == ""


def interrupt(stack: LocalStack, probe: str, number: signal.Signals, has_begun: Callable[[], bool]) -> None:
    """Begin an audit of one probe, interrupt it as soon as it has made something, and see it end as interrupted."""
    with subprocess.Popen(
        # What is started in the background inherits what is ignored, and this run may have been.
        ["env", "--default-signal=INT,HUP", *command(stack, "--only", probe)],
        env=stack.engine.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as running:
        try:
            deadline = time.monotonic() + 120
            while not has_begun():
                assert running.poll() is None, "the audit ended before it could be interrupted"
                assert time.monotonic() < deadline, "the audit made nothing"
            os.kill(running.pid, number)
            assert running.wait(timeout=180) == 130
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)


@pytest.mark.full
def test_an_audit_that_is_interrupted_while_it_tries_budgets_leaves_no_account_at_the_gateway(
    governed: GovernedPlatform, access: ClusterAccess
) -> None:
    platform = TeamPlatform(governed.stack, access)
    key = platform.master_key
    with platform.admin() as port:
        interrupt(governed.stack, "budgets", signal.SIGINT, lambda: bool(trial_teams_at(port, key)))
    assert trial_teams(platform) == []


@pytest.mark.full
def test_the_usual_single_policy_lets_most_of_the_attacks_through_and_refuses_work_and_the_platforms_own_do_neither(
    governed: GovernedPlatform,
    audit_of_governed: Document,
    kubectl: cluster.Kubectl,
    record_property: Any,
) -> None:
    with governed.auditing():
        kubectl.run("apply", "--filename", str(NAIVE_POLICY))
        try:
            wait_until_refused(kubectl)
            # 1: attacks are admitted, and legitimate work is refused.
            usual = audited(governed.stack, "--only", "admission", "--tenant", TENANT, status=1)
        finally:
            kubectl.run("delete", "--filename", str(NAIVE_POLICY))
    own, naive = compared(audit_of_governed, usual, TENANT)
    for name, figures in (("own_policies", own), ("naive_policy", naive)):
        print(f"{name}: {figures.words}")
        record_property(name, figures.words)
    assert own.attacks > 80
    assert (own.admitted, own.refused) == (0, 0)
    assert naive.admitted > naive.attacks / 2
    assert naive.refused > 0


def wait_until_refused(kubectl: cluster.Kubectl) -> None:
    """A new admission policy takes a moment to reach the API server's own cache."""
    container = {"name": "main", "image": "a", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    probe = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "tells-what-holds", "namespace": "bulkhead-workloads"},
        "spec": {"containers": [container]},
    }
    deadline = time.monotonic() + POLICY_SECONDS
    while True:
        try:
            kubectl.run("create", "--dry-run=server", "--filename=-", given=json.dumps(probe))
        except LabError:
            return
        assert time.monotonic() < deadline, "the policy is not in force"
        time.sleep(0.5)


@pytest.mark.full
def test_policies_that_only_watch_are_found_not_to_hold(governed: GovernedPlatform, kinds: None) -> None:
    with governed.auditing():
        found = audited(governed.stack, "--only", "admission", status=1)
    row = control(found, "SR2")
    assert row["verdict"] == "does not hold"
    assert "pod-without-queue" in {case["case"] for case in row["failures"]}


@pytest.mark.full
def test_what_exists_and_would_be_refused_is_listed_before_it_is(
    governed: GovernedPlatform, kubectl: cluster.Kubectl
) -> None:
    """What was admitted, the platform's own included, would be again: a list that names it would be no help."""
    assert audited(governed.stack, "--existing")["would_be_refused"] == []
    unqueued = deployment("without-a-queue", WORKLOADS, pod_spec(GPU), replicas=0)
    place = ("--namespace", WORKLOADS)
    with governed.auditing():
        kubectl.run("create", "--filename=-", given=json.dumps(unqueued))
        try:
            found = audited(governed.stack, "--existing", status=1)
        finally:
            kubectl.run("delete", "deployment", "without-a-queue", *place, "--ignore-not-found")
    (refused,) = found["would_be_refused"]
    assert (refused["kind"], refused["namespace"], refused["name"]) == ("Deployment", WORKLOADS, "without-a-queue")
    assert refused["policy"] == "bulkhead-gpu-workloads"
    assert "it names none" in refused["message"]


def test_a_tier_that_is_not_deployed_is_found_not_to_hold(governed: GovernedPlatform, kinds: None) -> None:
    found = audited(governed.stack, "--tier", "partitioned", "--only", "access", status=1)
    assert verdicts(found)["NS3"] == "does not hold"


def test_offline_and_live_agree_on_the_corpus_in_governed(
    audit_of_governed: Document, foreseen_of_governed: Document
) -> None:
    assert disagreements(audit_of_governed, foreseen_of_governed) == []


def test_exactly_what_is_left_to_a_cluster_is_judged_in_governed_by_an_audit_of_it_alone(
    audit_of_governed: Document, foreseen_of_governed: Document
) -> None:
    assert judged_alone(audit_of_governed, foreseen_of_governed) == left_to(audit_of_governed)
    assert judged_alone(foreseen_of_governed, audit_of_governed) == set()


# --- partitioned ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def audit_of_partitioned(partitioned: PartitionedPlatform, kinds: None) -> Document:
    with packets.metadata_server():
        return audited(partitioned.stack)


@pytest.fixture(scope="module")
def foreseen_of_partitioned(partitioned: PartitionedPlatform) -> Document:
    return offline(partitioned.stack)


def test_every_control_that_partitioned_claims_holds_and_no_work_is_refused(audit_of_partitioned: Document) -> None:
    assert (audit_of_partitioned["attacks_admitted"], audit_of_partitioned["work_refused"]) == (0, 0)
    assert audit_of_partitioned["work_passed"] > MUCH_WORK
    found = verdicts(audit_of_partitioned)
    claimed = ("AC1", "AC2", "SR1", "SR2", "SR3", "NS1", "NS2", "NS3", "NS4")
    assert {found[name] for name in claimed} == {"holds"}


def test_every_attack_out_of_a_namespace_is_tried_on_the_cluster(audit_of_partitioned: Document) -> None:
    assert unproven(audit_of_partitioned) & attacks("SR2", "NS1", "NS2", "NS3") <= UNPROVABLE


def test_a_new_pod_of_a_tenants_is_closed_in_both_directions(audit_of_partitioned: Document) -> None:
    assert_new_pods_close(audit_of_partitioned, "in", "out")
    assert of_each_tenant_to(FORBIDDEN) | of_each_tenant_to(KNOCKER) <= refused(audit_of_partitioned, "NS4")


def test_no_tenant_reaches_a_metadata_server_that_is_there(audit_of_partitioned: Document) -> None:
    assert of_each_tenant_to("metadata server") <= refused(audit_of_partitioned, "NS4")


def test_offline_and_live_agree_on_the_corpus_in_partitioned(
    audit_of_partitioned: Document, foreseen_of_partitioned: Document
) -> None:
    assert disagreements(audit_of_partitioned, foreseen_of_partitioned) == []


def test_exactly_what_is_left_to_a_cluster_is_judged_in_partitioned_by_an_audit_of_it_alone(
    audit_of_partitioned: Document, foreseen_of_partitioned: Document
) -> None:
    assert judged_alone(audit_of_partitioned, foreseen_of_partitioned) == left_to(audit_of_partitioned)
    assert judged_alone(foreseen_of_partitioned, audit_of_partitioned) == set()


# --- adversarial, with an engine that answers -------------------------------------------------------------------


@pytest.fixture(scope="module")
def audit_of_isolated(isolated: IsolatedPlatform, kinds: None) -> Document:
    """Every probe in one run."""
    return audited(isolated.stack)


@pytest.mark.full
def test_every_control_that_adversarial_claims_holds_in_one_audit_and_no_work_is_refused(
    audit_of_isolated: Document, record_property: Any
) -> None:
    figures = {f"adversarial_{name}": audit_of_isolated[name] for name in COUNTED}
    by_probe = Counter(case["probe"] for row in audit_of_isolated["controls"] for case in row["held"])
    print(figures, dict(by_probe), audit_of_isolated["seconds"])
    for name, figure in figures.items():
        record_property(name, figure)
    assert (audit_of_isolated["attacks_admitted"], audit_of_isolated["work_refused"]) == (0, 0)
    assert audit_of_isolated["work_passed"] > MUCH_WORK
    assert set(by_probe) == set(map(str, Probe)) == set(audit_of_isolated["probes"])
    # Of the others nothing but settings and counters tells, and their attacks are counted among those refused.
    assert {name: verdict for name, verdict in verdicts(audit_of_isolated).items() if verdict != "holds"} == (
        dict.fromkeys(("AC3", "KV2", "KV3"), "not probed")
    )


@pytest.mark.full
def test_every_tenant_looks_for_what_another_one_has_asked(audit_of_isolated: Document) -> None:
    asked = [case for case in control(audit_of_isolated, "KV1")["held"] if case["probe"] == "caches"]
    assert {(case["tenant"], case["case"]) for case in asked} == of_each_tenant("another-tenants-prefix", "own-prefix")


@pytest.mark.full
def test_an_audit_of_everything_leaves_nothing_behind(
    audit_of_isolated: Document, isolated: IsolatedPlatform, access: ClusterAccess
) -> None:
    assert_new_pods_close(audit_of_isolated, "in", "out")
    assert left_behind(isolated.kubectl) == ""
    assert trial_teams(TeamPlatform(isolated.stack, access)) == []


@pytest.mark.full
def test_offline_and_live_agree_on_the_corpus_where_engines_answer(
    audit_of_isolated: Document, isolated: IsolatedPlatform
) -> None:
    assert disagreements(audit_of_isolated, offline(isolated.stack)) == []


# --- adversarial, with GPUs that are simulated ------------------------------------------------------------------


@pytest.fixture(scope="module")
def audit_of_adversarial(adversarial: AdversarialPlatform, kinds: None) -> Document:
    return audited(adversarial.stack, "--only", "admission", "--only", "nodes")


@pytest.mark.full
def test_nobody_is_placed_by_what_it_writes_and_no_work_is_refused(audit_of_adversarial: Document) -> None:
    assert (audit_of_adversarial["attacks_admitted"], audit_of_adversarial["work_refused"]) == (0, 0)
    assert audit_of_adversarial["work_passed"] > MUCH_WORK
    found = verdicts(audit_of_adversarial)
    assert {found[name] for name in ("SR2", "NS1", "NS2", "NS3", "HW1", "HW2", "HW3")} == {"holds"}


@pytest.mark.full
def test_every_pool_is_judged_by_its_nodes(audit_of_adversarial: Document) -> None:
    rows = [control(audit_of_adversarial, name) for name in ("HW1", "HW2", "HW3")]
    assert [case["case"] for row in rows for case in row["not_there"]] == []
    told = {case["case"] for row in rows for case in row["held"] if case["probe"] == "nodes"}
    owned = {pool.name for pool in OWN.values()}
    assert told == {f"taint-of-{name}" for name in owned} | {
        f"{case}-of-{name}" for case in ("partition", "shared-gpus") for name in (*owned, SPLIT.name, SERVING_POOL)
    }


ODD_NODES: Mapping[str, tuple[H100Pool, Mapping[str, Any], set[tuple[str, str]]]] = {
    "a label of sharing": (
        SPLIT,
        {"labels": {"nvidia.com/gpu.sharing-strategy": "time-slicing"}},
        {("HW1", "partition-of-split"), ("HW2", "shared-gpus-of-split")},
    ),
    "each device twice": (
        SPLIT,
        {"devices": {MIG_INSTANCE: 2 * MIG_INSTANCES_PER_GPU}},
        {("HW1", "partition-of-split"), ("HW2", "shared-gpus-of-split")},
    ),
    "open to everybody": (
        OWN[OTHER_TENANT],
        {"tainted": False},
        {(name, f"{case}-of-{OWN[OTHER_TENANT].name}") for name, case in (("HW1", "partition"), ("HW3", "taint"))},
    ),
}
"""What is odd → the pool that a node of it joins, what differs, and (control, case) of what does not hold then."""


@pytest.mark.full
@pytest.mark.parametrize("oddity", ODD_NODES)
def test_a_node_that_is_not_as_its_pool_says_is_found_and_without_it_the_controls_hold(
    adversarial: AdversarialPlatform, kubectl: cluster.Kubectl, oddity: str
) -> None:
    pool, differs, expected = ODD_NODES[oddity]
    with node_beside(kubectl, pool, **differs) as name:
        found = audited(adversarial.stack, "--only", "nodes", status=1)
    failures = [(row["id"], case) for row in found["controls"] for case in row["failures"]]
    assert {(identifier, case["case"]) for identifier, case in failures} == expected
    assert all(name in case["seen"] for _, case in failures)

    found = verdicts(audited(adversarial.stack, "--only", "nodes"))
    assert {found[name] for name in ("HW1", "HW2", "HW3")} == {"holds"}


@pytest.mark.full
def test_every_attack_on_what_scopes_the_caches_is_tried_and_refused(audit_of_adversarial: Document) -> None:
    tried = attacks("KV1", "KV2", "KV3")
    assert unproven(audit_of_adversarial) & tried == set()
    assert tried <= {
        case["case"] for name in ("KV1", "KV2", "KV3") for case in control(audit_of_adversarial, name)["held"]
    }


@pytest.mark.full
def test_offline_and_live_agree_on_the_corpus_in_adversarial(
    audit_of_adversarial: Document, adversarial: AdversarialPlatform
) -> None:
    foreseen = offline(adversarial.stack)
    assert disagreements(audit_of_adversarial, foreseen) == []
    assert judged_alone(audit_of_adversarial, foreseen) <= LEFT_TO_A_CLUSTER


def offline(stack: LocalStack) -> Document:
    """The same stack file judged without the cluster."""
    name, config = load_stack_file(stack.file, today())
    platform = platform_of(name, config, today())
    made = plan(platform, stand_in_secrets(stack.file))
    policies = made.admission_policies
    command_line = kyverno_binary()
    assert command_line is not None, "the lab has built no kyverno-cli"
    return audit_document(audit_offline(platform, policies, command_line, frozenset({TENANT})))


def disagreements(live: Document, foreseen: Document) -> list[str]:
    """Cases that both could tell, and told differently."""
    seen, expected = told(live), told(foreseen)
    both = sorted(seen.keys() & expected.keys())
    assert len([key for key in both if key[0] == "admission"]) > 100
    assert {key[0] for key in both} == {*live["probes"]} & {*foreseen["probes"]}
    return [f"{key}: {expected[key]} offline, {seen[key]} live" for key in both if seen[key] != expected[key]]


def judged_alone(document: Document, other: Document) -> set[str]:
    """Cases of the corpus, for the tenant of whom offline is asked, that only the first of the two could tell."""
    alone = told(document).keys() - told(other).keys()
    return {case for probe, tenant, _, case in alone if probe == "admission" and tenant == TENANT}


def left_to(live: Document) -> set[str]:
    """The cases of the corpus that are written down as a cluster's to tell, as far as this one's tier claims them."""
    not_claimed = {case["case"] for row in live["controls"] for case in row["not_claimed"]}
    return LEFT_TO_A_CLUSTER - not_claimed - UNPROVABLE


def told(document: Any) -> dict[tuple[str, str, str, str], bool]:
    """(Probe, tenant, identity, case) → whether it held, of the cases that were judged."""
    return {
        (case["probe"], case["tenant"], case["identity"], case["case"]): holds
        for row in document["controls"]
        for holds, name in ((True, "held"), (False, "failures"))
        for case in row[name]
    }
