"""Whose prompts are found again for whom, on platforms that keep what they promise and on others."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from infra.audit.caches.door import Counted, EnginePod, Said
from infra.audit.caches.live import counted, said
from infra.audit.caches.probe import probe_caches
from infra.audit.caches.trial import ATTEMPTS, OWN_ASKS, Asker, Trial, trial
from infra.audit.report import Verdict, control_reports
from infra.audit.results import Observation, Outcome, Probe
from infra.blueprint.model import Blueprint
from infra.config.loader import parse
from infra.config.trust import ControlId
from infra.posture import Platform, platform_of
from tests.unit.audit.stacks import TODAY, document

TOKENS = 400
FOUND = 384
"""Whole blocks of a prompt."""


@dataclass
class FakePlatform:
    """A gateway before engines that keep prompts, by whose they are or by nobody's.

    Attributes:
        scope: Tenant → whose cache its prompts go to.
        pods: The engine's replicas; each request goes to the next.
        engines: Tenant → the engine whose replicas work on its requests.
        refused: Tenants to whom it does not answer.
        traffic: Tokens of others that an engine counts during each request.
        keeps: Whether it keeps anything.
    """

    scope: Callable[[str], str] = lambda tenant: tenant
    pods: tuple[str, ...] = ("engine-0",)
    engines: Callable[[str], str] = lambda _: "tiny"
    refused: Mapping[str | None, int] = field(default_factory=dict[str | None, int])
    traffic: int = 0
    keeps: bool = True
    requests: int = 0
    kept: set[tuple[EnginePod, str, str]] = field(default_factory=set[tuple[EnginePod, str, str]])
    counters: dict[EnginePod, Counted] = field(default_factory=dict[EnginePod, Counted])

    def ask(self, tenant: str | None, model: str, prompt: str) -> Said:
        self.requests += 1
        if tenant in self.refused:
            return Said(self.refused[tenant], reason="not_permitted")
        pod = EnginePod(self.engines(str(tenant)), self.pods[self.requests % len(self.pods)])
        entry = (pod, self.scope(str(tenant)), prompt)
        if self.keeps:
            before = self.counters.get(pod, Counted(0, 0))
            hits = FOUND if entry in self.kept else 0
            self.counters[pod] = Counted(before.queries + TOKENS + self.traffic, before.hits + hits)
            self.kept.add(entry)
        return Said(200, TOKENS)

    def counted(self, model: str) -> Mapping[EnginePod, Counted]:
        return dict(self.counters)


def asked(door: FakePlatform) -> Trial:
    return trial(door, "tiny", (Asker("one", "tiny"), Asker("two", "tiny")), pause=lambda _: None)


def asked_apart(door: FakePlatform) -> Trial:
    """The same where each of the two has an engine of its own."""
    return trial(door, "tiny", (Asker("one", "tiny-one"), Asker("two", "tiny-two")), pause=lambda _: None)


def outcomes(found: Trial) -> tuple[Outcome, Outcome]:
    return found.stolen.outcome, found.own.outcome


def test_another_finds_nothing_and_the_same_tenant_does() -> None:
    assert outcomes(asked(FakePlatform())) == (Outcome.HOLDS, Outcome.HOLDS)


def test_a_cache_that_all_share_is_seen_to_leak() -> None:
    found = asked(FakePlatform(scope=lambda _: "everybody"))

    assert found.stolen.outcome is Outcome.FAILS
    assert f"{FOUND} of {TOKENS} tokens" in found.stolen.seen


def test_finding_nothing_proves_nothing_where_nothing_is_ever_found() -> None:
    """As with a salt of each request's own, or a cache too small for one prompt."""
    count = iter(range(10**6))

    assert outcomes(asked(FakePlatform(scope=lambda _: str(next(count))))) == (Outcome.UNPROVEN, Outcome.UNPROVEN)


@pytest.mark.parametrize("shared", [False, True])
def test_while_others_ask_nothing_is_told_either_way(shared: bool) -> None:
    busy = FakePlatform(scope=lambda tenant: "everybody" if shared else tenant, traffic=7)

    assert outcomes(asked(busy)) == (Outcome.UNPROVEN, Outcome.UNPROVEN)
    assert busy.requests <= 2 * ATTEMPTS


