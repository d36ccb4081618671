"""A plan grows with its tenants as a line does: in resources, and in what each of them carries."""

from benchmarks.documents import document_with_tenants
from infra.plan import Plan
from tests.plan.stacks import configuration, plan_of


def planned(tenants: int) -> Plan:
    return plan_of(configuration(document_with_tenants(tenants)))


def test_a_hundred_tenants_cost_a_hundred_times_what_one_more_costs() -> None:
    ten, twenty, hundred = (planned(count) for count in (10, 20, 100))

    each = (len(twenty.resources) - len(ten.resources)) / 10
    assert len(hundred.resources) <= len(ten.resources) + 90 * each + _engines(hundred) * 8

    edge_growth = (_edges(twenty) - _edges(ten)) / 10
    assert _edges(hundred) <= _edges(ten) + 90 * edge_growth + _engines(hundred) * 40


def test_no_resource_but_a_tenants_own_accounts_waits_for_every_tenant() -> None:
    """One list that holds all tenants is a line; one such list for each tenant would be a square."""
    hundred = planned(100)
    long_lists = [one.name for one in hundred.resources if len(one.options.dependencies) > 50]

    assert len(long_lists) <= 8, long_lists


def _edges(plan: Plan) -> int:
    return sum(len(resource.options.dependencies) for resource in plan.resources)


def _engines(plan: Plan) -> int:
    return len([one for one in plan.resources if one.type == "bulkhead:engine:Engine"])
