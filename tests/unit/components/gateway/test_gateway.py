"""What the gateway is on the cluster, and what stays the same when something else changes."""

import dataclasses
import functools
import re
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_random as random
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from components.cache import CacheConnection
from components.database import DatabaseConnection
from components.gateway import Gateway, GatewayArgs
from components.gateway.configuration import REQUEST_SECONDS, configuration
from components.gateway.edge import edge_configuration
from components.gateway.hooks.presence import SPARE_SECONDS
from components.gateway.hooks.startup import STREAM_SECONDS_VARIABLE
from infra.blueprint.model import GatewayPart, InClusterCachePart, ListenerPart, RoutePart
from tests.unit.components.parts import GATEWAY
from tests.unit.components.recording import Recording, Registered, Secret, record, strings

CACHED = dataclasses.replace(GATEWAY, replicas=3, cache=InClusterCachePart("registry.example.com/redis:7.0"))
SCRAPED = dataclasses.replace(GATEWAY, metrics_port=4002)
ROUTE = RoutePart("llm.example.com", ListenerPart("ingress", "shared", "https"), google_policies=False)
ROUTED = dataclasses.replace(GATEWAY, route=ROUTE)
ENGINE_KEYS = {"llama-8b": "sentinel-engine-one", "tiny": "sentinel-engine-two"}
URL = "postgresql://u:sentinel-database@h/d"


@functools.cache
def gateway(
    part: GatewayPart = GATEWAY, url: str = URL, tiny_key: str = "sentinel-engine-two", authority: str | None = None
) -> Recording:
    def program() -> Any:
        engine_keys = {**ENGINE_KEYS, "tiny": tiny_key}
        database = DatabaseConnection(pulumi.Output.secret(url), (random.RandomId("server", byte_length=1),))
        cache = CacheConnection(
            pulumi.Output.secret("redis://:sentinel-cache@h"),
            pulumi.Output.from_input(authority) if authority else None,
            (random.RandomId("redis", byte_length=1),),
        )
        engines = (random.RandomId("engines", byte_length=1),)
        args = GatewayArgs(part, database, engine_keys, cache if part.cache else None, engines)
        component = Gateway("gateway", args)
        return {
            "address": component.address,
            "admin": component.admin_address,
            "master": component.master_key,
            "secret": component.master_key.is_secret(),
            "object": component.master_key_secret,
        }

    return record(program)


def keys(recording: Recording) -> list[Registered]:
    return [recording.named("gateway-master-key"), recording.named("gateway-salt-key")]


def template(recording: Recording) -> dict[str, Any]:
    return recording.one("Deployment").inputs["spec"]["template"]


def edge(recording: Recording) -> dict[str, Any]:
    (only,) = template(recording)["spec"]["containers"]
    return only


def litellm(recording: Recording) -> dict[str, Any]:
    (only,) = template(recording)["spec"]["initContainers"]
    return only


def configuration_name(recording: Recording) -> str:
    return recording.named("gateway-configuration").inputs["metadata"]["name"]


def job_name(recording: Recording) -> str:
    return recording.one("Job").inputs["metadata"]["name"]


REPRICED = dataclasses.replace(
    GATEWAY, models=(dataclasses.replace(GATEWAY.models[0], input_usd_per_token=9e-07), GATEWAY.models[1])
)
NEWER = dataclasses.replace(GATEWAY, image="registry.example.com/litellm:v1.107.0")


@pytest.mark.parametrize("changed", [REPRICED, NEWER, CACHED], ids=["price", "image", "replicas"])
def test_the_keys_are_untouched_by_an_unrelated_change(changed: GatewayPart) -> None:
    assert [(key.urn, key.inputs) for key in keys(gateway(changed))] == [
        (key.urn, key.inputs) for key in keys(gateway())
    ]


def test_no_input_can_mint_a_key_anew() -> None:
    for key in keys(gateway()):
        assert set(key.inputs) <= set(key.ignore_changes)
        assert {"keepers", "length", "special"} <= set(key.ignore_changes)


def test_the_master_key_is_one_that_litellm_takes_and_is_secret() -> None:
    recording = gateway()

    assert recording.returned["master"] == "sk-generated-gateway-master-key"
    assert recording.returned["secret"] is True
    assert recording.returned["object"] == "gateway"


def test_secrets_stand_only_in_secrets() -> None:
    recording = gateway(CACHED)
    shown = " ".join(text for resource in recording.resources for text in strings(resource.inputs))

    assert "sentinel" not in shown
    assert "generated-" not in shown
    assert recording.named("gateway-secret").inputs["stringData"] == Secret(
        {
            "cache-url": "redis://:sentinel-cache@h",
            "database-url": URL,
            "master-key": "sk-generated-gateway-master-key",
            "salt-key": "sk-generated-gateway-salt-key",
        }
    )