def test_a_request_that_reached_another_replica_is_no_evidence() -> None:
    """Replicas in strict turns are not separate engines: the second tenant never meets the one that has the prompt."""
    leaky = FakePlatform(scope=lambda _: "everybody", pods=("engine-0", "engine-1"))

    assert outcomes(asked(leaky)) == (Outcome.UNPROVEN, Outcome.UNPROVEN)


def test_among_several_replicas_the_one_that_has_the_prompt_is_waited_for() -> None:
    @dataclass
    class Wandering(FakePlatform):
        order: tuple[int, ...] = (0, 1, 1, 1, 0, 1, 0, 1)

        def ask(self, tenant: str | None, model: str, prompt: str) -> Said:
            self.pods = ("engine-0", "engine-1")
            turn = self.order[self.requests % len(self.order)]
            self.pods = (f"engine-{turn}",)
            answer = super().ask(tenant, model, prompt)
            self.pods = ("engine-0", "engine-1")
            return answer

    assert outcomes(asked(Wandering(pods=("engine-0", "engine-1")))) == (Outcome.HOLDS, Outcome.HOLDS)


def everybody(_: str) -> str:
    return "everybody"


def test_separate_engines_hold_by_being_separate_and_the_own_prompt_is_found_again() -> None:
    found = asked_apart(FakePlatform(scope=everybody, engines=lambda tenant: f"tiny-{tenant}"))

    assert outcomes(found) == (Outcome.HOLDS, Outcome.HOLDS)
    assert "answered by tiny-two, a separate engine, while one was answered by tiny-one" in found.stolen.seen
    assert f"{FOUND} of {TOKENS} tokens" in found.own.seen


@pytest.mark.parametrize("replicas", [2, 40])
def test_separate_engines_of_many_replicas_hold_too(replicas: int) -> None:
    pods = tuple(f"replica-{index}" for index in range(replicas))
    found = asked_apart(FakePlatform(scope=everybody, pods=pods, engines=lambda tenant: f"tiny-{tenant}"))

    assert outcomes(found) == (Outcome.HOLDS, Outcome.HOLDS)


def test_tenants_who_should_have_separate_engines_and_share_one_are_seen_to() -> None:
    """Even where a salt keeps their prompts apart in it."""
    found = asked_apart(FakePlatform(engines=lambda _: "tiny-one"))

    assert found.stolen.outcome is Outcome.FAILS
    assert found.stolen.seen == "a request of two was answered by tiny-one, which does not serve it"


def test_the_first_one_s_request_is_seen_to_as_well() -> None:
    """Both requests are answered by one engine, and it is the first asker who should not be there."""
    found = asked_apart(FakePlatform(engines=lambda _: "tiny-two"))

    assert found.stolen.outcome is Outcome.FAILS
    assert found.stolen.seen == "a request of one was answered by tiny-two, which does not serve it"


def test_a_gateway_that_spreads_requests_over_separate_engines_is_seen_to() -> None:
    """Two engines in turns: the first two requests go to the right ones, and a later one does not."""
    turns = iter(["tiny-one", "tiny-two"] * 10)
    found = asked_apart(FakePlatform(engines=lambda _: next(turns)))

    assert found.stolen.outcome is Outcome.FAILS


def test_separate_engines_that_are_never_left_alone_are_not_judged() -> None:
    busy = FakePlatform(engines=lambda tenant: f"tiny-{tenant}", traffic=7)

    assert outcomes(asked_apart(busy)) == (Outcome.UNPROVEN, Outcome.UNPROVEN)


@pytest.mark.parametrize("tenant", ["one", "two"])
def test_a_tenant_that_is_not_answered_proves_nothing_and_is_named_without_its_prompt(tenant: str) -> None:
    found = asked(FakePlatform(refused={tenant: 429}))

    assert outcomes(found) == (Outcome.UNPROVEN, Outcome.UNPROVEN)
    assert found.stolen.seen == f"tenant {tenant}: answered 429 (not_permitted)"


# --- the whole probe --------------------------------------------------------------------------------------------


