"""What a plan must say about resources beside their inputs: order, protection, providers, secrecy."""

from collections.abc import Iterator

import pytest

from components.shared.passwords import PASSWORD_INPUTS
from infra.config.trust import Tier
from infra.plan import Plan, PlannedResource
from infra.plan.urns import Urn
from tests.plan.stacks import STACKS, committed_plan, configuration, document_of, plan_of

PROVIDER_TYPE = "pulumi:providers:kubernetes"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
STATEFUL_TYPES = ("gcp:container/cluster:Cluster", "gcp:sql/databaseInstance:DatabaseInstance")


@pytest.fixture(params=STACKS)
def plan(request: pytest.FixtureRequest) -> Plan:
    return committed_plan(request.param)


def test_there_is_one_kubernetes_provider_and_it_is_identified_before_anything_exists(plan: Plan) -> None:
    (provider,) = plan.of_type(PROVIDER_TYPE)

    assert provider.inputs["clusterIdentifier"]
    assert "[computed]" not in str(provider.inputs["clusterIdentifier"])


def test_every_kubernetes_resource_names_that_provider(plan: Plan) -> None:
    (provider,) = plan.of_type(PROVIDER_TYPE)

    assert {resource.options.provider for resource in in_cluster(plan)} == {provider.urn}


def test_queues_are_made_after_the_chart_that_defines_them(plan: Plan) -> None:
    (chart,) = (resource for resource in plan.resources if resource.is_chart)
    queues = [resource for resource in plan.resources if ":kueue.x-k8s.io/" in resource.type]

    assert queues
    assert all(chart.urn in everything_before(plan, queue) for queue in queues)


def test_engines_are_made_after_kueue_since_its_webhooks_see_their_namespace(plan: Plan) -> None:
    (chart,) = (resource for resource in plan.resources if resource.is_chart)
    engines = [one for one in plan.of_type(DEPLOYMENT) if one.name.startswith("engine-")]

    assert engines
    assert all(chart.urn in everything_before(plan, engine) for engine in engines)


def test_engines_on_gpus_are_made_after_their_own_queue() -> None:
    plan = committed_plan("prod")
    queue = plan.named("queues-local-queue-bulkhead-engines/serving")

    for engine in (one for one in plan.of_type(DEPLOYMENT) if one.name.startswith("engine-")):
        assert queue.urn in everything_before(plan, engine)


def test_the_gateway_is_made_after_the_schema_migration(plan: Plan) -> None:
    migration = plan.named("gateway-migration")

    assert migration.urn in everything_before(plan, plan.named("gateway-deployment"))


def test_tenants_are_made_after_the_gateway(plan: Plan) -> None:
    gateway = plan.named("gateway-deployment")

    assert gateway.urn in everything_before(plan, plan.named("tenants-deployment"))


def test_the_migration_is_made_after_the_database(plan: Plan) -> None:
    database = {"local": "database-stateful-set", "dev": "database-stateful-set", "prod": "database-instance"}

    assert plan.named(database[plan.stack]).urn in everything_before(plan, plan.named("gateway-migration"))


def test_every_namespaced_object_is_made_after_its_namespace(plan: Plan) -> None:
    namespaces = {name_of(one): one.urn for one in plan.of_type("kubernetes:core/v1:Namespace")}

    for resource in in_cluster(plan):
        namespace = namespace_of(resource)
        if namespace in namespaces:
            assert namespaces[namespace] in everything_before(plan, resource), resource.urn


def test_nothing_depends_on_what_comes_after_it(plan: Plan) -> None:
    for resource in plan.resources:
        assert resource.urn not in everything_before(plan, resource)


def test_a_cluster_that_the_stack_makes_takes_everything_inside_along() -> None:
    plan = committed_plan("prod")
    (cluster,) = plan.of_type("gcp:container/cluster:Cluster")

    assert {resource.options.deleted_with for resource in in_cluster(plan)} == {cluster.urn}
    assert {pool.options.deleted_with for pool in plan.of_type("gcp:container/nodePool:NodePool")} == {cluster.urn}


@pytest.mark.parametrize("stack", ["local", "dev"])
def test_on_an_existing_cluster_nothing_goes_without_being_deleted(stack: str) -> None:
    assert {resource.options.deleted_with for resource in in_cluster(committed_plan(stack))} == {""}


