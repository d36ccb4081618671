"""Whose requests are stopped by what, on gateways that fail closed and on others."""

import dataclasses
import json
import os
import signal
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
import yaml
from kubernetes import client

from components.gateway.configuration import configuration
from infra.audit.budgets.attempts import NOBODY
from infra.audit.budgets.door import Port, Replica, Reply, Request
from infra.audit.budgets.live import LiveBudgetDoor, reply
from infra.audit.budgets.probe import probe_budgets
from infra.audit.budgets.settings import FAIL_CLOSED
from infra.audit.budgets.trial import KEY_LIFE, NEXT_TO_NOTHING_USD, Clock, trial
from infra.audit.budgets.verdict import SOURCES
from infra.audit.caches import CacheDoor
from infra.audit.cluster import Answer
from infra.audit.report import PROBED_BY, AuditReport, Verdict, control_reports
from infra.audit.results import Observation, Outcome, Probe
from infra.audit.run import Doors, Wanted, audit
from infra.blueprint.model import Blueprint
from infra.cli import exit_codes
from infra.cli.audit import exit_code_of
from infra.config.loader import parse
from infra.config.trust import ControlId
from infra.controls.sr3_budgets_fail_closed import objects
from infra.faults import CommandFailedError
from infra.live.cluster import LiveCluster
from infra.live.model import Account, KeyState, Standing
from infra.plan import plan
from infra.posture import Platform, platform_of
from infra.trust.posture import ControlState
from tests.unit.audit.fake_cluster import FakeCluster
from tests.unit.audit.stacks import TODAY, document, platform

MASTER = "master"
GOVERNED = platform("governed")
REFUSED = Reply(400, "parameter_not_allowed")


def accounts_of(blueprint: Blueprint) -> dict[str, Account]:
    return {
        tenant.name: Account(
            name=tenant.name,
            standing=Standing.LISTED,
            key=KeyState.WORKS,
            models=tenant.models,
            routes=("chat", "models"),
            metadata={},
            budget_usd=tenant.budget_usd,
            budget_period=tenant.budget_period,
            spent_usd=0.0,
            resets_at=None,
            requests_per_minute=tenant.requests_per_minute,
            tokens_per_minute=tenant.tokens_per_minute,
        )
        for tenant in blueprint.tenants
    }


def edited(blueprint: Blueprint, change: Callable[[dict[str, Any]], object]) -> str:
    """The gateway's configuration, changed."""
    found = yaml.safe_load(configuration(blueprint.gateway))
    change(found)
    return yaml.safe_dump(found)


