"""Whatever the loader accepts, the program registers, and its objects hold together."""

from collections.abc import Mapping
from typing import Any, cast

import pulumi
from hypothesis import given, settings

from infra.config.stack import StackConfig
from infra.plan import Plan, Provider, record
from infra.posture import platform_of
from infra.program import compose, secrets_from_values
from tests.plan.stacks import EVERY_SECRET, TODAY
from tests.plan.test_secrets import made_by_provider
from tests.strategies import configurations

EXAMPLES = 30
NAME_LIMIT = 63
"""A DNS label's (RFC 1123): the limit for names of Services, and of what becomes a label's value."""


def planned(config: StackConfig, provider: Provider | None = None) -> Plan:
    """What the program registers for a configuration, whatever its posture: an unsound one is refused before."""
    blueprint = platform_of("generated", config, TODAY).blueprint

    def program() -> None:
        composed = compose(blueprint, secrets_from_values(EVERY_SECRET))
        pulumi.export("gateway", composed.gateway)
        pulumi.export("tenants", sorted(composed.tenant_keys))

    return record("generated", program, provider)


@settings(max_examples=EXAMPLES)
@given(configurations())
def test_the_program_never_crashes_and_its_objects_are_well_formed(config: StackConfig) -> None:
    plan = planned(config)

    urns = [resource.urn for resource in plan.resources]
    assert len(urns) == len(set(urns))
    for resource in plan.resources:
        assert set(resource.options.dependencies) <= set(urns)
    objects = [cast("dict[str, Any]", one.inputs) for one in plan.resources if one.is_kubernetes_object]
    places = [(one["apiVersion"], one["kind"], *_place(one)) for one in objects if "name" in one["metadata"]]
    assert len(places) == len(set(places)), "two objects of one kind and name would overwrite each other"
    assert all(len(name) <= NAME_LIMIT for *_, name in places)


@settings(max_examples=EXAMPLES)
@given(configurations())
def test_an_update_runs_to_its_end_and_every_tenant_has_a_key(config: StackConfig) -> None:
    outputs = planned(config, made_by_provider).outputs

    assert outputs["tenants"] == sorted(tenant.name for tenant in config.tenants)
    assert str(outputs["gateway"]).startswith("http://gateway.")


def _place(manifest: Mapping[str, Any]) -> tuple[str, str]:
    metadata = manifest["metadata"]
    return str(metadata.get("namespace", "")), str(metadata["name"])