@pytest.mark.parametrize("type_token", STATEFUL_TYPES)
def test_what_holds_state_outside_the_cluster_is_protected(type_token: str) -> None:
    found = committed_plan("prod").of_type(type_token)

    assert found
    assert all(resource.options.protect for resource in found)


@pytest.mark.parametrize("key", ["database-password", "gateway-master-key", "gateway-salt-key"])
def test_keys_of_a_database_that_outlives_the_stack_are_protected(key: str) -> None:
    assert committed_plan("prod").named(key).options.protect is True


@pytest.mark.parametrize("stack", ["local", "dev"])
def test_nothing_on_an_existing_cluster_is_protected_so_that_destroy_works(stack: str) -> None:
    assert not [resource.urn for resource in committed_plan(stack).resources if resource.options.protect]


@pytest.mark.parametrize("tier", list(Tier))
def test_a_protected_database_in_the_cluster_is_protected_with_all_that_its_data_need(tier: Tier) -> None:
    document = document_of("local")
    database = {"kind": "in_cluster", "deletion_protection": True}
    plan = plan_of(
        configuration(
            {
                **document,
                "bulkhead:trust": {**document["bulkhead:trust"], "tier": str(tier)},
                "bulkhead:gateway": {**document.get("bulkhead:gateway", {}), "database": database},
            }
        )
    )

    assert {resource.name for resource in plan.resources if resource.options.protect} == {
        "database-password",
        "database-stateful-set",
        "gateway-master-key",
        "gateway-salt-key",
        "namespaces-bulkhead-gateway",
    }


def test_generated_secrets_are_secret_outputs_and_never_minted_anew(plan: Plan) -> None:
    generated = plan.of_type("random:index/randomPassword:RandomPassword")

    assert generated
    for resource in generated:
        assert "result" in resource.options.additional_secret_outputs
        # What is drawn anew with its generation says so by the only input that is not ignored.
        assert {*PASSWORD_INPUTS} - {*resource.options.ignore_changes} <= {"keepers"}


def test_secrets_of_the_cluster_are_secrets_of_the_stack(plan: Plan) -> None:
    for secret in plan.of_type("kubernetes:core/v1:Secret"):
        data = secret.inputs.get("stringData") or secret.inputs.get("data")
        assert data == "[secret]" or (isinstance(data, dict) and set(data.values()) == {"[secret]"}), secret.urn


def test_tenant_keys_are_a_secret_output_and_the_posture_is_none(plan: Plan) -> None:
    keys = plan.outputs["tenant_keys"]

    assert keys == "[secret]" or (isinstance(keys, dict) and set(keys.values()) == {"[secret]"})
    assert isinstance(plan.outputs["posture"], dict)
    assert str(plan.outputs["gateway"]).startswith("http://gateway.")


def test_names_say_nothing_of_the_tier(plan: Plan) -> None:
    tiers = ("trusted", "governed", "partitioned", "adversarial")

    assert not [resource.urn for resource in plan.resources for tier in tiers if tier in Urn.parse(resource.urn).name]


def test_components_keep_to_their_own_types(plan: Plan) -> None:
    groups = [resource for resource in plan.resources if not resource.custom and not resource.remote]

    assert groups
    assert all(resource.type.startswith("bulkhead:") for resource in groups)


def in_cluster(plan: Plan) -> list[PlannedResource]:
    return [resource for resource in plan.resources if resource.type.startswith("kubernetes:")]


def name_of(resource: PlannedResource) -> str:
    metadata = resource.inputs["metadata"]
    return str(metadata["name"]) if isinstance(metadata, dict) else ""


def namespace_of(resource: PlannedResource) -> str:
    metadata = resource.inputs.get("metadata")
    return str(metadata.get("namespace", "")) if isinstance(metadata, dict) else ""


def everything_before(plan: Plan, resource: PlannedResource) -> frozenset[str]:
    """Every URN that the engine makes before `resource`: its parents and dependencies, theirs, and all the children of
    a component among them that are listed with it (`depends_on` a component waits for what it holds)."""
    by_urn = {one.urn: one for one in plan.resources}
    seen: set[str] = set()
    waiting = list(_directly_before(resource))
    while waiting:
        urn = waiting.pop()
        if urn not in seen:
            seen.add(urn)
            if urn in by_urn:
                waiting.extend(_directly_before(by_urn[urn]))
    return frozenset(seen)


def _directly_before(resource: PlannedResource) -> Iterator[str]:
    options = resource.options
    yield from options.dependencies
    yield from (urn for urn in (options.parent, options.provider) if urn)