def adversarial(tenants: int = 2, **model: Any) -> Platform:
    parts = document("trusted", tenants, enable=["KV1"])
    (only,) = cast("list[dict[str, Any]]", parts["bulkhead:models"])
    config = parse({**parts, "bulkhead:models": [{**only, **model}]}, TODAY)
    assert not isinstance(config, list), config
    return platform_of("tests", config, TODAY)


def probed(door: FakePlatform, platform: Platform) -> tuple[Observation, ...]:
    return probe_caches(door, platform.blueprint)


def verdict(platform: Platform, found: tuple[Observation, ...]) -> Verdict:
    rows = control_reports(platform.posture, found, (Probe.CACHES,))
    return next(row.verdict for row in rows if row.control is ControlId.KV1)


def test_every_tenant_of_a_model_looks_for_the_next_one_s_prompts() -> None:
    platform = adversarial(tenants=3)
    found = probed(FakePlatform(), platform)

    assert verdict(platform, found) is Verdict.HOLDS
    assert [(one.tenant, one.attack) for one in found] == [
        (f"tenant-{index}", attack) for index in range(3) for attack in (True, False)
    ]
    assert "tenant-0 has asked" in found[-2].about


def test_a_leak_fails_the_control() -> None:
    platform = adversarial()

    assert verdict(platform, probed(FakePlatform(scope=lambda _: "everybody"), platform)) is Verdict.FAILS


def own_engines(platform: Platform) -> Callable[[str], str]:
    """Where the requests of each tenant have to go."""
    owners = {engine.tenant: engine.name for engine in platform.blueprint.engines}
    return lambda tenant: owners.get(tenant) or owners[None]


def test_engines_of_each_tenant_s_own_are_proven() -> None:
    platform = adversarial(tenants=3, cache_isolation="engine_per_tenant")
    door = FakePlatform(scope=everybody, engines=own_engines(platform))

    assert verdict(platform, probed(door, platform)) is Verdict.HOLDS
    assert door.requests == 3 * (2 + OWN_ASKS)


def test_a_sensitive_tenant_s_engines_are_proven_beside_those_that_others_share() -> None:
    parts = document("trusted", 3, enable=["KV1"])
    tenants = cast("list[dict[str, Any]]", parts["bulkhead:tenants"])
    tenants[1]["sensitive"] = True
    config = parse(parts, TODAY)
    assert not isinstance(config, list), config
    platform = platform_of("tests", config, TODAY)
    owners = own_engines(platform)
    leaky = FakePlatform(scope=everybody, engines=owners)

    assert owners("tenant-1") != owners("tenant-0") == owners("tenant-2")
    assert verdict(platform, probed(FakePlatform(engines=owners), platform)) is Verdict.HOLDS
    assert [one.outcome for one in probed(leaky, platform) if one.attack] == [
        Outcome.HOLDS,
        Outcome.HOLDS,
        Outcome.FAILS,
    ]


def test_one_tenant_that_cannot_be_judged_leaves_the_control_unproven() -> None:
    platform = adversarial(tenants=3)

    assert verdict(platform, probed(FakePlatform(refused={"tenant-2": 429}), platform)) is Verdict.UNPROVEN


def test_engines_that_keep_nothing_hold_by_that() -> None:
    platform = adversarial(cache_isolation="off")
    found = probed(FakePlatform(keeps=False), platform)

    assert verdict(platform, found) is Verdict.HOLDS
    assert {one.outcome for one in found} == {Outcome.HOLDS}


def test_engines_that_should_keep_nothing_and_do_are_judged_by_what_they_give_away() -> None:
    platform = adversarial(cache_isolation="off")

    assert verdict(platform, probed(FakePlatform(scope=lambda _: "everybody"), platform)) is Verdict.FAILS


@pytest.mark.parametrize(("status", "expected"), [(401, Verdict.HOLDS), (500, Verdict.UNPROVEN)])
def test_a_model_of_one_tenant_is_tried_by_somebody_else(status: int, expected: Verdict) -> None:
    platform = adversarial(tenants=1)

    assert verdict(platform, probed(FakePlatform(refused={None: status}), platform)) is expected
    assert verdict(platform, probed(FakePlatform(), platform)) is Verdict.FAILS