@dataclass
class FakeGateway:
    """A gateway that keeps what AC1, AC2 and SR3 promise, but for what a test says.

    Attributes:
        blueprint: What it serves.
        settings: The configuration of each replica.
        answers: (Path, key's holder) → what it answers in place of what it should.
        unsuited: Models that do not chat.
        parameters: Parameters of the platform's own that it takes from callers.
        checks_estimates: Whether it refuses what the budget will not pay for.
        forgets: How many answers it gives to a key whose budget is spent, before it knows.
        limits: Whether it refuses what is beyond a limit.
        counts_together: Whether its replicas count one limit.
        teams: The teams that were made and are still there.
    """

    blueprint: Blueprint
    settings: tuple[Replica, ...]
    has: dict[str, Account]
    answers: dict[tuple[str, str], Reply] = field(default_factory=dict[tuple[str, str], Reply])
    unsuited: frozenset[str] = frozenset()
    parameters: frozenset[str] = frozenset()
    checks_estimates: bool = True
    forgets: int = 0
    limits: bool = True
    counts_together: bool = True
    master_key: str = MASTER
    teams: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict[str, list[Mapping[str, Any]]])
    administered: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list[tuple[str, Mapping[str, Any]]])
    counted: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])

    def replicas(self) -> tuple[Replica, ...]:
        return self.settings

    def key_of(self, tenant: str) -> str | None:
        return f"key of {tenant}" if tenant in self.has else None

    def accounts(self) -> tuple[Account, ...]:
        return tuple(self.has.values())

    def ask(self, replica: str, key: str | None, request: Request) -> Reply:
        path = request.path.partition("?")[0]
        holder = self.holder(key)
        if (path, holder) in self.answers:
            return self.answers[path, holder]
        if request.port is Port.ADMINISTRATION:
            return Reply(200) if key == MASTER else Reply(403)
        if path not in {"/v1/chat/completions", "/v1/models"}:
            return Reply(404, "unknown_url")
        if holder in {"nobody", "a stranger"}:
            return Reply(401, "invalid_api_key")
        if path == "/v1/models":
            return Reply(200, models=self.has[holder].models)
        return self._chat(replica, str(key), dict(request.body or {}))

    def holder(self, key: str | None) -> str:
        if key is None:
            return "nobody"
        made = [grant for grants in self.teams.values() for grant in grants if grant.get("key") == key]
        if made:
            return "poor" if made[0]["max_budget"] == NEXT_TO_NOTHING_USD else "rich"
        name = key.removeprefix("key of ")
        return name if name in self.has else "an administrator" if key == MASTER else "a stranger"

    def _chat(self, replica: str, key: str, body: dict[str, Any]) -> Reply:
        holder = self.holder(key)
        own = set(body) - {"model", "messages", "max_tokens"} - self.parameters
        if own:
            return REFUSED
        if holder in self.has and body["model"] not in self.has[holder].models:
            return Reply(404, "model_not_found")
        spent = self.counted.get((key, "spent"), 0)
        if holder == "poor" and (self.checks_estimates or spent > self.forgets):
            return Reply(429, "insufficient_quota")
        self.counted[key, "spent"] = spent + 1
        counter = key, "all" if self.counts_together else replica
        self.counted[counter] = self.counted.get(counter, 0) + 1
        if holder == "rich" and self.limits and self.counted[counter] > 1:
            return Reply(429, "rate_limit_exceeded")
        return Reply(404, "model_unsuited") if body["model"] in self.unsuited else Reply(200)

    def administer(self, path: str, body: Mapping[str, Any]) -> Reply:
        self.administered.append((path, body))
        if (path, "an administrator") in self.answers:
            return self.answers[path, "an administrator"]
        if path == "/team/new":
            self.teams[str(body["team_id"])] = []
        elif path == "/key/generate":
            self.teams[str(body["team_id"])].append(body)
        elif path == "/team/delete":
            (team,) = body["team_ids"]
            return Reply(200) if self.teams.pop(team, None) is not None else Reply(404)
        return Reply(200)


def gateway(made: Platform = GOVERNED, replicas: int = 2, **options: Any) -> FakeGateway:
    blueprint = made.blueprint
    settings = tuple(
        Replica(f"gateway-{index}", configuration(blueprint.gateway), as_deployed=True) for index in range(replicas)
    )
    return FakeGateway(blueprint, settings, accounts_of(blueprint), **options)


def two_replicas(tier: str = "governed") -> Platform:
    """A platform whose replicas count in a cache that they share."""
    shared = {"bulkhead:gateway": {"replicas": 2, "cache": {"kind": "in_cluster"}}}
    config = parse({**document(tier), **shared}, TODAY)
    assert not isinstance(config, list), config
    return platform_of("tests", config, TODAY)


TWO = two_replicas()
TRUSTED = two_replicas("trusted")
CLAIMED = GOVERNED.posture.in_force
BOOKED = frozenset({ControlId.AC1, ControlId.AC2, ControlId.SR3})


def probed(door: FakeGateway, claimed: frozenset[ControlId] = CLAIMED) -> tuple[Observation, ...]:
    return probe_budgets(door, door.blueprint, claimed, "run")


def verdicts(found: tuple[Observation, ...], made: Platform = TWO) -> dict[ControlId, Verdict]:
    rows = control_reports(made.posture, found, (Probe.BUDGETS,))
    return {row.control: row.verdict for row in rows if row.control in BOOKED}


def but(control: ControlId, verdict: Verdict) -> dict[ControlId, Verdict]:
    """Every control that the probe tells of holds, but for one."""
    return {**dict.fromkeys(BOOKED, Verdict.HOLDS), control: verdict}


def outcomes(found: tuple[Observation, ...], case: str) -> set[Outcome]:
    return {one.outcome for one in found if one.case == case}


def failed(found: tuple[Observation, ...]) -> set[str]:
    return {one.case for one in found if one.outcome is Outcome.FAILS}


def test_a_gateway_that_fails_closed_is_seen_to_hold_for_every_tenant() -> None:
    found = probed(gateway(TWO))

    assert {one.outcome for one in found} == {Outcome.HOLDS}
    assert verdicts(found) == dict.fromkeys(BOOKED, Verdict.HOLDS)
    assert {one.tenant for one in found} == {"", "tenant-0", "tenant-1"}


