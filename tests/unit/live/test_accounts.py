"""What the stack file says, what was deployed and what the gateway has are told apart, tenant by tenant."""

import dataclasses
import datetime
import json
from typing import Any

import pytest

from components.tenants.reconciler.errors import GatewayError
from components.tenants.reconciler.model import State, Tenant
from components.tenants.records import records
from infra.blueprint.model import TenantPart
from infra.live.accounts import Deployed, accounts
from infra.live.model import Account, KeyState, Standing
from infra.live.usage import usage_in
from tests.unit.components.parts import RESEARCH, SUPPORT

RESET = "2026-12-01T00:00:00Z"


def by_name(*parts: TenantPart) -> dict[str, Any]:
    return {record["name"]: record for record in json.loads(records(parts))["tenants"]}


def deployed(*parts: TenantPart) -> Deployed:
    return Deployed(by_name(*parts), {part.name: f"sk-key-of-{part.name}-0001" for part in parts})


def tenant(part: TenantPart) -> Tenant:
    record = by_name(part)[part.name]
    return Tenant(
        name=part.name,
        key=f"sk-key-of-{part.name}-0001",
        team=record["team"],
        routes=tuple(record["routes"]),
        own_metadata=record["metadata"],
    )


def gateway(*parts: TenantPart, team: dict[str, Any] | None = None, key: dict[str, Any] | None = None) -> State:
    """A gateway that has the tenants' accounts, with changes that somebody made by hand to each."""
    teams: dict[str, Any] = {}
    keys: dict[str, Any] = {}
    for part in parts:
        found = tenant(part)
        spent = {"team_id": found.team_id, "spend": 1.5, "budget_reset_at": RESET}
        teams[found.team_id] = {**found.team_fields, **spent, **(team or {})}
        keys[found.token] = {**found.key_fields(found.token), "token": found.token, **(key or {})}
    return State(teams, keys)


def account_of(listed: tuple[TenantPart, ...], made: tuple[TenantPart, ...], state: State) -> Account:
    (found,) = accounts(by_name(*listed), deployed(*made), state)
    return found


def test_an_account_as_it_should_be() -> None:
    found = account_of((RESEARCH,), (RESEARCH,), gateway(RESEARCH))

    assert (found.standing, found.key, found.drift, found.pending) == (Standing.LISTED, KeyState.WORKS, (), ())
    assert (found.budget_usd, found.spent_usd, found.left_usd) == (RESEARCH.budget_usd, 1.5, RESEARCH.budget_usd - 1.5)
    assert found.resets_at == datetime.datetime(2026, 12, 1, tzinfo=datetime.UTC)
    assert found.models == tuple(sorted(RESEARCH.models))


def test_what_was_changed_by_hand_is_drift_and_the_limit_in_force_is_shown() -> None:
    found = account_of((RESEARCH,), (RESEARCH,), gateway(RESEARCH, team={"rpm_limit": 9, "models": []}))

    assert found.requests_per_minute == 9
    assert "requests per minute: 600 is wanted, 9 at the gateway" in found.drift
    assert any(text.startswith("models:") and text.endswith("none at the gateway") for text in found.drift)


def test_a_key_that_was_blocked_by_hand_is_drift() -> None:
    found = account_of((RESEARCH,), (RESEARCH,), gateway(RESEARCH, key={"blocked": True}))

    assert found.key is KeyState.BLOCKED
    assert found.drift == ("key: blocked by hand",)


def test_an_end_or_a_limit_of_the_key_s_own_is_drift() -> None:
    changed = {"expires": "2026-12-01T00:00:00Z", "max_budget": 0.5}

    assert account_of((RESEARCH,), (RESEARCH,), gateway(RESEARCH, key=changed)).drift == (
        "key: end: none is wanted, 2026-12-01T00:00:00Z at the gateway",
        "key: budget in US dollars: none is wanted, 0.5 at the gateway",
    )


def test_a_team_or_a_key_that_is_gone_is_drift() -> None:
    whole = gateway(RESEARCH)

    assert account_of((RESEARCH,), (RESEARCH,), State({}, {})).drift == ("the team is missing",)
    without_key = account_of((RESEARCH,), (RESEARCH,), State(whole.teams, {}))
    assert (without_key.key, without_key.drift) == (KeyState.MISSING, ("the key is missing",))


def test_a_change_of_the_stack_file_is_pending_until_it_is_deployed() -> None:
    raised = dataclasses.replace(RESEARCH, budget_usd=900.0)

    found = account_of((raised,), (RESEARCH,), gateway(RESEARCH))

    assert found.pending == ("budget in US dollars: 900 is wanted, 500 deployed",)
    assert found.drift == ()
    assert found.budget_usd == 500


def test_routes_and_metadata_are_shown_as_the_gateway_has_them() -> None:
    part = dataclasses.replace(RESEARCH, paths=("/v1/chat/completions",), metadata=(("cost-centre", "4711"),))
    by_hand = {**tenant(part).metadata, "cost-centre": "4712", "callback_vars": "somebody else's"}

    found = account_of((part,), (part,), gateway(part, team={"metadata": by_hand}))

    assert found.routes == ("chat",)
    assert found.metadata == {"cost-centre": "4712"}, "of what others have added nothing is shown"
    assert found.drift == ("metadata cost-centre: 4711 is wanted, 4712 at the gateway",)


