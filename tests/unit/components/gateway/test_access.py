"""Who may reach which of the gateway's ports."""

import dataclasses
from typing import Any, cast

from components.gateway.access import network_policy
from infra.blueprint.model import GatewayPart
from tests.unit.components.parts import GATEWAY

RECONCILER = {"pod_selector": {"match_labels": {"app.kubernetes.io/name": "tenants"}}}


def rule(port: int, part: GatewayPart = GATEWAY) -> dict[str, Any]:
    rules = cast("list[dict[str, Any]]", network_policy(part).get("ingress"))
    (found,) = (one for one in rules if [each["port"] for each in one["ports"]] == [port])
    return found


def test_tenants_requests_come_from_anywhere() -> None:
    assert "from_" not in rule(4000)


def test_administration_is_the_reconciler_s_alone_unless_somebody_is_let_in() -> None:
    assert rule(4001)["from_"] == [RECONCILER]


def test_an_operator_s_namespace_is_let_in_by_its_name() -> None:
    tools = {"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "tools"}}}

    assert rule(4001, dataclasses.replace(GATEWAY, admin_namespaces=("tools",)))["from_"] == [RECONCILER, tools]


def test_metrics_are_the_scraper_s_where_there_is_one() -> None:
    (peer,) = rule(4002, dataclasses.replace(GATEWAY, metrics_port=4002))["from_"]

    assert peer == {
        "namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "bulkhead-observability"}},
        "pod_selector": {"match_labels": {"app.kubernetes.io/name": "prometheus"}},
    }


def test_no_rule_opens_a_port_that_is_not_there() -> None:
    rules = cast("list[dict[str, Any]]", network_policy(GATEWAY).get("ingress"))

    assert [each["port"] for one in rules for each in one["ports"]] == [4000, 4001]
