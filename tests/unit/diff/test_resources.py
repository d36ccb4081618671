"""What an update deletes, replaces, changes and makes, from two plans."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from infra.diff.resources import Action, resource_changes
from infra.plan.model import Json, Plan, PlannedResource, ResourceOptions
from infra.plan.replacement import forcing_paths

PROJECT = "urn:pulumi:test::bulkhead::"
GATEWAY = f"{PROJECT}bulkhead:gateway:Gateway::gateway"


def resource(type_token: str, name: str, inputs: Mapping[str, Json], **options: object) -> PlannedResource:
    return PlannedResource(
        urn=f"{PROJECT}bulkhead:gateway:Gateway${type_token}::{name}",
        type=type_token,
        name=name,
        custom=True,
        remote=False,
        inputs=inputs,
        options=replace(ResourceOptions(parent=GATEWAY), **options),  # pyright: ignore[reportArgumentType]
    )


def config_map(name: str = "settings", **data: str) -> PlannedResource:
    inputs: dict[str, Json] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "bulkhead-gateway", "labels": {"bulkhead.dev/tenant": "research"}},
        "data": data,
    }
    return resource("kubernetes:core/v1:ConfigMap", name, inputs)


def deployment(replicas: int = 1, app: str = "web") -> PlannedResource:
    inputs: dict[str, Json] = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "bulkhead-gateway"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": app}}},
    }
    return resource("kubernetes:apps/v1:Deployment", "web", inputs)


def node_pool(**inputs: Json) -> PlannedResource:
    return resource("gcp:container/nodePool:NodePool", "pool", inputs)


def plan(*resources: PlannedResource) -> Plan:
    return Plan("test", tuple(sorted(resources, key=lambda one: one.urn)), {}, ())


def actions(before: Plan | None, after: Plan | None) -> dict[str, Action]:
    return {change.name: change.action for change in resource_changes(before, after, forcing_paths)}


def test_equal_plans_have_no_change() -> None:
    assert not resource_changes(plan(deployment()), plan(deployment()), forcing_paths)


def test_what_comes_is_created_and_what_goes_is_deleted() -> None:
    assert actions(None, plan(deployment())) == {"bulkhead-gateway/web": Action.CREATE}
    assert actions(plan(deployment()), None) == {"bulkhead-gateway/web": Action.DELETE}


def test_a_change_names_its_component_its_tenant_and_the_keys() -> None:
    (change,) = resource_changes(plan(config_map(mode="a")), plan(config_map(mode="b")), forcing_paths)

    assert (change.component, change.tenant, change.kind) == ("gateway", "research", "ConfigMap")
    assert [(key.key, key.before, key.after) for key in change.keys] == [("data.mode", "a", "b")]


@pytest.mark.parametrize(
    ("before", "after", "forced_by"),
    [
        (config_map(mode="a"), config_map(mode="b"), ("data.mode",)),
        (deployment(app="web"), deployment(app="site"), ("spec.selector.matchLabels.app",)),
        (deployment(replicas=1), deployment(replicas=2), ()),
        (
            node_pool(nodeConfig={"guestAccelerators": [{"count": 1}]}),
            node_pool(nodeConfig={"guestAccelerators": [{"count": 2}]}),
            ("nodeConfig.guestAccelerators.0.count",),
        ),
        (node_pool(nodeConfig={"machineType": "a"}), node_pool(nodeConfig={"machineType": "b"}), ()),
        (
            resource("gcp:sql/databaseInstance:DatabaseInstance", "db", {"region": "a", "settings": {"tier": "x"}}),
            resource("gcp:sql/databaseInstance:DatabaseInstance", "db", {"region": "b", "settings": {"tier": "y"}}),
            ("region",),
        ),
        (
            resource("random:index/randomPassword:RandomPassword", "key", {"length": 32}),
            resource("random:index/randomPassword:RandomPassword", "key", {"length": 48}),
            ("length",),
        ),
    ],
)
def test_a_field_that_cannot_change_in_place_replaces_and_is_named(
    before: PlannedResource, after: PlannedResource, forced_by: tuple[str, ...]
) -> None:
    (change,) = resource_changes(plan(before), plan(after), forcing_paths)

    assert change.action is (Action.REPLACE if forced_by else Action.UPDATE)
    assert change.forced_by == forced_by


def test_ignored_properties_change_nothing() -> None:
    password = resource("random:index/randomPassword:RandomPassword", "key", {"length": 32}, ignore_changes=("length",))

    assert not resource_changes(plan(password), plan(replace(password, inputs={"length": 48})), forcing_paths)


def test_a_resource_that_was_renamed_with_an_alias_is_the_same_one() -> None:
    old, new = deployment(), deployment(replicas=2)
    renamed = replace(new, urn=f"{new.urn}-new", options=replace(new.options, aliases=(old.urn,)))

    assert actions(plan(old), plan(renamed)) == {"bulkhead-gateway/web": Action.UPDATE}
    assert len(resource_changes(plan(old), plan(replace(new, urn=f"{new.urn}-new")), forcing_paths)) == 2


def test_another_cluster_means_that_everything_is_made_anew() -> None:
    def on(cluster: str) -> Plan:
        provider = resource("pulumi:providers:kubernetes", "kubernetes", {"clusterIdentifier": cluster})
        return plan(provider, replace(deployment(), options=ResourceOptions(parent=GATEWAY, provider=provider.urn)))

    changes = resource_changes(on("existing/one"), on("existing/two"), forcing_paths)

    assert {change.name: change.action for change in changes} == {
        "kubernetes": Action.REPLACE,
        "bulkhead-gateway/web": Action.REPLACE,
    }
    assert {change.forced_by for change in changes if change.name != "kubernetes"} == {("provider",)}


def test_what_loses_data_stands_first_and_what_stays_loses_none() -> None:
    claim = resource("kubernetes:core/v1:PersistentVolumeClaim", "zz-claim", {"metadata": {"name": "zz-claim"}})
    kept = resource("kubernetes:core/v1:Namespace", "kept", {"metadata": {"name": "kept"}}, retain_on_delete=True)

    changes = resource_changes(plan(deployment(), claim, kept), plan(), forcing_paths)

    assert [change.name for change in changes if change.loses_data] == ["zz-claim"]
    assert changes[0].name == "zz-claim"
    assert next(change for change in changes if change.name == "kept").kept


def test_a_protected_resource_that_would_go_is_marked() -> None:
    cluster = resource("gcp:container/cluster:Cluster", "cluster", {"name": "cluster"}, protect=True)

    (change,) = resource_changes(plan(cluster), plan(), forcing_paths)

    assert change.protected
    assert change.loses_data