def test_each_engine_s_key_has_a_secret_of_its_own() -> None:
    recording = gateway()
    variable = next(item for item in litellm(recording)["env"] if item["name"] == "ENGINE_API_KEY_LLAMA_8B")

    assert variable["valueFrom"]["secretKeyRef"] == {"name": "gateway-engine-llama-8b", "key": "api-key"}
    assert recording.named("gateway-engine-llama-8b").inputs["stringData"] == Secret({"api-key": "sentinel-engine-one"})


def test_a_price_rolls_the_gateway_through_a_new_configuration() -> None:
    assert configuration_name(gateway(REPRICED)) != configuration_name(gateway())
    volumes = {volume["name"]: volume for volume in template(gateway())["spec"]["volumes"]}
    assert volumes["configuration"]["configMap"]["name"] == configuration_name(gateway())


def test_litellm_starts_with_the_hooks_that_are_mounted_for_it_and_not_without() -> None:
    recording = gateway()
    mounted = recording.named("gateway-hooks").inputs
    volume = next(item for item in template(recording)["spec"]["volumes"] if item["name"] == "hooks")
    mount = next(item for item in litellm(recording)["volumeMounts"] if item["name"] == "hooks")
    environment = {item["name"]: item.get("value") for item in litellm(recording)["env"]}
    package, _, function = environment["LITELLM_WORKER_STARTUP_HOOKS"].partition(":")

    assert volume["configMap"]["name"] == mounted["metadata"]["name"]
    assert mount["mountPath"] == f"{environment['PYTHONPATH']}/{package.partition('.')[0]}"
    assert f"def {function}(" in mounted["data"][f"{package.partition('.')[2]}.py"]


def test_another_number_of_replicas_rolls_nothing() -> None:
    two = dataclasses.replace(CACHED, replicas=2)

    assert template(gateway(two)) == template(gateway(CACHED))


@pytest.mark.parametrize(
    ("url", "tiny_key"),
    [("postgresql://u:other@h/d", "sentinel-engine-two"), (URL, "other")],
    ids=["database", "engine"],
)
def test_a_changed_secret_rolls_the_gateway(url: str, tiny_key: str) -> None:
    changed = gateway(url=url, tiny_key=tiny_key)

    assert template(changed)["metadata"]["annotations"] != template(gateway())["metadata"]["annotations"]


def test_the_schema_is_complete_before_a_replica_starts() -> None:
    recording = gateway()
    job = recording.one("Job")

    assert job.urn in recording.one("Deployment").dependencies
    assert recording.named("server").urn in job.dependencies


def migration_template(recording: Recording) -> Any:
    return recording.one("Job").inputs["spec"]["template"]


def test_another_database_is_migrated_as_well() -> None:
    other = gateway(url="postgresql://user:word@elsewhere.example.com/litellm")

    assert migration_template(other) != migration_template(gateway())
    assert "elsewhere" not in str(migration_template(other))


def test_a_repriced_model_migrates_nothing_again() -> None:
    assert migration_template(gateway(REPRICED)) == migration_template(gateway())


def test_only_an_image_or_the_check_makes_another_migration() -> None:
    assert job_name(gateway(REPRICED)) == job_name(gateway(CACHED)) == job_name(gateway())
    assert job_name(gateway(NEWER)) != job_name(gateway())


def test_the_migration_is_litellm_s_own_between_what_finishes_interrupted_ones_and_a_check() -> None:
    spec = gateway().one("Job").inputs["spec"]["template"]["spec"]
    finish, migrate = spec["initContainers"]
    (check,) = spec["containers"]

    assert finish["command"] == ["python3", "-m", "bulkhead_schema.finish"]
    assert migrate["command"] == ["litellm", "--skip_server_startup"]
    assert check["command"] == ["python3", "-m", "bulkhead_schema.check"]
    assert {"name": "script", "mountPath": "/etc/bulkhead/migration/bulkhead_schema", "readOnly": True} in check[
        "volumeMounts"
    ]
    assert {item["name"] for item in migrate["env"]} >= {"DATABASE_URL", "HOME"}


def test_a_finished_migration_is_kept_and_a_failed_one_is_made_anew() -> None:
    job = gateway().one("Job").inputs

    assert "ttlSecondsAfterFinished" not in job["spec"]
    assert job["metadata"]["annotations"]["pulumi.com/replaceUnready"] == "true"