def without_a_list() -> FakeGateway:
    """A gateway whose first tenant's record opens no list of models."""
    first, *others = TWO.blueprint.tenants
    narrow = replace(first, paths=("/v1/chat/completions",))
    door = gateway(replace(TWO, blueprint=replace(TWO.blueprint, tenants=(narrow, *others))))
    door.answers["/v1/models", first.name] = Reply(403, "path_not_open")
    return door


def test_a_key_that_opens_no_list_of_models_is_not_asked_for_one() -> None:
    found = probed(without_a_list())

    (listed,) = (one for one in found if one.case == "models-of-its-record" and one.tenant == "tenant-0")
    assert (listed.outcome, listed.seen) == (Outcome.UNPROVEN, "not asked for, since its record does not open it")
    assert failed(found) == set()


@pytest.mark.parametrize(
    ("key", "outcome"), [(KeyState.WORKS, Outcome.HOLDS), (KeyState.BLOCKED, Outcome.UNPROVEN)], ids=str
)
def test_where_a_key_opens_no_list_its_account_says_whether_its_refusals_count(key: KeyState, outcome: Outcome) -> None:
    door = without_a_list()
    door.has["tenant-0"] = dataclasses.replace(door.has["tenant-0"], key=key)

    found = probed(door)

    assert {one.outcome for one in found if one.tenant == "tenant-0" and one.attack} == {outcome}


def test_a_key_that_does_not_chat_is_not_tried_by_chats_and_the_rest_still_tells() -> None:
    first, *others = TWO.blueprint.tenants
    narrow = replace(first, paths=("/v1/completions", "/v1/models"))
    door = gateway(replace(TWO, blueprint=replace(TWO.blueprint, tenants=(narrow, *others))))
    door.answers["/v1/chat/completions", first.name] = Reply(403, "path_not_open")
    found = probed(door)

    own = [one for one in found if one.tenant == first.name]
    untried = {one.case: one.seen for one in own if one.outcome is not Outcome.HOLDS}
    assert untried == dict.fromkeys(
        ("sets-fallbacks", "sets-input_cost_per_token", "sets-mock_response"),
        "not asked for, since its record does not open it",
    )
    assert {"makes-a-key", "raises-a-budget"} <= {one.case for one in own if one.outcome is Outcome.HOLDS}


def test_every_refusal_has_its_positive() -> None:
    found = probed(gateway(TWO))

    assert {one.case for one in found if not one.attack} == {"administers", "models-of-its-record", "within-its-budget"}


# --- whose case it is -------------------------------------------------------------------------------------------


def test_every_case_is_about_a_control_that_the_report_takes_it_for() -> None:
    told = {control for control, probes in PROBED_BY.items() if Probe.BUDGETS in probes}

    assert {one.control for one in probed(gateway(TWO))} == told == set(SOURCES)


def test_a_positive_is_about_the_control_whose_refusals_it_gives_meaning() -> None:
    found = probed(gateway(TWO))

    assert {one.case: one.control for one in found if not one.attack} == {
        "administers": ControlId.AC1,
        "models-of-its-record": ControlId.AC1,
        "within-its-budget": ControlId.AC2,
    }


def trusted_gateway(**options: Any) -> FakeGateway:
    return gateway(TRUSTED, checks_estimates=False, **options)


def test_what_a_trusted_platform_lets_through_on_purpose_is_judged_by_nobody() -> None:
    found = probed(trusted_gateway(counts_together=False), TRUSTED.posture.in_force)

    unclaimed = [one for one in found if one.control is ControlId.SR3]
    assert {one.outcome for one in unclaimed} == {Outcome.NOT_CLAIMED}
    assert {"beyond-its-budget", "beyond-its-limit-elsewhere"} <= {one.case for one in unclaimed}
    assert {one.outcome for one in found if one.control is not ControlId.SR3} == {Outcome.HOLDS}


def test_work_that_is_refused_is_found_whether_its_control_is_claimed_or_not() -> None:
    found = probed(gateway(TWO, answers={("/v1/models", "tenant-0"): Reply(401)}), frozenset({ControlId.SR3}))

    assert failed(found) == {"models-of-its-record"}


def no_caches() -> CacheDoor:
    raise AssertionError("the stack does not claim KV1")


def audited(made: Platform, budgets: Callable[[], FakeGateway]) -> AuditReport:
    cluster = FakeCluster(lambda _: Answer(201, {"status": {"allowed": True}}))
    return audit(cluster, made, Wanted("tests", (Probe.BUDGETS,)), doors=Doors(no_caches, budgets))


