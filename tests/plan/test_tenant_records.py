"""What the plan says of tenants' records: what a key opens and what is noted of a tenant reach the reconciler alone."""

import json
from typing import Any

import pytest

from infra.plan import Plan
from tests.plan.stacks import STACKS, committed_plan, configuration, document_of, plan_of

RECORDS = "tenants-records"


def planned(**changes: Any) -> Plan:
    """The plan of the local stack, its first tenant changed."""
    document = document_of("local")
    tenants = [{**document["bulkhead:tenants"][0], **changes}, *document["bulkhead:tenants"][1:]]
    return plan_of(configuration({**document, "bulkhead:tenants": tenants}))


def record(plan: Plan) -> dict[str, Any]:
    data: Any = plan.named(RECORDS).inputs["data"]
    return json.loads(data["tenants.json"])["tenants"][0]


@pytest.mark.parametrize("stack", STACKS)
def test_a_tenant_of_which_nothing_is_said_opens_all_that_the_edge_serves(stack: str) -> None:
    found = record(committed_plan(stack))

    assert found["routes"] == [
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/embeddings",
        "/v1/messages",
        "/v1/models",
        "/v1/responses",
    ]
    assert found["metadata"] == {}


def test_routes_and_metadata_stand_in_the_record() -> None:
    found = record(planned(routes=["models", "chat"], metadata={"cost-centre": "4711"}))

    assert found["routes"] == ["/v1/chat/completions", "/v1/models"]
    assert found["metadata"] == {"cost-centre": "4711"}


def test_another_order_of_routes_is_the_same_plan() -> None:
    assert planned(routes=["models", "chat"]).resources == planned(routes=["chat", "models"]).resources


@pytest.mark.parametrize("changes", [{"routes": ["chat"]}, {"metadata": {"cost-centre": "4711"}}])
def test_a_change_of_them_touches_the_reconciler_and_its_records_alone(changes: dict[str, Any]) -> None:
    before = {one.urn: one.inputs for one in planned().resources}
    after = {one.urn: one.inputs for one in planned(**changes).resources}

    assert before.keys() == after.keys()
    assert {urn.rpartition("::")[2] for urn in before if before[urn] != after[urn]} == {RECORDS, "tenants-deployment"}