def test_readiness_asks_for_the_database() -> None:
    command = litellm(gateway())["readinessProbe"]["exec"]["command"]

    assert command[0] == "python3"
    assert "!= 'connected'" in command[-1]


def test_a_gateway_that_serves_without_a_database_stays_in_the_service_without_one() -> None:
    command = litellm(gateway(dataclasses.replace(GATEWAY, serves_without_database=True)))["readinessProbe"]["exec"][
        "command"
    ]

    assert "/health/readiness" in command[-1]
    assert "connected" not in command[-1]


def test_a_rollout_leaves_no_gap_and_drains() -> None:
    recording = gateway()

    assert recording.one("Deployment").inputs["spec"]["strategy"]["rollingUpdate"] == {
        "maxSurge": 1,
        "maxUnavailable": 0,
    }
    drain = edge(recording)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert drain >= 10
    assert template(recording)["spec"]["terminationGracePeriodSeconds"] > drain + REQUEST_SECONDS


def test_no_answer_lasts_longer_than_a_stopping_replica_waits_for_it() -> None:
    recording = gateway()
    variables = {item["name"]: item.get("value") for item in litellm(recording)["env"]}
    by_the_hook = int(variables[STREAM_SECONDS_VARIABLE])
    by_litellm = int(variables["LITELLM_MAX_STREAMING_DURATION_SECONDS"])
    longest_plain = yaml.safe_load(configuration(GATEWAY))["router_settings"]["timeout"]
    (waits,) = map(int, re.findall(r"worker_shutdown_timeout (\d+)s;", edge_configuration(GATEWAY)))
    drain = edge(recording)["lifecycle"]["preStop"]["sleep"]["seconds"]

    assert by_the_hook < by_litellm < by_the_hook + SPARE_SECONDS <= longest_plain < waits
    assert template(recording)["spec"]["terminationGracePeriodSeconds"] > drain + waits


def test_litellm_starts_before_the_edge_and_outlives_it() -> None:
    sidecar = litellm(gateway())

    # Kubernetes starts such a container before the pod's own, and ends it after them.
    assert sidecar["restartPolicy"] == "Always"
    assert "startupProbe" in sidecar
    assert "lifecycle" not in sidecar


def test_litellm_listens_to_its_own_pod_alone() -> None:
    sidecar = litellm(gateway())

    assert sidecar["args"][sidecar["args"].index("--host") + 1] == "127.0.0.1"
    assert "ports" not in sidecar


def test_the_environment_is_production_s() -> None:
    variables = {item["name"]: item.get("value") for item in litellm(gateway())["env"]}

    assert variables["DISABLE_SCHEMA_UPDATE"] == "true"
    assert variables["LITELLM_LOCAL_MODEL_COST_MAP"] == "True"
    assert variables["LITELLM_MODE"] == "PRODUCTION"
    assert variables["DISABLE_ADMIN_UI"] == "True"
    assert variables["NO_DOCS"] == "True"
    assert variables["HOME"] == "/tmp"  # noqa: S108 - a path inside the container


def test_no_connection_is_kept_to_an_engine_that_may_be_replaced() -> None:
    variables = {item["name"]: item.get("value") for item in litellm(gateway())["env"]}

    assert variables["AIOHTTP_KEEPALIVE_TIMEOUT"] == "0"


def test_tenants_and_administrators_have_a_service_and_a_port_each() -> None:
    recording = gateway()
    services = {
        service.inputs["metadata"]["name"]: service.inputs["spec"]["ports"] for service in recording.of("Service")
    }

    assert services == {
        "gateway": [{"name": "http", "port": 4000, "targetPort": "http"}],
        "gateway-admin": [{"name": "admin", "port": 4001, "targetPort": "admin"}],
    }
    assert recording.returned["address"] == "http://gateway.gateway.svc.cluster.local:4000"
    assert recording.returned["admin"] == "http://gateway-admin.gateway.svc.cluster.local:4001"


def test_the_metrics_port_is_open_only_where_somebody_scrapes() -> None:
    names = [[port["name"] for port in edge(gateway(part))["ports"]] for part in (GATEWAY, SCRAPED)]

    assert names == [["http", "admin"], ["http", "admin", "metrics"]]


def test_the_ports_are_guarded_before_a_replica_starts() -> None:
    recording = gateway()

    assert recording.one("NetworkPolicy").urn in recording.one("Deployment").dependencies


