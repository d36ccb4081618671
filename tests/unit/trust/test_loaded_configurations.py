"""Whatever the loader accepts is judged, built and hardened without a crash."""

import itertools
from typing import cast

from hypothesis import HealthCheck, given, settings

from infra.config.loader import parse
from infra.config.paths import exists
from infra.config.stack import StackConfig
from infra.config.trust import ControlId, Tier
from infra.posture import platform_of
from tests.strategies import TODAY, Document, documents, nearly_sound_documents

anytime = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])


def loaded(document: Document) -> StackConfig | None:
    result = parse(document, TODAY)
    return result if isinstance(result, StackConfig) else None


@anytime
@given(documents())
def test_sound_documents_have_a_platform_with_objects_for_every_control_in_force(document: Document):
    config = loaded(document)
    assert config
    platform = platform_of("test", config, TODAY)
    assert {row.control.id for row in platform.posture.controls if row.objects} == platform.posture.in_force


@anytime
@given(nearly_sound_documents())
def test_what_the_loader_lets_through_never_crashes_the_resolver_or_a_control(document: Document):
    config = loaded(document)
    if config:
        platform_of("test", config, TODAY)


@anytime
@given(documents())
def test_every_refusal_names_a_key_that_is_in_the_file(document: Document):
    config = loaded(document)
    assert config
    for finding in platform_of("test", config, TODAY).posture.findings:
        assert exists(document, finding.path)


@anytime
@given(documents())
def test_no_gpu_is_lent_between_untrusted_tenants_unless_the_posture_says_so(document: Document):
    trust = cast("Document", document["bulkhead:trust"])
    config = loaded({**document, "bulkhead:trust": {**trust, "tenants": "untrusted"}})
    assert config
    platform = platform_of("test", config, TODAY)
    flavors = [
        {flavor.flavor for group in queue.groups for flavor in group.flavors}
        for queue in platform.blueprint.quota.cluster_queues
        if queue.tenant
    ]
    hw1 = platform.posture.of(ControlId.HW1)
    if any(one & other for one, other in itertools.combinations(flavors, 2)):
        assert hw1.required_by


@anytime
@given(documents())
def test_raising_the_tier_of_a_stack_file_never_removes_a_control(document: Document):
    trust = cast("Document", document["bulkhead:trust"])
    in_force = [
        platform_of("test", config, TODAY).posture.in_force
        for tier in Tier
        if (config := loaded({**document, "bulkhead:trust": {**trust, "tier": str(tier)}}))
    ]
    assert len(in_force) == len(Tier)
    assert all(lower <= higher for lower, higher in itertools.pairwise(in_force))