def test_an_audit_of_the_trusted_tier_proves_what_that_tier_claims() -> None:
    found = audited(TRUSTED, trusted_gateway)

    assert {row.control: row.verdict for row in found.controls if row.verdict is not Verdict.NOT_CLAIMED} == {
        ControlId.AC1: Verdict.HOLDS,
        ControlId.AC2: Verdict.HOLDS,
        ControlId.AC3: Verdict.NOT_PROBED,
    }
    assert exit_code_of(found) == exit_codes.SOUND


@pytest.mark.parametrize("control", sorted(BOOKED))
def test_one_claimed_control_is_enough_to_look(control: ControlId) -> None:
    made = claiming(control)

    verdict = next(row.verdict for row in audited(made, lambda: gateway(TWO)).controls if row.control is control)

    assert verdict is Verdict.HOLDS


def test_where_none_of_its_controls_is_claimed_the_gateway_is_not_asked() -> None:
    def closed() -> FakeGateway:
        raise AssertionError("nothing that it could show is claimed")

    assert not audited(claiming(), closed).tried


def claiming(*controls: ControlId) -> Platform:
    """The platform with no other of the probe's controls in force than these."""
    rows = tuple(
        replace(row, state=ControlState.DORMANT) if row.control.id in BOOKED - frozenset(controls) else row
        for row in TWO.posture.controls
    )
    return replace(TWO, posture=replace(TWO.posture, controls=rows))


# --- what replicas run with -------------------------------------------------------------------------------------


def test_what_has_to_be_set_is_what_the_control_says_it_sets() -> None:
    assert {f"GatewaySetting/{setting.name}" for setting in FAIL_CLOSED} == set(objects(GOVERNED.blueprint))


@pytest.mark.parametrize("setting", FAIL_CLOSED, ids=lambda setting: setting.name)
@pytest.mark.parametrize("replica", [0, 1])
def test_a_setting_that_fails_open_at_any_replica_is_found(setting: Any, replica: int) -> None:
    door = gateway(TWO)
    opened = edited(TWO.blueprint, lambda found: found["general_settings"].update({setting.name: not setting.wanted}))
    changed = dataclasses.replace(door.settings[replica], configuration=opened)
    door.settings = tuple(changed if index == replica else one for index, one in enumerate(door.settings))

    found = probed(door)

    assert failed(found) == {f"setting-{setting.name}"}
    assert f"gateway-{replica} has {setting.name}" in next(one.seen for one in found if one.outcome is Outcome.FAILS)
    assert verdicts(found) == but(ControlId.SR3, Verdict.FAILS)


def test_the_trusted_tiers_settings_are_found_not_to_hold_where_governed_is_expected() -> None:
    door = gateway(GOVERNED, replicas=1)
    trusted = configuration(platform("trusted").blueprint.gateway)
    door.settings = tuple(dataclasses.replace(one, configuration=trusted) for one in door.settings)

    assert failed(probed(door)) == {
        "setting-fail_closed_budget_enforcement",
        "setting-fail_closed_rate_limit_enforcement",
    }


def test_a_replica_without_a_configuration_holds_nothing() -> None:
    door = gateway(TWO)
    door.settings = (Replica("gateway-0", "", as_deployed=False),)

    assert {"edited-settings", "replicas-count-apart", "price-of-tiny"} < failed(probed(door))


def test_a_map_that_was_edited_says_nothing_of_what_runs() -> None:
    door = gateway(TWO)
    door.settings = (door.settings[0], dataclasses.replace(door.settings[1], as_deployed=False))

    found = probed(door)

    assert failed(found) == {"edited-settings"}
    assert verdicts(found) == {**but(ControlId.AC2, Verdict.FAILS), ControlId.SR3: Verdict.FAILS}


def test_replicas_that_count_each_for_itself_are_found_by_their_settings_and_by_their_answers() -> None:
    door = gateway(TWO, counts_together=False)
    apart = edited(TWO.blueprint, lambda found: found["general_settings"].pop("coordination_redis"))
    door.settings = tuple(dataclasses.replace(one, configuration=apart) for one in door.settings)

    found = probed(door)

    assert failed(found) == {"replicas-count-apart", "beyond-its-limit-elsewhere"}
    assert verdicts(found) == but(ControlId.SR3, Verdict.FAILS)


def test_one_replica_is_asked_for_no_other() -> None:
    assert outcomes(probed(gateway(GOVERNED, replicas=1)), "beyond-its-limit-elsewhere") == set()