def opening(*routes: list[str]) -> Platform:
    """A model of several tenants, each of whom opens these routes."""
    parts = document("trusted", len(routes), enable=["KV1"])
    for tenant, opened in zip(cast("list[dict[str, Any]]", parts["bulkhead:tenants"]), routes, strict=True):
        tenant["routes"] = opened
    config = parse(parts, TODAY)
    assert not isinstance(config, list), config
    return platform_of("tests", config, TODAY)


def test_a_tenant_whose_key_does_not_open_the_path_of_the_prompts_is_left_alone_and_unproven() -> None:
    platform = opening(["chat"], ["completions"], ["completions", "chat"])
    found = probed(door := FakePlatform(refused={"tenant-0": 403}), platform)

    assert verdict(platform, found) is Verdict.UNPROVEN
    assert [one.seen for one in found if one.tenant == "tenant-0"] == [
        "the record of tenant-0 does not open `completions`, and this asks by nothing else"
    ]
    assert {one.outcome for one in found if one.tenant != "tenant-0"} == {Outcome.HOLDS}
    assert door.requests == 6


def test_a_tenant_without_anybody_whose_prompts_it_could_find_is_unproven() -> None:
    found = probed(FakePlatform(), opening(["chat"], ["completions"]))

    assert [one.outcome for one in found] == [Outcome.UNPROVEN, Outcome.UNPROVEN]
    assert "any other tenant of the model" in found[1].seen


def test_the_refusal_of_a_path_is_not_taken_for_that_of_a_model() -> None:
    """Nobody else opens the path, so that the model is asked with a made-up key."""
    parts = document("trusted", 2, enable=["KV1"])
    price = {"input_usd_per_million_tokens": 0.2, "output_usd_per_million_tokens": 0.6}
    parts["bulkhead:models"] = [
        {"name": name, "source": "/models/tiny", "pool": "cpu", "price": price} for name in ("tiny", "other")
    ]
    tenants = cast("list[dict[str, Any]]", parts["bulkhead:tenants"])
    tenants[1].update({"models": ["other"], "routes": ["chat"]})
    config = parse(parts, TODAY)
    assert not isinstance(config, list), config
    found = probed(FakePlatform(refused={None: 401, "tenant-1": 403}), platform_of("tests", config, TODAY))

    (own,) = (one for one in found if one.tenant == "tenant-0")
    assert (own.outcome, own.identity) == (Outcome.HOLDS, "a caller with a made-up key")


def test_only_the_tenants_that_were_named_ask_for_themselves() -> None:
    blueprint: Blueprint = adversarial(tenants=3).blueprint

    assert {one.tenant for one in probe_caches(FakePlatform(), blueprint, frozenset({"tenant-1"}))} == {"tenant-1"}


def test_what_it_cost_is_said() -> None:
    lines: list[str] = []
    probe_caches(FakePlatform(), adversarial().blueprint, progress=lines.append)

    assert lines == ["caches: 6 requests, 2400 prompt tokens, 0.0005 USD charged to the tenants who asked"]


# --- what is read -----------------------------------------------------------------------------------------------


def test_counters_of_all_engines_in_a_pod_are_added_up() -> None:
    metrics = (
        'vllm:prefix_cache_queries_total{engine="0",model_name="tiny"} 1000.0\n'
        'vllm:prefix_cache_queries_total{engine="1",model_name="tiny"} 1.2e+03\n'
        'vllm:prefix_cache_hits_total{engine="0",model_name="tiny"} 256.0\n'
        "vllm:prefix_cache_hits_created{} 1.7e9\n"
    )

    assert counted(metrics) == Counted(2200, 256)


def test_of_a_refusal_the_code_alone_is_kept() -> None:
    assert said(429, '{"error": {"code": "rate_limit_exceeded", "message": "of prompt a b c"}}') == Said(
        429, reason="rate_limit_exceeded"
    )
    assert said(200, '{"usage": {"prompt_tokens": 421}}') == Said(200, 421)
    assert said(502, "<html>").words == "answered 502 (without a reason)"
