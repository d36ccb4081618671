"""Probe pods on a cluster: what they are called, how long they live, and who visits whom."""

import base64
import json
from typing import Any

import pytest

from infra.audit.cluster import Answer
from infra.audit.leftovers import Leftovers
from infra.audit.packets.addresses import hosts_of
from infra.audit.packets.callers import CALL_SECONDS, START_SECONDS, ProbePods, pod_name, server_lifetime_seconds
from infra.audit.packets.matrix import Caller
from infra.audit.packets.places import Position, ground_of
from infra.audit.parallel import WORKERS
from infra.config.trust import ControlId
from infra.posture import Platform
from tests.unit.audit.fake_cluster import FakeCluster
from tests.unit.audit.stacks import downloading_platform, platform, platform_with_external_stores

CALLED = '{"reached": {}, "windows": {}}'


class Running(FakeCluster):
    """Pods run at once: servers stay and listen, callers end and say what they have reached."""

    over: tuple[str, ...] = ()

    def call(self, method: str, path: str, *arguments: Any, **others: Any) -> Answer:
        pod = path.removesuffix("/log")
        if method != "GET" or pod not in self.objects:
            return super().call(method, path, *arguments, **others)
        serves = "-serve-" in pod
        if path.endswith("/log"):
            return Answer(200, {}, json.dumps({"listening": True}) if serves else CALLED)
        runs = serves and not any(name in pod for name in self.over)
        return Answer(200, {"status": {"phase": "Running" if runs else "Succeeded", "podIP": "10.0.0.9"}})


def run(cluster: FakeCluster, made: Platform | None = None) -> ProbePods:
    blueprint = (made or platform("governed")).blueprint
    ground = ground_of(blueprint, "outside")
    pods = ProbePods(cluster, Leftovers(cluster, "run"), ground, "image")
    servers = pods.stand_servers()
    pods.call(hosts_of(cluster, blueprint, ground, servers), frozenset(ControlId))
    return pods


def made(cluster: FakeCluster) -> list[dict[str, Any]]:
    return [dict(asked.body) for asked in cluster.asked if asked.method == "POST" and asked.body]


def plan_of(pod: dict[str, Any]) -> dict[str, Any]:
    return json.loads(pod["spec"]["containers"][0]["command"][-1])


def test_tenants_whose_names_begin_alike_have_pods_of_their_own():
    long = "a" * 39
    positions = [Position(Caller.TENANT, f"{long}{last}", "shared", {}) for last in "bc"]
    names = [pod_name("0123abcd", "serve", index, one) for index, one in enumerate(positions)]
    assert len(set(names)) == 2
    assert max(map(len, names)) <= 63


@pytest.mark.parametrize("tenants", [1, 12, 120, 400])
def test_no_server_ends_before_the_last_caller_even_if_all_take_all_their_time(tenants: int):
    servers, callers, visited = tenants + 4, tenants + 5, 2
    taken = servers / WORKERS * START_SECONDS + callers / WORKERS * (START_SECONDS + CALL_SECONDS)
    taken += visited * (2 * START_SECONDS + CALL_SECONDS)
    assert server_lifetime_seconds(servers, callers, visited) >= taken


def test_a_pod_with_the_gateways_labels_visits_the_engines_pod_that_calls():
    cluster = Running()
    run(cluster)
    (visitor,) = [pod for pod in made(cluster) if "-visit-" in pod["metadata"]["name"]]
    (engine,) = [
        pod for pod in made(cluster) if pod["metadata"]["name"].endswith("-engine-tiny") and "visited" in plan_of(pod)
    ]
    assert visitor["metadata"]["labels"]["app.kubernetes.io/name"] == "gateway"
    (target,) = plan_of(visitor)["targets"]
    assert (target["host"], target["port"]) == ("10.0.0.9", plan_of(engine)["visited"]["port"])
    assert not [path for path in cluster.objects if "-visit-" in path or "-call-" in path]


def test_two_engines_that_call_at_once_have_a_visitor_each():
    """Of one name the API server makes one pod, and whoever is not visited proves nothing."""
    cluster = Running()
    run(cluster, downloading_platform("governed"))
    visitors = [pod["metadata"]["name"] for pod in made(cluster) if "-visit-" in pod["metadata"]["name"]]
    assert len(set(visitors)) == len(visitors) == 2


def test_the_pod_outside_the_platform_tries_what_shows_that_others_are_refused():
    cluster = Running()
    run(cluster)
    (stranger,) = [pod for pod in made(cluster) if pod["metadata"]["name"].endswith("-stranger") and asked_of(pod)]
    assert "metadata server" in asked_of(stranger)


def asked_of(pod: dict[str, Any]) -> set[str]:
    return {target["id"] for target in plan_of(pod).get("targets", ())}


def test_a_server_that_is_over_is_told_from_those_that_still_answer():
    cluster = Running()
    pods = run(cluster)
    assert pods.ended() == frozenset()
    cluster.over = ("tenant-1",)
    assert pods.ended() == {"tenant tenant-1"}
    cluster.objects.clear()
    assert "stranger" in pods.ended()


def test_a_pod_that_is_being_ended_is_no_destination():
    """It stays ready for a moment, and is gone when the callers come."""

    class Replaced(Running):
        def call(self, method: str, path: str, *arguments: Any, **others: Any) -> Answer:
            if "/pods" not in path or method != "GET" or path in self.objects:
                return super().call(method, path, *arguments, **others)
            ready = {"conditions": [{"type": "Ready", "status": "True"}]}
            going = {
                "metadata": {"deletionTimestamp": "2026-11-24T00:00:00Z"},
                "status": {**ready, "podIP": "10.0.0.1"},
            }
            return Answer(200, {"items": [going, {"metadata": {}, "status": {**ready, "podIP": "10.0.0.2"}}]})

    blueprint = platform("governed").blueprint
    ground = ground_of(blueprint, "outside")
    hosts = hosts_of(Replaced(), blueprint, ground, {one.name: ("", False) for one in ground.positions})
    assert hosts["gateway, port for tenants"] == ("10.0.0.2", blueprint.gateway.port)


@pytest.mark.parametrize(
    "url", ["postgresql://user:word@10.20.0.7:6432/books", "postgresql://user:w[rd@host/books", ""]
)
def test_a_database_outside_is_where_the_gateways_secret_says_and_nowhere_without_one(url: str):
    class WithSecret(Running):
        def call(self, method: str, path: str, *arguments: Any, **others: Any) -> Answer:
            if path == "/api/v1/namespaces/bulkhead-gateway/secrets/gateway" and method == "GET":
                kept = {"database-url": base64.b64encode(url.encode()).decode()}
                return Answer(200, {"data": kept}) if url else Answer(403, {"message": "you may not"})
            return super().call(method, path, *arguments, **others)

    blueprint = platform_with_external_stores("governed").blueprint
    ground = ground_of(blueprint, "outside")
    hosts = hosts_of(WithSecret(), blueprint, ground, {one.name: ("", False) for one in ground.positions})
    assert hosts.get("database") == (("10.20.0.7", 6432) if "10.20.0.7" in url else None)
    assert "cache" not in hosts
