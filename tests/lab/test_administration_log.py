"""The log of what administration changes, read from real LiteLLM behind the edge."""

import ipaddress
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from components.gateway.hooks.administration import SOURCE_HEADER, key_id
from lab.cluster import Kubectl
from tests.lab import openai_like
from tests.lab.accounts import Account, account
from tests.lab.faults import wait_until
from tests.lab.platform import GATEWAY, MODEL, TENANT, TeamPlatform

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

SELECTOR = "--selector=app.kubernetes.io/name=gateway"
FORGED = "192.0.2.1"
"""An address of nobody's, which a caller says is its own."""
BUDGET = 3.0
REFUSED = {400, 401, 403}
BEGINNING = '{"log": "administration"'
WRITING_SECONDS = 10

Entry = dict[str, Any]


def lines(kubectl: Kubectl) -> list[str]:
    """What all replicas have told of administration; LiteLLM prints other lines in between."""
    text = kubectl.run("logs", "--namespace", GATEWAY, SELECTOR, "--container=litellm", "--tail=-1")
    return [line for line in text.splitlines() if line.startswith(BEGINNING)]


def told(kubectl: Kubectl, path: str, made: Account) -> Entry:
    """The only line about a change of somebody's; it is written once the answer has been sent."""

    def found() -> list[Entry]:
        every: list[Entry] = [json.loads(line) for line in lines(kubectl)]
        return [entry for entry in every if (entry["path"], entry.get("team_id")) == (path, made.team)]

    wait_until(found, f"a line about {path}", WRITING_SECONDS)
    (entry,) = found()
    return entry


def change_budget(team: TeamPlatform, key: str, made: Account) -> int:
    """The status of another budget for somebody's team, asked for with a key by somebody who lies about its address."""
    forged = {SOURCE_HEADER.decode(): FORGED}
    body = {"team_id": made.team, "max_budget": BUDGET}
    with team.admin() as port:
        return openai_like.answer(port, key, "POST", "/team/update", body, headers=forged).status


def test_a_change_is_told_in_one_line_with_when_from_where_what_and_of_whom(
    team: TeamPlatform, kubectl: Kubectl
) -> None:
    with account(team) as made:
        begun = datetime.now(UTC)
        assert change_budget(team, team.master_key, made) == 200
        entry = told(kubectl, "/team/update", made)

    moment, source = datetime.fromisoformat(entry.pop("time")), entry.pop("source")
    assert abs(moment - begun) < timedelta(minutes=1)
    assert source != FORGED
    assert ipaddress.ip_address(source)
    assert entry == {
        "log": "administration",
        "method": "POST",
        "path": "/team/update",
        "status": 200,
        "team_id": made.team,
    }


def test_a_tenant_that_tries_to_administer_is_told_of_as_well(team: TeamPlatform, kubectl: Kubectl) -> None:
    with account(team) as made:
        assert change_budget(team, team.keys[TENANT], made) in REFUSED
        entry = told(kubectl, "/team/update", made)

    assert entry["status"] in REFUSED


def test_a_key_is_named_by_its_digest_and_no_line_holds_it_or_the_master_key(
    team: TeamPlatform, kubectl: Kubectl
) -> None:
    with account(team) as made:
        entry = told(kubectl, "/key/generate", made)

    assert entry["key_ids"] == [key_id(made.key)]
    assert not [line for line in lines(kubectl) if made.key in line or team.master_key in line]


def test_what_is_read_and_what_tenants_ask_leaves_no_line(team: TeamPlatform, kubectl: Kubectl) -> None:
    with account(team) as made:
        with team.admin() as port:
            path = f"/team/info?team_id={made.team}"
            assert openai_like.status(port, team.master_key, "GET", path) == 200
        with team.gateway() as port:
            assert openai_like.chat_status(port, made.key, MODEL) == 200
        # What comes later is told by now.
        assert change_budget(team, team.master_key, made) == 200
        told(kubectl, "/team/update", made)
    paths = {json.loads(line)["path"] for line in lines(kubectl)}

    assert not [path for path in paths if path.startswith(("/team/info", "/v1/"))]
