"""A load of concurrent requests of two tenants: nothing wrong, nothing refused, and every cent accounted for."""

import pytest

from lab import cluster
from tests.lab.ledger import DUST, PRICE, Ledger
from tests.lab.load import Kind, Load, service_url, together
from tests.lab.platform import MODEL, OTHER_TENANT, TENANT, TeamPlatform

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.timeout(1200)]

SECONDS = 180.0


def test_two_tenants_under_load_get_right_answers_alone_and_pay_for_them_to_the_last_fraction_of_a_cent(
    team: TeamPlatform, kubectl: cluster.Kubectl
) -> None:
    address = service_url(kubectl)
    loads = [
        Load(address, team.keys[tenant], MODEL, concurrency=3, seconds=SECONDS, pause_seconds=0.5)
        for tenant in (TENANT, OTHER_TENANT)
    ]
    ledgers = [Ledger(kubectl, load.key) for load in loads]
    before = [ledger.at_rest() for ledger in ledgers]
    with together(loads) as runs:
        for run in runs:
            run.wait(SECONDS + 120)
    for run, ledger, balance in zip(runs, ledgers, before, strict=True):
        report = run.report
        print(report.summary())
        assert len(report.answered) >= 10
        assert {outcome.kind for outcome in report.answered} == set(Kind)
        assert report.wrong == report.refused == report.lost == ()
        added = ledger.settled(balance, report.answered)
        assert added.missing(report.answered) == ()
        assert added.agrees, (added.team, added.key, added.logged)
        assert abs(added.team - report.cost(*PRICE)) < DUST
