"""A key is drawn anew beside the one in use, on every committed stack, and ends by a change of its own."""

from collections.abc import Mapping
from typing import Any

import pytest

from infra.diff.resources import Action, ResourceChange, holds_data, resource_changes
from infra.plan import Plan, plan
from infra.plan.replacement import forcing_paths
from infra.posture import platform_of
from tests.plan.stacks import EVERY_SECRET, STACKS, TODAY, committed_plan, configuration, document_of

TENANT_KEY, ENGINE_KEY, MASTER_KEY = "key_generation", "engine_key_generation", "master_key_generation"


def rotated(stack: str, gateway: Mapping[str, int], tenant: Mapping[str, int]) -> Plan:
    document = document_of(stack)
    document["bulkhead:gateway"] = {**document.get("bulkhead:gateway", {}), **gateway}
    document["bulkhead:tenants"][0].update(tenant)
    return plan(platform_of(stack, configuration(document), TODAY), EVERY_SECRET)


def keys(changes: tuple[ResourceChange, ...], action: Action) -> list[str]:
    """The generated secrets that meet with an action, by name."""
    return sorted(
        change.urn.rpartition("::")[2] for change in changes if change.action is action and holds_data(change.type)
    )


def engines_of(stack: str) -> list[str]:
    made = committed_plan(stack).resources
    return sorted(one.urn.rpartition("::")[2] for one in made if one.urn.endswith("-api-key"))


def first_tenant(stack: str) -> str:
    return document_of(stack)["bulkhead:tenants"][0]["name"]


@pytest.mark.parametrize("stack", STACKS)
def test_new_keys_are_drawn_and_none_that_is_in_use_goes(stack: str) -> None:
    after = rotated(stack, {ENGINE_KEY: 2, MASTER_KEY: 2}, {TENANT_KEY: 2})
    changes = resource_changes(committed_plan(stack), after, forcing_paths)

    assert keys(changes, Action.CREATE) == sorted(
        [
            "gateway-master-key.2",
            f"tenants-key-{first_tenant(stack)}.2",
            *(f"{engine}.2" for engine in engines_of(stack)),
        ]
    )
    assert keys(changes, Action.DELETE) == keys(changes, Action.REPLACE) == []


@pytest.mark.parametrize("stack", STACKS)
def test_a_former_key_ends_by_a_change_of_its_own_and_the_first_master_key_never_goes(stack: str) -> None:
    before = rotated(stack, {ENGINE_KEY: 2, MASTER_KEY: 2}, {TENANT_KEY: 2})
    after = rotated(
        stack,
        {ENGINE_KEY: 2, f"oldest_{ENGINE_KEY}": 2, MASTER_KEY: 3},
        {TENANT_KEY: 2, f"oldest_{TENANT_KEY}": 2},
    )
    changes = resource_changes(before, after, forcing_paths)

    assert keys(changes, Action.DELETE) == sorted(
        ["gateway-master-key.2", f"tenants-key-{first_tenant(stack)}", *engines_of(stack)]
    )
    assert not any(change.protected for change in changes if change.action is Action.DELETE)


@pytest.mark.parametrize("stack", STACKS)
def test_engines_take_the_new_key_before_a_replica_shows_it_and_replicas_the_master_key_before_accounts_are_made(
    stack: str,
) -> None:
    made = committed_plan(stack)
    by_name: dict[str, Any] = {resource.urn.rpartition("::")[2]: resource for resource in made.resources}
    engines = {urn for name, one in by_name.items() if name.startswith("engine-") for urn in [one.urn]}
    deployments = {urn for urn in engines if urn.endswith("-deployment")}
    shown = [one for name, one in by_name.items() if name.startswith("gateway-engine-")]

    assert deployments
    for resource in (by_name["gateway-deployment"], *shown):
        assert deployments <= set(resource.options.dependencies)
    # What lies in a component is registered after the component, and so after all that the component waits for.
    assert by_name["gateway-deployment"].urn in by_name["tenants"].options.dependencies
