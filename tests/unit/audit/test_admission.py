"""Playing the corpus: as whom, how often, and what a twin's answer changes."""

from collections.abc import Callable

import pytest

from infra.audit.admission import probe_admission
from infra.audit.cluster import Answer
from infra.audit.corpus import load_corpus
from infra.audit.leftovers import Leftovers
from infra.audit.results import Observation, Outcome
from infra.audit.scene import scenes_of
from infra.config.trust import ControlId
from infra.posture import Platform
from tests.unit.audit.fake_cluster import Asked, FakeCluster
from tests.unit.audit.stacks import platform, platform_without_subjects

CORPUS = load_corpus()
NO_ROLE = 'pods is forbidden: User "x" cannot create resource "pods" in API group "" in the namespace "y"'


def played(
    answer: Callable[[Asked], Answer], tenants: int = 2, made: Platform | None = None
) -> tuple[FakeCluster, dict[str, Observation]]:
    cluster = FakeCluster(answer)
    scenes = scenes_of((made or platform("partitioned", tenants)).blueprint, "node")[:1]
    found = probe_admission(cluster, CORPUS, scenes, frozenset(ControlId), Leftovers(cluster, "run"))
    return cluster, {one.case: one for one in found}


def test_no_case_of_the_corpus_is_dropped():
    _, found = played(lambda _: Answer(201, {}))
    assert set(found) == {case.id for case in CORPUS.cases}


def test_every_case_is_a_dry_run_and_only_props_and_the_door_are_made():
    cluster, _ = played(lambda _: Answer(201, {}))
    made = {asked.path.rpartition("/")[2] for asked in cluster.asked if asked.method == "POST" and not asked.dry}
    assert made == {"pods", "deployments", "jobs", "clusterroles", "clusterrolebindings"}


def test_how_a_deletion_is_meant_stands_beside_the_word_that_it_is_a_dry_run():
    """With a body the API server would not read the query, and really delete."""
    cluster, _ = played(lambda _: Answer(200, {}))
    deletions = [asked for asked in cluster.asked if asked.method == "DELETE" and asked.dry]
    assert {asked.query.get("propagationPolicy") for asked in deletions} >= {"Background", "Orphan", None}
    assert {asked.query.get("orphanDependents") for asked in deletions} == {"true", None}
    assert all(asked.body is None for asked in deletions)


def test_what_is_made_carries_the_runs_label():
    cluster, _ = played(lambda _: Answer(201, {}))
    assert all(item["metadata"]["labels"]["bulkhead.dev/audit"] == "run" for item in cluster.objects.values())


def test_a_tenants_case_is_sent_as_the_subject_that_its_record_declares():
    cluster, _ = played(lambda _: Answer(201, {}))
    as_tenant = [asked for asked in cluster.asked if asked.path.endswith("/jobs") and asked.identity is not None]
    assert any("team-0" in asked.identity.groups for asked in as_tenant if asked.identity)


def test_where_only_the_role_answers_the_same_request_is_repeated_with_the_rights_to_ask():
    def answer(asked: Asked) -> Answer:
        groups = asked.identity.groups if asked.identity else ()
        if "bulkhead-audit:run" in groups:
            return Answer(422, {"message": "ValidatingAdmissionPolicy 'x' with binding 'x' denied request: SR2: no"})
        return Answer(403, {"message": NO_ROLE}) if asked.identity else Answer(201, {})

    _, found = played(answer)
    assert "asked with the rights to: refused by an admission policy" in found["daemon-set-without-queue"].seen


def test_a_refused_attack_proves_nothing_when_its_twin_is_refused_as_well():
    denied = Answer(422, {"message": "ValidatingAdmissionPolicy 'x' with binding 'x' denied request: SR2: no"})
    _, found = played(lambda _: denied)
    assert found["pod-without-queue"].outcome is Outcome.UNPROVEN
    assert "twin gpu-pod" in found["pod-without-queue"].seen
    assert found["gpu-pod"].outcome is Outcome.FAILS


UNCOUNTED = 'rayjobs.ray.io "x" is forbidden: status unknown for quota: tenant, resources: count/rayjobs.ray.io'
NO_ANSWER = 'Internal error occurred: failed calling webhook "mpod.kb.io": connection refused'


def test_a_webhook_that_does_not_answer_is_asked_again_until_it_does(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("infra.audit.admission._PAUSE_SECONDS", 0.0)
    refusals = iter([Answer(500, {"message": NO_ANSWER})] * 3)

    def answer(asked: Asked) -> Answer:
        jobs = asked.path.endswith("/jobs")
        return next(refusals, Answer(201, {})) if jobs else Answer(201, {})

    _, found = played(answer)
    assert next(refusals, None) is None
    assert found["gpu-job"].outcome is Outcome.HOLDS


def test_work_that_a_quota_has_not_come_to_count_is_no_refused_work():
    """So it is for minutes after a kind's definition came, and an audit that came then called it refused."""
    _, found = played(lambda _: Answer(403, {"message": UNCOUNTED}))
    assert found["gpu-job"].outcome is Outcome.UNPROVEN
    assert "a quota that has not counted its kind yet" in found["gpu-job"].seen


def test_without_another_tenant_its_cases_are_unproven_and_say_so():
    _, found = played(lambda _: Answer(201, {}), tenants=1)
    assert found["job-with-another-tenants-queue"].outcome is Outcome.UNPROVEN
    assert "no other tenant" in found["job-with-another-tenants-queue"].seen


# --- tenants for whom nobody acts -------------------------------------------------------------------------------

NOT_OWN = "ValidatingAdmissionPolicy 'x' with binding 'x' denied request: SR2: belongs to a tenant"
NO_MASTERS = (
    'groups "system:masters" is forbidden: User "x" cannot impersonate resource "groups" in API group "" at the'
)


def of_an_administrator_by_iam(asked: Asked) -> Answer:
    """As SR2's policies answer in a shared namespace: only `system:masters`, and not whoever audits, passes."""
    if asked.identity is None:
        return Answer(422, {"message": NOT_OWN})
    return Answer(201, {}) if "system:masters" in asked.identity.groups else Answer(403, {"message": NO_ROLE})


def test_work_for_which_no_subject_may_ask_is_asked_for_by_the_group_that_may():
    _, found = played(of_an_administrator_by_iam, made=platform_without_subjects())
    assert found["gpu-pod"].outcome is Outcome.HOLDS
    assert "asked with the rights to: admitted" in found["gpu-pod"].seen


def test_work_for_which_nobody_can_be_made_to_ask_is_unproven_and_says_who_may():
    def answer(asked: Asked) -> Answer:
        found = of_an_administrator_by_iam(asked)
        return Answer(403, {"message": NO_MASTERS}) if found.accepted else found

    _, found = played(answer, made=platform_without_subjects())
    assert found["gpu-pod"].outcome is Outcome.UNPROVEN
    assert "may not act as whoever may" in found["gpu-pod"].seen
    assert "system:masters" in found["gpu-pod"].seen


def test_a_server_without_time_refuses_no_work():
    _, found = played(lambda _: Answer(504, {"message": "Timeout: request did not complete within 10s"}))
    assert Outcome.FAILS not in {one.outcome for one in found.values()}