def test_a_route_that_was_opened_by_hand_is_drift_in_the_stack_file_s_words() -> None:
    part = dataclasses.replace(RESEARCH, paths=("/v1/chat/completions",))

    found = account_of((part,), (part,), gateway(part, key={"allowed_routes": ["/v1/models", "/vllm"]}))

    assert found.drift == ("key: routes: chat is wanted, /vllm, models at the gateway",)


def test_routes_and_metadata_are_pending_until_they_are_deployed() -> None:
    changed = dataclasses.replace(RESEARCH, paths=("/v1/chat/completions",), metadata=(("cost-centre", "4711"),))

    found = account_of((changed,), (RESEARCH,), gateway(RESEARCH))

    assert found.pending == (
        "routes: chat is wanted, chat, completions, embeddings, messages, models, responses deployed",
        "metadata cost-centre: 4711 is wanted, none deployed",
    )
    assert (found.drift, found.metadata) == ((), {})


def test_marks_that_somebody_took_away_are_drift() -> None:
    found = account_of((RESEARCH,), (RESEARCH,), gateway(RESEARCH, key={"metadata": {}}))

    assert found.drift == ("key: metadata that mark it as the platform's are missing",)


def test_a_tenant_that_was_just_written_down_has_no_account_yet() -> None:
    found = account_of((RESEARCH,), (), State({}, {}))

    assert (found.standing, found.key) == (Standing.NOT_DEPLOYED, KeyState.MISSING)
    assert (found.budget_usd, found.spent_usd) == (500, 0)


def test_a_tenant_that_left_the_stack_file_is_to_be_removed_and_then_removed() -> None:
    leaving = account_of((), (RESEARCH,), gateway(RESEARCH))
    left = account_of((), (), gateway(RESEARCH, team={"blocked": True}, key={"blocked": True}))

    assert (leaving.standing, leaving.key) == (Standing.TO_BE_REMOVED, KeyState.WORKS)
    assert (left.standing, left.key, left.spent_usd) == (Standing.REMOVED, KeyState.BLOCKED, 1.5)


def test_keys_that_were_made_by_hand_are_counted() -> None:
    state = gateway(RESEARCH)
    strange: dict[str, Any] = {"token": "t", "team_id": "bulkhead-research", "metadata": {}}

    assert account_of((RESEARCH,), (RESEARCH,), State(state.teams, {**state.keys, "t": strange})).strange_keys == 1


def test_teams_of_others_are_no_tenants() -> None:
    state = gateway(RESEARCH, SUPPORT)
    others = {**state.teams, "theirs": {"team_id": "theirs", "metadata": {"tenant": "theirs"}}}

    found = accounts(by_name(RESEARCH, SUPPORT), deployed(RESEARCH, SUPPORT), State(others, state.keys))

    assert [account.name for account in found] == ["research", "support"]


def test_nothing_that_is_shown_holds_a_key() -> None:
    found = account_of((RESEARCH,), (RESEARCH,), gateway(RESEARCH, key={"key_alias": "renamed"}))

    assert found.drift
    assert tenant(RESEARCH).key not in repr(found)
    assert tenant(RESEARCH).key not in repr(tenant(RESEARCH))


def test_usage_is_read_by_day_and_model() -> None:
    metrics = {"api_requests": 3, "failed_requests": 1, "prompt_tokens": 7, "completion_tokens": 5, "spend": 0.25}
    day = {"date": "2026-11-24", "breakdown": {"models": {"hosted_vllm/tiny": {"metrics": metrics}}}}

    (row,) = usage_in("research", {"results": [day]})

    assert (row.tenant, row.day, row.model) == ("research", datetime.date(2026, 11, 24), "tiny")
    assert (row.requests, row.failed_requests, row.prompt_tokens, row.completion_tokens) == (3, 1, 7, 5)
    assert row.spent_usd == 0.25


NO_USAGE: list[dict[str, Any]] = [
    {},
    {"results": None},
    {"results": {}, "metadata": {"total_pages": 1}},
    {"results": ""},
    {"results": ["x"]},
    {"results": [{"date": "2026-11-24"}]},
    {"results": [{"date": "2026-11-24", "breakdown": {}}]},
    {"results": [{"date": "2026-11-24", "breakdown": {"models": []}}]},
    {"results": [{"date": "2026-11-24", "breakdown": {"models": {"tiny": {}}}}]},
    {"results": [{"date": "2026-11-24", "breakdown": {"models": {"tiny": {"metrics": {}}}}}]},
    {"results": [{"breakdown": {"models": {"tiny": {"metrics": {"spend": 1.0}}}}}]},
    {"results": [{"date": "x", "breakdown": {"models": {"tiny": {"metrics": {"spend": 1.0}}}}}]},
    {"results": [{"date": "2026-11-24", "breakdown": {"models": {"tiny": {"metrics": {"spend": "x"}}}}}]},
]


@pytest.mark.parametrize("answer", NO_USAGE, ids=repr)
def test_what_is_no_usage_is_not_taken_for_none(answer: dict[str, Any]) -> None:
    with pytest.raises(GatewayError, match="something else than a page of usage"):
        list(usage_in("research", answer))


def test_a_model_of_which_nothing_was_answered_is_not_in_the_usage() -> None:
    metrics = {"api_requests": 2, "failed_requests": 2, "spend": 0.0}
    day = {"date": "2026-11-24", "breakdown": {"models": {"made-up": {"metrics": metrics}}}}

    assert list(usage_in("research", {"results": [day]})) == []
