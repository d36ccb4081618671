"""Who refused, told from the API server's words."""

import pytest

from infra.audit.mechanism import Mechanism, refusal_of

WORDS = {
    "ValidatingAdmissionPolicy 'vpol-x' with binding 'vpol-x-binding' denied request: SR2: no": Mechanism.POLICY,
    'admission webhook "vpol.validate.kyverno.svc-fail" denied the request: SR2: no': Mechanism.POLICY,
    'admission webhook "vjob.kb.io" denied the request: metadata.labels: Invalid value': Mechanism.WEBHOOK,
    'pods "x" is forbidden: violates PodSecurity "restricted:v1.34": privileged': Mechanism.POD_SECURITY,
    'pods "x" is forbidden: exceeded quota: tenant, requested: pods=1, used: pods=9, limited: pods=9': Mechanism.QUOTA,
    'pods "x" is forbidden: failed quota: tenant: must specify limits.cpu': Mechanism.QUOTA,
    'rayjobs.ray.io "x" is forbidden: status unknown for quota: tenant, resources: count/rayjobs.ray.io': (
        Mechanism.UNCOUNTED
    ),
    'pods "x" is forbidden: maximum cpu usage per Container is 4, but limit is 100k': Mechanism.LIMITS,
    'pods is forbidden: User "a" cannot create resource "pods" in API group "" in the namespace "b"': Mechanism.ROLE,
    'groups "system:masters" is forbidden: User "a" cannot impersonate resource "groups" in API group "" at the cluster'
    " scope: GKE Warden authz [denied by user-impersonation-limitation]": Mechanism.IMPERSONATION,
    'roles "x" is forbidden: user "a" is attempting to grant RBAC permissions not currently held': Mechanism.ROLE,
    'pods "x" is forbidden: pod rejected: RuntimeClass "nvidia" not found': Mechanism.ABSENT,
    'Pod "x" is invalid: spec.ephemeralContainers[0].resources: Forbidden': Mechanism.CORE,
}


@pytest.mark.parametrize(("message", "mechanism"), WORDS.items(), ids=range(len(WORDS)))
def test_every_refusal_is_put_down_to_what_gave_it(message: str, mechanism: Mechanism):
    status = 422 if mechanism is Mechanism.CORE else 403
    assert refusal_of(status, {"message": message}).mechanism is mechanism


@pytest.mark.parametrize("status", [429, 500, 503, 504])
def test_a_server_that_is_throttled_or_out_of_time_has_not_judged(status: int):
    assert refusal_of(status, {"message": "the server is currently unable"}).mechanism is Mechanism.BUSY


def test_what_is_not_found_is_absent_and_words_that_nobody_knows_say_nothing():
    assert refusal_of(404, {"message": 'deployments "x" not found'}).mechanism is Mechanism.ABSENT
    assert refusal_of(500, {"message": "failed calling webhook"}).mechanism is Mechanism.OUTAGE
    assert refusal_of(401, {}).mechanism is Mechanism.UNCLEAR
