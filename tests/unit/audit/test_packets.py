"""What packets say: a connection that fails needs one beside it that succeeds."""

from collections.abc import Callable

from infra.audit.packets.judgement import Found, Opened, Result, observations, windows
from infra.audit.packets.matrix import Caller, Promise, Target
from infra.audit.packets.places import KNOCKER, Destination, Ground, Position, ground_of
from infra.audit.report import Verdict, control_reports
from infra.audit.results import Observation, Outcome, Probe
from infra.blueprint import names
from infra.config.trust import ControlId
from tests.unit.audit.stacks import (
    downloading_platform,
    picking_platform,
    platform,
    platform_with_external_stores,
    platform_with_managed_stores,
    watched_platform,
)

CLAIMED = frozenset(ControlId)
Answers = Callable[[Position, Destination, Promise | None], bool]
"""Whether a connection that is tried opens; nothing is promised of those that only show that something answers."""


def ground(tier: str = "partitioned") -> Ground:
    return ground_of(platform(tier).blueprint, "outside")


def judged(
    tried: Ground, answers: Answers, claimed: frozenset[ControlId] = CLAIMED, *, visited: bool = True, ended: str = ""
) -> dict[str, Observation]:
    results = {
        position.name: Result(
            {
                destination.name: answers(position, destination, tried.promise(position, destination))
                for destination in tried.destinations
                if tried.tries(position, destination)
            },
            {},
            visited=visited,
        )
        for position in tried.positions
    }
    listening = [position.name for position in tried.positions]
    placed = [destination.name for destination in tried.destinations]
    found = Found(results, placed, listening, ended=[ended])
    return {one.case: one for one in observations(tried, found, claimed)}


def as_promised(_position: Position, _destination: Destination, promise: Promise | None) -> bool:
    return promise is not None and promise.allowed


def as_promised_and_shown(_position: Position, _destination: Destination, promise: Promise | None) -> bool:
    return promise is None or promise.allowed


def everything(_position: Position, _destination: Destination, _promise: Promise | None) -> bool:
    return True


def nothing(_position: Position, _destination: Destination, _promise: Promise | None) -> bool:
    return False


def test_a_network_that_keeps_every_promise_holds_as_far_as_anybody_can_tell():
    found = judged(ground(), as_promised)
    doubtful = {one.case.partition(" to ")[2] for one in found.values() if one.outcome is not Outcome.HOLDS}
    # No pod of the platform may reach them, and the one outside it did not, so nobody knows whether there is anything.
    assert doubtful == {"API server by its Service", "API server by its address", "metadata server"} | {
        "kubelet of the gateway's node",
        "webhooks of Kueue",
        "webhooks of Kyverno",
    }


def test_a_pod_outside_the_platform_shows_that_what_nobody_may_reach_is_there():
    found = judged(ground(), as_promised_and_shown)
    assert {one.outcome for one in found.values()} == {Outcome.HOLDS}
    # Nothing is promised of what it reaches.
    assert "stranger to metadata server" not in found


def test_an_open_network_fails_every_control_that_is_claimed():
    found = judged(ground(), everything)
    assert all(one.outcome is (Outcome.FAILS if one.attack else Outcome.HOLDS) for one in found.values())


def test_a_network_that_lets_nothing_through_proves_nothing_and_refuses_work():
    found = judged(ground(), nothing, visited=False)
    assert all(one.outcome is not Outcome.HOLDS for one in found.values())
    assert found["tenant tenant-0 to gateway, port for tenants"].outcome is Outcome.FAILS


def test_an_engines_pod_that_reaches_nobody_shows_something_only_where_it_is_reached():
    def of_engines(found: dict[str, Observation]) -> set[Outcome]:
        return {found[f"engine tiny to {name}"].outcome for name in ("database", "gateway, another port", KNOCKER)}

    assert of_engines(judged(ground(), as_promised)) == {Outcome.HOLDS}
    assert of_engines(judged(ground(), as_promised, visited=False)) == {Outcome.UNPROVEN}


def test_what_a_server_that_has_ended_would_have_answered_is_nobodys_to_say():
    def outcomes(answers: Answers) -> list[Outcome]:
        found = judged(ground(), answers, ended="tenant tenant-1")
        callers = ("tenant tenant-0", "tenant tenant-1", "stranger")
        return [found[f"{caller} to pod of tenant tenant-1"].outcome for caller in callers]

    assert outcomes(nothing) == [Outcome.UNPROVEN] * 3
    # Whoever got through did so before the server ended.
    assert outcomes(everything) == [Outcome.FAILS, Outcome.HOLDS, Outcome.FAILS]
    assert (
        judged(ground(), as_promised, ended="tenant tenant-1")["tenant tenant-0 to database"].outcome is Outcome.HOLDS
    )


