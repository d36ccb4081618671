"""The lab that the tests of this folder share.

The first test that asks for it brings it up, and the end of the run leaves it as it was found. In CI a lab that
cannot run is a failure; elsewhere the tests are skipped with the reason.
"""

import os
from collections.abc import Generator

import pytest

from infra.config.trust import Tier
from lab import cluster
from lab.cluster.debian import ensure_packages, require_root
from lab.errors import LabEnvironmentError
from lab.quickstart.cluster_access import ClusterAccess
from tests.lab.adversarial import AdversarialPlatform, adversarial_platform
from tests.lab.governed import GovernedPlatform, make_governed
from tests.lab.host_traces import observe_host
from tests.lab.isolated import IsolatedPlatform, make_isolated
from tests.lab.local_stack import LocalStack
from tests.lab.lowered import LoweredPlatform, make_lowered
from tests.lab.partitioned import PartitionedPlatform, make_partitioned
from tests.lab.platform import TeamPlatform, access_to, kept, make_team, shared_stack
from tests.lab.shared_lab import SharedLab
from tests.lab.walk import Leg, Walker, walker_of

ORDER = (
    "lab_to_take_down",
    "lab_to_break",
    "platform_to_destroy",
    "adversarial",
    "lowered",
    "isolated",
    "governed",
    "three_changes",
    "partitioned",
    "walker",
    "team",
    "deployed",
    "local_stack",
)
"""What a test is handed decides when it runs; the last name here runs first, right after the tests that name none.

So the platform is deployed once: as committed, then grown to a team's, then taken from tier to tier, then
destroyed; and nothing ends the lab's processes before that.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests in the order of what they do to the shared lab."""
    items.sort(key=lambda item: _order(getattr(item, "fixturenames", [])))


def _order(fixtures: list[str]) -> int:
    return next((len(ORDER) - index for index, name in enumerate(ORDER) if name in fixtures), 0)


@pytest.fixture(scope="session")
def shared_lab() -> Generator[SharedLab]:
    was_up = any(part.pid for part in cluster.status().parts)
    try:
        require_root()
        # The host is looked at with programs that the lab itself would only install later.
        ensure_packages(print)
        if not was_up:
            # What an ended lab left is no part of the host that this run has to leave as it was.
            cluster.down()
        host_before = observe_host()
        found = cluster.up(print)
    except LabEnvironmentError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    yield SharedLab(found, was_up, host_before)
    if not was_up:
        cluster.down()


@pytest.fixture(scope="session")
def lab_cluster(shared_lab: SharedLab) -> cluster.Cluster:
    """The lab's cluster, up and ready."""
    return shared_lab.cluster


@pytest.fixture(scope="session")
def kubectl(lab_cluster: cluster.Cluster) -> cluster.Kubectl:
    """kubectl, bound to the lab."""
    return cluster.Kubectl(lab_cluster.kubectl, lab_cluster.kubeconfig)


@pytest.fixture(scope="session")
def local_stack(lab_cluster: cluster.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Generator[LocalStack]:
    """The local stack in a project folder of the tests' own; nothing of it is deployed yet."""
    yield from shared_stack(lab_cluster, tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session")
def access(lab_cluster: cluster.Cluster, local_stack: LocalStack) -> ClusterAccess:
    """The lab's cluster through an ordinary kubectl."""
    return access_to(lab_cluster, local_stack)


@pytest.fixture(scope="session")
def deployed(local_stack: LocalStack) -> LocalStack:
    """The local stack as committed, deployed; a test that changes it takes it back."""
    local_stack.deploy()
    return local_stack


@pytest.fixture(scope="session")
def team(local_stack: LocalStack, access: ClusterAccess) -> TeamPlatform:
    """The platform as a team would run it; a test that changes it takes it back."""
    make_team(local_stack)
    return TeamPlatform(local_stack, access)


@pytest.fixture(scope="module")
def walker(team: TeamPlatform, kubectl: cluster.Kubectl) -> Generator[Walker]:
    """The platform in the `trusted` tier with two tenants, to be taken from tier to tier; as it was afterwards."""
    yield from walker_of(team.stack, kubectl)


@pytest.fixture(scope="session")
def governed(team: TeamPlatform, kubectl: cluster.Kubectl) -> GovernedPlatform:
    """The platform in the `governed` tier; a test that changes it takes it back."""
    make_governed(team.stack)
    return GovernedPlatform(team.stack, kubectl)


@pytest.fixture(scope="session")
def partitioned(team: TeamPlatform, kubectl: cluster.Kubectl) -> PartitionedPlatform:
    """The platform in the `partitioned` tier, raised while its model was in use; whoever changes it takes it back."""
    return make_partitioned(team.stack, kubectl)


@pytest.fixture(scope="session")
def three_changes(partitioned: PartitionedPlatform) -> tuple[Leg, ...]:
    """The platform raised to `partitioned`, then to `adversarial`, then lowered to `governed`, where it stays."""
    walker = Walker(partitioned.stack, partitioned.kubectl)
    with walker.in_use() as run:
        legs = [walker.go(tier, run, killed_at=0) for tier in (Tier.ADVERSARIAL, Tier.GOVERNED)]
    return partitioned.raised, *legs


@pytest.fixture(scope="session")
def lowered(partitioned: PartitionedPlatform) -> LoweredPlatform:
    """The platform in the `trusted` tier again, lowered while its model was in use."""
    return make_lowered(partitioned)


@pytest.fixture(scope="session")
def adversarial(local_stack: LocalStack, kubectl: cluster.Kubectl) -> Generator[AdversarialPlatform]:
    """The platform in the `adversarial` tier with simulated H100s; a test that changes it takes it back."""
    with adversarial_platform(local_stack, kubectl) as platform:
        yield platform


@pytest.fixture(scope="session")
def isolated(partitioned: PartitionedPlatform, access: ClusterAccess) -> IsolatedPlatform:
    """The platform with its model's cache scoped to tenants; whoever changes it takes it back."""
    return make_isolated(partitioned, access)


@pytest.fixture
def platform_to_destroy(local_stack: LocalStack) -> LocalStack:
    """The platform, for the one test that destroys it."""
    if kept():
        pytest.skip("the platform was there before this run, so it is not this run's to destroy")
    return local_stack


@pytest.fixture
def lab_to_break(lab_cluster: cluster.Cluster) -> Generator[cluster.Cluster]:
    """The lab, for a test that ends some of its processes; it is whole again afterwards."""
    yield lab_cluster
    cluster.up()


@pytest.fixture
def lab_to_take_down(shared_lab: SharedLab) -> SharedLab:
    """The lab, for the one test that takes it down: only when this run has brought it up."""
    if shared_lab.was_up:
        reason = "the lab was up before this run, so it is not this run's to take down"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return shared_lab


@pytest.fixture
def namespace(kubectl: cluster.Kubectl, request: pytest.FixtureRequest) -> Generator[str]:
    """A namespace of the test's own, removed afterwards."""
    name = request.node.name.replace("_", "-").lower()[:50].strip("-")
    kubectl.run("create", "namespace", name)
    yield name
    kubectl.run("delete", "namespace", name, "--wait=true", timeout=300)