def test_a_limit_that_does_not_bind_is_found_where_it_was_reached() -> None:
    found = probed(gateway(TWO, limits=False))

    assert failed(found) == {"beyond-its-limit", "beyond-its-limit-elsewhere"}
    assert verdicts(found) == {**but(ControlId.AC2, Verdict.FAILS), ControlId.SR3: Verdict.FAILS}


@pytest.mark.parametrize("price", [0, None, 1.0])
def test_a_model_of_another_price_than_the_stack_files_is_found(price: float | None) -> None:
    door = gateway(GOVERNED, replicas=1)

    def reprice(found: dict[str, Any]) -> None:
        found["model_list"][0]["litellm_params"]["input_cost_per_token"] = price

    door.settings = (dataclasses.replace(door.settings[0], configuration=edited(door.blueprint, reprice)),)

    found = probed(door)

    assert failed(found) == {"price-of-tiny"}
    assert verdicts(found) == but(ControlId.AC2, Verdict.FAILS)


# --- what callers get -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "holder", "case"),
    [
        ("/v1/chat/completions", "nobody", "without-a-key"),
        ("/v1/chat/completions", "a stranger", "made-up-key"),
        ("/key/generate", "tenant-0", "makes-a-key"),
        ("/config/list", "tenant-0", "reads-the-settings"),
        ("/vllm/v1/completions", "tenant-0", "passes-by"),
        ("/team/update", "tenant-0", "raises-a-budget"),
    ],
)
def test_what_is_answered_and_must_not_be_is_found(path: str, holder: str, case: str) -> None:
    found = probed(gateway(TWO, answers={(path, holder): Reply(200)}))

    assert failed(found) == {case}
    assert verdicts(found) == but(ControlId.AC1, Verdict.FAILS)


def test_an_administration_that_says_no_such_team_has_let_the_tenant_in() -> None:
    """The team that is asked for does not exist, so that nothing changes; whoever is told so was not refused."""
    found = probed(gateway(TWO, answers={("/team/update", "tenant-0"): Reply(404)}))

    assert failed(found) == {"raises-a-budget"}


@pytest.mark.parametrize(
    ("parameter", "control"),
    [
        ("fallbacks", ControlId.AC1),
        ("input_cost_per_token", ControlId.AC2),
        ("mock_response", ControlId.AC2),
    ],
)
def test_a_parameter_of_the_platforms_that_is_obeyed_is_found(parameter: str, control: ControlId) -> None:
    found = probed(gateway(TWO, parameters=frozenset({parameter})))

    assert failed(found) == {f"sets-{parameter}"}
    assert verdicts(found) == but(control, Verdict.FAILS)


def test_a_model_of_others_is_asked_for_where_there_is_one() -> None:
    parts = document("governed")
    (only,) = cast("list[dict[str, Any]]", parts["bulkhead:models"])
    models = [only, {**only, "name": "other", "source": "/models/other"}]
    config = parse({**parts, "bulkhead:models": models}, TODAY)
    assert not isinstance(config, list), config
    door = gateway(platform_of("tests", config, TODAY), replicas=1)

    found = [one for one in probed(door) if one.case == "model-of-others"]

    assert {(one.outcome, one.control) for one in found} == {(Outcome.HOLDS, ControlId.AC1)}
    assert outcomes(probed(gateway(TWO)), "model-of-others") == set()


@pytest.mark.parametrize("reply", [Reply(429, "rate_limit_exceeded"), Reply(503, "gateway_unavailable"), Reply(401)])
def test_refusals_of_a_key_that_opens_nothing_prove_nothing(reply: Reply) -> None:
    door = gateway(TWO, answers={("/v1/models", "tenant-0"): reply})

    found = probed(door)

    whole = [one for one in found if one.tenant == "tenant-0" and one.attack and one.case != "more-than-its-record"]
    assert {one.outcome for one in whole} == {Outcome.UNPROVEN}
    assert (Outcome.FAILS in outcomes(found, "models-of-its-record")) is (reply.status == 401)


def test_a_tenant_without_a_key_is_unproven() -> None:
    door = gateway(TWO)
    del door.has["tenant-1"]

    found = probed(door)

    assert {one.outcome for one in found if one.tenant == "tenant-1"} == {Outcome.UNPROVEN}
    assert verdicts(found) == {**but(ControlId.AC1, Verdict.UNPROVEN), ControlId.AC2: Verdict.UNPROVEN}