def test_where_whoever_tries_new_pods_has_ended_it_is_not_said_how_long_they_were_open_to_it():
    results = {"tenant a": Result({}, {"in": Opened(None, ended=True), "out": Opened(5.0, ended=True)})}
    assert [window.direction for window in windows(Found(results, (), ()))] == ["in", "out"]
    assert [window.direction for window in windows(Found(results, (), (), ended=["stranger"]))] == ["out"]


def test_of_a_control_that_is_not_claimed_only_the_open_connections_are_judged():
    found = judged(ground(), everything, claimed=frozenset())
    assert {one.outcome for one in found.values() if one.attack} == {Outcome.NOT_CLAIMED}
    assert {one.outcome for one in found.values() if not one.attack} == {Outcome.HOLDS}


def test_a_tenants_own_pods_must_be_reached_and_another_tenants_must_not():
    tried = ground()
    promises = {(position.name, destination.name): promise for position, destination, promise in tried.pairs()}
    assert promises["tenant tenant-0", "pod of tenant tenant-0"].allowed
    assert promises["tenant tenant-0", "pod of tenant tenant-1"] == Promise(allowed=False, control=ControlId.NS4)


def test_tenants_who_share_a_namespace_are_promised_nothing_of_each_other():
    tried = ground("governed")
    promises = {(position.name, destination.name) for position, destination, _ in tried.pairs()}
    assert ("tenant tenant-0", "pod of tenant tenant-0") in promises
    assert ("tenant tenant-0", "pod of tenant tenant-1") not in promises


def test_each_tenant_and_the_platform_show_every_network_control_of_theirs():
    posture = platform("partitioned").posture
    rows = control_reports(posture, list(judged(ground(), as_promised).values()), (Probe.PACKETS,))
    found = {row.control: row for row in rows if row.control in {ControlId.SR1, ControlId.NS4}}
    assert {row.verdict for row in found.values()} == {Verdict.HOLDS}


def test_a_tenant_whose_pods_could_not_run_leaves_its_network_unproven_whatever_others_show():
    tried = ground()
    results = {
        position.name: Result({}, {}, "its probe pod was refused")
        if position.tenant == "tenant-1"
        else Result(
            {
                destination.name: promise.allowed
                for place, destination, promise in tried.pairs()
                if place == position and destination.tenant != "tenant-1"
            },
            {},
        )
        for position in tried.positions
    }
    placed = [destination.name for destination in tried.destinations if destination.tenant != "tenant-1"]
    listening = [position.name for position in tried.positions if position.tenant != "tenant-1"]
    seen = list(observations(tried, Found(results, placed, listening), CLAIMED))
    rows = control_reports(platform("partitioned").posture, seen, (Probe.PACKETS,))
    found = {row.control: (row.verdict, row.unproven_for) for row in rows}
    assert found[ControlId.NS4] == found[ControlId.SR1] == (Verdict.UNPROVEN, ("tenant-1",))


def test_every_target_is_tried_by_somebody_and_everybody_tries_something():
    tried = watched_ground()
    outside = ground_of(platform_with_managed_stores("partitioned").blueprint, "outside")
    picked = ground_of(picking_platform("partitioned").blueprint, "outside")
    pairs = [pair for ground in (tried, outside, picked) for pair in ground.pairs()]
    assert {destination.target for _, destination, _ in pairs} >= set(Target) - {Target.OWN}
    assert {position.caller for position, _, _ in pairs} == set(Caller)


def test_of_pickers_the_first_is_passed_for_whether_one_runs_or_not():
    """Its image and its data plane's may not start on a cluster, and their policies are there all the same."""
    tried = ground_of(picking_platform("governed").blueprint, "outside")
    promises = {
        (position.caller, destination.target): promise.allowed for position, destination, promise in tried.pairs()
    }
    stands = {one.name for one in tried.destinations if one.target in {Target.DATA_PLANE, Target.PICKER}}
    assert stands == {"data plane before engine second", "picker of engine second"}
    callers = {
        target: {caller for (caller, one), may in promises.items() if may and one is target} for target in Target
    }
    assert callers[Target.DATA_PLANE] == {Caller.GATEWAY}
    assert callers[Target.PICKER] == {Caller.DATA_PLANE}
    assert callers[Target.API_SERVER] == {Caller.PICKER}
    for target in (Target.DATA_PLANE, Target.PICKER):
        closed = {caller for (caller, one), may in promises.items() if not may and one is target}
        assert closed >= {Caller.TENANT, Caller.STRANGER, Caller.ENGINE, Caller.ACCOUNTS, Caller.PROMETHEUS}


