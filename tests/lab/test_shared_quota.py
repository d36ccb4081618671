"""AC3 on the lab where tenants lend each other quota: what is idle is borrowed, and whose it is gets it back."""

from collections.abc import Generator

import pytest

from lab.cluster import Kubectl
from tests.lab.governed import GovernedPlatform
from tests.lab.platform import OTHER_TENANT, TENANT, WORKLOADS
from tests.lab.queues import quota_decision
from tests.lab.workloads import lasting_gpu_job

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

BORROWER = "borrows"
OWNER = "takes-back"


@pytest.fixture
def two_jobs(governed: GovernedPlatform) -> Generator[Kubectl]:
    """Takes the jobs of a test away again."""
    yield governed.kubectl
    governed.kubectl.run("delete", "jobs", BORROWER, OWNER, "--namespace", WORKLOADS, "--ignore-not-found")


def test_an_idle_gpu_is_lent_and_goes_back_to_the_tenant_whose_quota_it_is(two_jobs: Kubectl) -> None:
    two_jobs.apply([lasting_gpu_job(BORROWER, WORKLOADS, OTHER_TENANT)])
    assert quota_decision(two_jobs, WORKLOADS, BORROWER, "True") == "True", "what is idle is lent"

    two_jobs.apply([lasting_gpu_job(OWNER, WORKLOADS, TENANT)])

    assert quota_decision(two_jobs, WORKLOADS, OWNER, "True") == "True", "the quota is the owner's"
    assert quota_decision(two_jobs, WORKLOADS, BORROWER, "False") == "False", "the borrower gives way"