def test_a_larger_request_is_let_in_by_a_new_configuration_of_the_edge() -> None:
    larger = dataclasses.replace(GATEWAY, request_megabytes=32)
    names = [gateway(part).named("gateway-edge-configuration").inputs["metadata"]["name"] for part in (GATEWAY, larger)]
    mounted = {volume["name"]: volume for volume in template(gateway())["spec"]["volumes"]}["edge-configuration"]

    assert names[0] != names[1]
    assert mounted["configMap"]["name"] == names[0]


def test_a_route_is_made_where_one_is_asked_for() -> None:
    assert not gateway().of("HTTPRoute")
    assert gateway(ROUTED).one("HTTPRoute").inputs["spec"]["hostnames"] == ["llm.example.com"]


KEY_PARTS = st.builds(
    dataclasses.replace,
    st.just(CACHED),
    replicas=st.integers(1, 9),
    request_megabytes=st.integers(1, 512),
    models=st.permutations(GATEWAY.models).map(tuple),
    metrics_port=st.sampled_from([None, 4002]),
    admin_namespaces=st.sampled_from([(), ("tools",)]),
    route=st.sampled_from([None, ROUTE]),
    image=st.sampled_from([GATEWAY.image, "registry.example.com/litellm:v1.107.0"]),
)


@given(part=KEY_PARTS)
@settings(max_examples=15, deadline=None)
def test_no_change_of_the_gateway_touches_a_key(part: GatewayPart) -> None:
    assert [(key.urn, key.inputs) for key in keys(gateway(part))] == [
        (key.urn, key.inputs) for key in keys(gateway(CACHED))
    ]


def test_every_pod_fits_pod_security_restricted_with_a_read_only_root() -> None:
    recording = gateway()
    for pod in (template(recording)["spec"], recording.one("Job").inputs["spec"]["template"]["spec"]):
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        for each in (*pod["containers"], *pod["initContainers"]):
            assert each["securityContext"]["readOnlyRootFilesystem"] is True
            assert each["imagePullPolicy"] == "IfNotPresent"


def test_a_private_authority_of_the_cache_is_mounted_where_the_url_says() -> None:
    mounts = {mount["name"]: mount["mountPath"] for mount in litellm(gateway(CACHED, authority="PEM"))["volumeMounts"]}

    assert mounts["cache-authority"] == "/etc/bulkhead/cache"
    assert "cache-authority" not in {mount["name"] for mount in litellm(gateway(CACHED))["volumeMounts"]}


def test_replicas_wait_for_the_cache() -> None:
    recording = gateway(CACHED)

    assert recording.named("redis").urn in recording.one("Deployment").dependencies


@pytest.mark.parametrize(
    ("part", "engine_keys", "message"),
    [
        (dataclasses.replace(GATEWAY, image="registry.example.com/litellm:v1.83.9"), ENGINE_KEYS, "CVE-0000-0002"),
        (dataclasses.replace(GATEWAY, edge_image="registry.example.com/nginx:1.30.5"), ENGINE_KEYS, "CVE-0000-0003"),
        (GATEWAY, {"tiny": "key"}, "llama-8b"),
        (dataclasses.replace(GATEWAY, replicas=2), ENGINE_KEYS, "needs a cache"),
    ],
    ids=["old image", "old edge", "missing key", "no cache"],
)
def test_what_cannot_work_is_refused_at_once(part: GatewayPart, engine_keys: Mapping[str, str], message: str) -> None:
    database = DatabaseConnection(pulumi.Output.from_input(URL), ())

    with pytest.raises(ValueError, match=message):
        Gateway("gateway", GatewayArgs(part, database, engine_keys))


SECOND_MASTER_KEY = dataclasses.replace(GATEWAY, master_key_generation=2)


def test_another_master_key_is_drawn_beside_the_first_and_rolls_the_replicas() -> None:
    before, after = gateway(), gateway(SECOND_MASTER_KEY)

    assert after.returned["master"] == "sk-generated-gateway-master-key.2"
    assert [(key.urn, key.inputs) for key in keys(after)] == [(key.urn, key.inputs) for key in keys(before)]
    assert template(after)["metadata"] != template(before)["metadata"]


def test_a_master_key_that_was_drawn_anew_is_not_protected_so_that_it_can_make_way() -> None:
    recording = gateway(SECOND_MASTER_KEY)

    assert recording.named("gateway-master-key").protect
    assert not recording.named("gateway-master-key.2").protect


def test_no_replica_is_sent_to_engines_that_do_not_serve_yet_nor_shows_them_a_key_that_they_do_not_take() -> None:
    recording = gateway()
    (engines,) = (resource.urn for resource in recording.resources if resource.name == "engines")

    for name in ("gateway-deployment", "gateway-engine-tiny"):
        assert engines in recording.named(name).dependencies