def test_no_refusal_stands_for_an_account_of_which_nothing_is_known() -> None:
    door = gateway(TWO)
    door.has["tenant-0"] = dataclasses.replace(door.has["tenant-0"], standing=Standing.NOT_DEPLOYED)

    found = probed(door)

    assert {one.case for one in found if one.outcome is Outcome.UNPROVEN} == {"more-than-its-record"}
    assert verdicts(found) == but(ControlId.AC2, Verdict.UNPROVEN)


def test_another_refusal_than_the_controls_own_proves_nothing() -> None:
    found = probed(gateway(TWO, answers={("/key/generate", "tenant-0"): Reply(503, "service_unavailable")}))

    assert outcomes(found, "makes-a-key") == {Outcome.UNPROVEN, Outcome.HOLDS}


@pytest.mark.parametrize(
    "change",
    [
        {"budget_usd": None},
        {"budget_usd": 1e6},
        {"requests_per_minute": None},
        {"tokens_per_minute": 10**9},
        {"budget_period": "1d"},
        {"models": ("tiny", "other")},
        {"drift": ("key: key's team: bulkhead-tenant-0 is wanted, none at the gateway",)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_account_that_allows_something_else_than_the_stack_file_is_found(change: dict[str, Any]) -> None:
    door = gateway(TWO)
    door.has["tenant-0"] = dataclasses.replace(door.has["tenant-0"], **change)

    found = probed(door)

    assert failed(found) == {"more-than-its-record"}
    assert verdicts(found)[ControlId.AC2] is Verdict.FAILS


def test_only_the_named_tenants_keys_are_used_and_the_platform_is_looked_at_all_the_same() -> None:
    door = gateway(TWO)
    found = probe_budgets(door, door.blueprint, CLAIMED, "run", frozenset({"tenant-1"}))

    assert {one.tenant for one in found} == {"", "tenant-1"}


def test_nothing_that_a_tenant_tries_would_change_anything_if_it_were_let_through() -> None:
    asked: list[Request] = []
    door = gateway(TWO)
    plain = door.ask

    def noted(replica: str, key: str | None, request: Request) -> Reply:
        asked.append(request)
        return plain(replica, key, request)

    door.ask = noted
    probed(door)

    writes = [one for one in asked if one.method == "POST" and not one.path.startswith("/v1/")]
    assert all(one.body in ({}, {"team_id": NOBODY}) for one in writes)
    assert {one.body["max_tokens"] for one in asked if one.body and "max_tokens" in one.body} == {1}


# --- keys for a trial -------------------------------------------------------------------------------------------


def test_a_gateway_that_lets_in_what_the_budget_does_not_pay_for_is_found() -> None:
    """As LiteLLM does unless it fails closed: it takes a request as long as anything is left."""
    found = probed(gateway(TWO, checks_estimates=False))

    assert failed(found) == {"beyond-its-budget"}
    assert verdicts(found) == but(ControlId.SR3, Verdict.FAILS)


def paused(door: FakeGateway, pauses: list[float]) -> dict[str, Outcome]:
    """What a trial shows of each case."""
    shown = trial(door, ("tiny",), ["gateway-0"], "run", Clock(wait=pauses.append))
    return {one.case: one.outcome for one in shown}


@pytest.mark.parametrize("answers", [0, 3])
def test_a_budget_binds_that_refuses_once_it_is_known_to_be_spent(answers: int) -> None:
    pauses: list[float] = []

    shown = paused(gateway(TWO, checks_estimates=False, forgets=answers), pauses)

    assert (shown["beyond-its-budget"], shown["spends-on"]) == (Outcome.FAILS, Outcome.HOLDS)
    assert pauses == [1] * (answers + 1)


def test_a_budget_that_never_binds_is_found() -> None:
    shown = paused(gateway(TWO, checks_estimates=False, forgets=1000), [])

    assert (shown["beyond-its-budget"], shown["spends-on"]) == (Outcome.FAILS, Outcome.FAILS)


def test_a_budget_that_refuses_at_once_is_not_asked_again() -> None:
    pauses: list[float] = []

    assert paused(gateway(TWO), pauses)["spends-on"] is Outcome.HOLDS
    assert pauses == []


def test_a_limit_that_was_tried_stands_for_no_budget() -> None:
    found = probed(gateway(TWO, answers={("/v1/chat/completions", "poor"): Reply(503, "model_unavailable")}))

    assert {one.case for one in found if one.outcome is Outcome.UNPROVEN} == {"beyond-its-budget", "spends-on"}
    assert verdicts(found) == {**but(ControlId.AC2, Verdict.UNPROVEN), ControlId.SR3: Verdict.UNPROVEN}


def test_without_an_answer_to_the_key_that_pays_no_refusal_counts() -> None:
    found = probed(gateway(TWO, answers={("/v1/chat/completions", "rich"): Reply(503, "model_unavailable")}))

    for case in ("beyond-its-budget", "spends-on", "beyond-its-limit", "within-its-budget"):
        assert outcomes(found, case) == {Outcome.UNPROVEN}
    assert verdicts(found) == {**but(ControlId.AC2, Verdict.UNPROVEN), ControlId.SR3: Verdict.UNPROVEN}


@pytest.mark.parametrize(
    ("holder", "number", "case", "control"),
    [
        ("rich", 2, "beyond-its-limit", ControlId.AC2),
        ("rich", 3, "beyond-its-limit-elsewhere", ControlId.SR3),
    ],
    ids=["limit", "limit of all replicas"],
)
def test_no_trial_of_a_limit_stands_for_another(holder: str, number: int, case: str, control: ControlId) -> None:
    door = gateway(TWO)
    plain, asked = door.ask, list[str]()

    def busy(replica: str, key: str | None, request: Request) -> Reply:
        asked.append(door.holder(key))
        last = asked.count(holder) == number
        return Reply(503, "model_unavailable") if last and asked[-1] == holder else plain(replica, key, request)

    door.ask = busy
    found = probed(door)

    assert {one.case for one in found if one.outcome is Outcome.UNPROVEN} == {case}
    assert verdicts(found) == but(control, Verdict.UNPROVEN)


def test_a_price_of_zero_is_as_it_must_be_where_the_stack_file_has_it() -> None:
    """As of a model that makes vectors, whose answers have no tokens."""
    parts = document("governed")
    (only,) = cast("list[dict[str, Any]]", parts["bulkhead:models"])
    price = {"input_usd_per_million_tokens": 0.2, "output_usd_per_million_tokens": 0}
    config = parse({**parts, "bulkhead:models": [only, {**only, "name": "vectors", "price": price}]}, TODAY)
    assert not isinstance(config, list), config

    found = probed(gateway(platform_of("tests", config, TODAY), replicas=1))

    assert outcomes(found, "price-of-vectors") == {Outcome.HOLDS}


def test_a_model_that_does_not_chat_is_passed_over_for_one_that_does() -> None:
    parts = document("governed")
    (only,) = cast("list[dict[str, Any]]", parts["bulkhead:models"])
    models = [{**only, "name": "embeddings", "source": "/models/embeddings"}, only]
    config = parse({**parts, "bulkhead:models": models}, TODAY)
    assert not isinstance(config, list), config
    door = gateway(platform_of("tests", config, TODAY), replicas=1, unsuited=frozenset({"embeddings"}))

    found = probed(door)

    assert {one.outcome for one in found} == {Outcome.HOLDS}
    assert door.teams == {}


def test_where_no_shared_model_chats_it_is_said_what_each_answered() -> None:
    door = gateway(TWO, unsuited=frozenset({"embeddings", "tiny"}))

    shown = list(trial(door, ("embeddings", "tiny"), ["gateway-0"], "run"))

    assert {one.outcome for one in shown} == {Outcome.UNPROVEN}
    assert all("embeddings: answered 404 (model_unsuited), tiny: answered 404" in one.seen for one in shown)


def test_a_second_request_after_the_minute_proves_nothing() -> None:
    ticks = iter([0.0, 51.0])
    replicas = ["gateway-0", "gateway-1"]
    shown = {
        one.case: one.outcome for one in trial(gateway(TWO), ("tiny",), replicas, "run", Clock(lambda: next(ticks)))
    }

    assert shown["beyond-its-budget"] is Outcome.HOLDS
    assert {shown["beyond-its-limit"], shown["beyond-its-limit-elsewhere"]} == {Outcome.UNPROVEN}


def test_where_every_engine_is_a_tenants_own_no_key_is_made() -> None:
    door = gateway(TWO)

    shown = list(trial(door, (), ["gateway-0"], "run"))

    assert {one.outcome for one in shown} == {Outcome.UNPROVEN}
    assert not any(one.decisive for one in shown), "what cannot be tried anywhere would leave it unproven for ever"
    assert door.administered == []


def test_the_keys_differ_in_their_budget_end_by_themselves_and_are_removed() -> None:
    door = gateway(TWO)
    probed(door)

    keys = [body for path, body in door.administered if path == "/key/generate"]
    assert door.teams == {}
    assert [body["duration"] for body in keys] == [KEY_LIFE, KEY_LIFE]
    assert door.administered[-1] == ("/team/delete", {"team_ids": ["bulkhead-audit-run"]})
    assert not any("managed_by" in body["metadata"] for body in keys), "the reconciler would take them for tenants'"


@pytest.mark.parametrize("path", ["/team/new", "/key/generate"])
def test_keys_that_cannot_be_made_are_no_evidence_and_nothing_stays(path: str) -> None:
    door = gateway(TWO, answers={(path, "an administrator"): Reply(500)})

    found = probed(door)

    assert outcomes(found, "beyond-its-budget") == {Outcome.UNPROVEN}
    assert verdicts(found) == {**but(ControlId.AC2, Verdict.UNPROVEN), ControlId.SR3: Verdict.UNPROVEN}
    assert door.teams == {}


def test_an_interruption_removes_what_was_made() -> None:
    door = gateway(TWO)

    def interrupt(replica: str, key: str | None, request: Request) -> Reply:
        raise KeyboardInterrupt

    door.ask = interrupt
    with pytest.raises(KeyboardInterrupt):
        list(trial(door, ("tiny",), ["gateway-0"], "run"))
    assert door.administered[-1][0] == "/team/delete"
    assert door.teams == {}


@pytest.fixture
def interruptible() -> Generator[None]:
    """A shell that runs this in the background lets it ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interruption_while_keys_are_made_waits_until_they_are_and_then_removes_them() -> None:
    """A request that was given up may still be carried out, after the removal."""
    door = gateway(TWO)
    plain = door.administer

    def slow(path: str, body: Mapping[str, Any]) -> Reply:
        if path == "/team/new":
            os.kill(os.getpid(), signal.SIGINT)
        return plain(path, body)

    door.administer = slow
    with pytest.raises(KeyboardInterrupt):
        list(trial(door, ("tiny",), ["gateway-0"], "run"))
    assert [path for path, _ in door.administered] == ["/team/new", "/key/generate", "/key/generate", "/team/delete"]
    assert door.teams == {}


def test_what_could_not_be_removed_is_named() -> None:
    with pytest.raises(CommandFailedError, match="team bulkhead-audit-run"):
        probed(gateway(TWO, answers={("/team/delete", "an administrator"): Reply(500)}))


def test_no_key_is_shown() -> None:
    found = probed(gateway(TWO))

    assert not any("sk-" in text or MASTER in text for one in found for text in (one.seen, one.about, one.identity))


# --- what is read -----------------------------------------------------------------------------------------------


def test_of_a_refusal_the_code_alone_is_kept() -> None:
    assert reply(429, '{"error": {"code": "insufficient_quota", "message": "of prompt a b c"}}') == Reply(
        429, "insufficient_quota"
    )
    assert reply(502, "<html>").words == "answered 502 (without a reason)"


def test_listed_models_are_read() -> None:
    assert reply(200, json.dumps({"data": [{"id": "tiny"}, {"id": "other"}]})).models == ("tiny", "other")


@dataclass
class FakeLive:
    """A cluster with one replica that mounts a map, as the plan makes it."""

    maps: dict[str, dict[str, str]]
    mounted: str

    def ready_pods(self, namespace: str, selector: str) -> tuple[Any, ...]:
        source = client.V1ConfigMapVolumeSource(name=self.mounted)
        spec = client.V1PodSpec(containers=[], volumes=[client.V1Volume(name="configuration", config_map=source)])
        return (client.V1Pod(metadata=client.V1ObjectMeta(name="gateway-0"), spec=spec),)

    def config_map(self, namespace: str, name: str) -> Mapping[str, str] | None:
        return self.maps.get(name)


def test_a_replica_mounts_what_was_deployed_until_somebody_edits_it() -> None:
    made = plan(GOVERNED).named("gateway-configuration").inputs
    name = str(cast("dict[str, Any]", made["metadata"])["name"])
    data = cast("dict[str, str]", made["data"])

    def replica(held: dict[str, dict[str, str]]) -> Replica:
        (found,) = LiveBudgetDoor(cast("LiveCluster", FakeLive(held, name)), GOVERNED.blueprint).replicas()
        return found

    # The API server hands a map's keys out sorted, and not in the order in which they were written.
    assert replica({name: dict(sorted(data.items()))}) == Replica("gateway-0", data["config.yaml"], as_deployed=True)
    assert not replica({name: {**data, "config.yaml": "general_settings: {}"}}).as_deployed
    assert replica({}) == Replica("gateway-0", "", as_deployed=False)