def test_what_looks_after_the_database_reaches_it_and_no_engine():
    tried = watched_ground("governed")
    promises = {
        (position.caller, destination.target): promise.allowed for position, destination, promise in tried.pairs()
    }
    for caller in (Caller.MIGRATION, Caller.EXPORTER):
        assert promises[caller, Target.DATABASE]
        assert not promises[caller, Target.ENGINE]
    assert promises[Caller.EXPORTER, Target.CACHE]
    assert not promises[Caller.MIGRATION, Target.CACHE]


def test_webhooks_are_open_to_pods_outside_the_platform_and_refused_to_its_own_and_to_tenants_with_namespaces():
    def refused_to(tier: str) -> set[Caller]:
        found = judged(ground(tier), as_promised_and_shown)
        return {
            position.caller
            for position in ground(tier).positions
            if (case := found.get(f"{position.name} to webhooks of Kueue")) and case.outcome is Outcome.HOLDS
        }

    own = {Caller.GATEWAY, Caller.ACCOUNTS, Caller.ENGINE, Caller.MIGRATION}
    assert refused_to("governed") == own
    assert refused_to("partitioned") == own | {Caller.TENANT}


def test_a_database_and_a_cache_outside_are_the_gateways_alone_among_the_platforms_pods_and_tenants():
    """Of whoever else may come to them on their own network, no policy of the cluster says anything."""
    for made in (platform_with_external_stores, platform_with_managed_stores):
        tried = ground_of(made("governed").blueprint, "outside")
        promises = [
            (position.caller, promise.allowed)
            for position, destination, promise in tried.pairs()
            if destination.name in {"database", "cache"}
        ]
        assert {caller for caller, allowed in promises if allowed} == {Caller.GATEWAY}
        refused = {caller for caller, allowed in promises if not allowed}
        assert refused == {Caller.TENANT, Caller.ACCOUNTS, Caller.ENGINE}


def test_of_engines_one_that_downloads_its_weights_and_one_that_does_not_are_passed_for():
    """By the labels of their own pods, or the policies that name an engine would never be looked at."""
    tried = ground_of(downloading_platform("governed").blueprint, "outside")
    engines = {one.name: dict(one.labels) for one in tried.positions if one.caller is Caller.ENGINE}
    assert engines == {f"engine {name}": names.workload_labels("engine", name) for name in ("tiny", "fetched")}
    called = {one.name for one in tried.destinations if one.probe and one.target is Target.ENGINE}
    assert called == {"a pod with the labels of engine tiny", "a pod with the labels of engine fetched"}


def watched_ground(tier: str = "partitioned") -> Ground:
    return ground_of(watched_platform(tier).blueprint, "outside")


def test_metrics_are_prometheus_alone_and_its_reaching_them_shows_that_others_are_refused():
    tried = watched_ground()
    found = judged(tried, as_promised)
    everything_watched = {"accounts", "cache", "database", "gateway", "Kueue", "Kyverno"}
    metrics = [one for one in tried.destinations if one.target is Target.METRICS]
    assert {one.name for one in metrics} == {f"metrics of {name}" for name in everything_watched}
    for one in metrics:
        cases = {case: seen for case, seen in found.items() if case.endswith(f" to {one.name}")}
        assert {seen.outcome for seen in cases.values()} == {Outcome.HOLDS}
        assert [case for case, seen in cases.items() if not seen.attack] == [f"prometheus to {one.name}"]
        assert f"tenant tenant-0 to {one.name}" in cases


def test_without_kyverno_or_a_prometheus_nobody_looks_for_their_metrics():
    trusted = {one.name for one in watched_ground("trusted").destinations}
    assert "metrics of Kueue" in trusted
    assert "metrics of Kyverno" not in trusted
    assert not [one for one in ground().destinations if one.target is Target.METRICS]
    assert Caller.PROMETHEUS not in {one.caller for one in ground().positions}


def test_a_caller_that_could_not_run_leaves_its_connections_unproven():
    tried = ground()
    results = {position.name: Result({}, {}, "its probe pod was refused") for position in tried.positions}
    placed = [destination.name for destination in tried.destinations]
    found = list(observations(tried, Found(results, placed, ()), CLAIMED))
    assert {one.outcome for one in found} == {Outcome.UNPROVEN}
    assert {one.seen for one in found} == {"its probe pod was refused"}
