"""KV1 on the lab when what scopes the caches is broken: real LiteLLM does not serve without it, and nothing gets by it.

Each replica here is a copy of the deployed ones with one thing changed, and no Service leads to it. What it is held
against is the deployed one, or itself while nothing is broken.
"""

import dataclasses
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.gateway import hooks
from components.gateway.hooks.startup import DOMAINS_PATH_VARIABLE, SALT_KEY_VARIABLE
from components.gateway.pod import CONFIGURATION_KEY, CONFIGURATION_PATH
from lab.cluster import Kubectl
from lab.quickstart.cluster_access import ClusterAccess
from tests.lab import breakable
from tests.lab.breakable import CALLBACKS, INSTALLED, JUDGEMENTS, MODULE, SWITCH
from tests.lab.caches import SURFACES, Answer, Caches, prompt, watching
from tests.lab.faults import RECOVERY_SECONDS
from tests.lab.isolated import IsolatedPlatform
from tests.lab.packets import address_of
from tests.lab.platform import GATEWAY, TENANT
from tests.lab.replicas import (
    EDGE,
    LITELLM,
    PLACE,
    Change,
    address_of_replica,
    container_status,
    replicas,
    set_variable,
    status_at,
    volume_of,
    wait_ended,
    wait_serving,
)
from tests.lab.workloads import Manifest

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.timeout(1800)]

CALLBACK_FILE = "callback.py"
HOOKS_VOLUME = "hooks"
BREAKABLE = "breakable-replica"
TOO_SHORT = "no secret of 256 bits"


@dataclass(frozen=True)
class Fault:
    """What keeps a replica from starting.

    Attributes:
        change: What is wrong with it.
        said: What its log says of it.
    """

    change: Change
    said: str


def _without_the_isolation(replica: Manifest) -> None:
    files = [name for name in hooks.sources() if name != "isolation.py"]
    volume_of(replica, HOOKS_VOLUME)["configMap"]["items"] = [{"key": name, "path": name} for name in files]


NO_KEY = "the key of the cache salts is missing or too short"
FAULTS: Mapping[str, Fault] = {
    "without-the-key": Fault(lambda replica: set_variable(replica, SALT_KEY_VARIABLE, None), NO_KEY),
    "with-a-short-key": Fault(lambda replica: set_variable(replica, SALT_KEY_VARIABLE, TOO_SHORT), NO_KEY),
    "without-the-domains": Fault(
        lambda replica: set_variable(replica, DOMAINS_PATH_VARIABLE, f"{CONFIGURATION_PATH}/nothing.json"),
        "nothing.json",
    ),
    "with-domains-that-are-none": Fault(
        lambda replica: set_variable(replica, DOMAINS_PATH_VARIABLE, f"{CONFIGURATION_PATH}/{CONFIGURATION_KEY}"),
        "JSONDecodeError",
    ),
    "without-the-isolation": Fault(_without_the_isolation, f"{hooks.PACKAGE}.isolation"),
}
"""Pod's name → what is wrong with it."""


# --- it does not start ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ended(isolated: IsolatedPlatform) -> Generator[Mapping[str, tuple[int, str]]]:
    """Pod's name → the exit status and the log of its LiteLLM; they are started side by side."""
    with replicas(isolated.kubectl, {name: fault.change for name, fault in FAULTS.items()}):
        yield {name: wait_ended(isolated.kubectl, name) for name in FAULTS}


@pytest.fixture(scope="module")
def key(isolated: IsolatedPlatform) -> str:
    return isolated.stack.engine.outputs(show_secrets=True)["tenant_keys"][TENANT]


@pytest.mark.parametrize("name", FAULTS)
def test_litellm_ends_and_says_why(ended: Mapping[str, tuple[int, str]], name: str) -> None:
    status, log = ended[name]

    assert status != 0
    assert FAULTS[name].said in log
    assert TOO_SHORT not in log


@pytest.mark.parametrize("name", FAULTS)
def test_a_replica_whose_isolation_does_not_start_answers_nobody_and_a_whole_one_does(
    isolated: IsolatedPlatform, ended: Mapping[str, tuple[int, str]], key: str, name: str
) -> None:
    del ended
    kubectl = isolated.kubectl
    edge = container_status(kubectl, name, EDGE)

    assert not edge.get("started")
    assert "waiting" in edge["state"], "the edge of a replica is there before its LiteLLM serves"
    assert status_at(address_of_replica(kubectl, name), key) == 0
    assert status_at(address_of(kubectl, GATEWAY, "app.kubernetes.io/name=gateway"), key) == 200


# --- it fails while it serves -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class BreakableReplica:
    """A replica that serves, whose callbacks can be broken one at a time, and the engines' counters."""

    kubectl: Kubectl
    caches: Caches

    @contextmanager
    def broken(self, name: str) -> Generator[None]:
        """One of its callbacks, or of what they ask, raises while this lasts."""
        self._run(f"open('{SWITCH}', 'w').write('{name}')")
        try:
            yield
        finally:
            self._run(f"import os; os.remove('{SWITCH}')")

    def ask_everywhere(self) -> dict[str, Answer]:
        """A question on every surface, all at once: LiteLLM tries again before it gives up."""

        def ask(surface: str) -> Answer:
            return self.caches.ask(TENANT, surface, prompt())

        with ThreadPoolExecutor(len(SURFACES)) as pool:
            return dict(zip(SURFACES, pool.map(ask, SURFACES), strict=True))

    def _run(self, script: str) -> None:
        where = ("exec", *PLACE, BREAKABLE, f"--container={LITELLM}", "--")
        self.kubectl.run(*where, "python3", "-I", "-S", "-c", script)


@pytest.fixture(scope="module")
def replica(isolated: IsolatedPlatform, access: ClusterAccess) -> Generator[BreakableReplica]:
    kubectl, files = isolated.kubectl, dict(hooks.sources())
    files[CALLBACK_FILE] += INSTALLED
    files[f"{MODULE}.py"] = Path(breakable.__file__).read_text(encoding="utf-8")
    metadata = {"name": BREAKABLE, "namespace": GATEWAY}
    kubectl.apply([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": files}])

    def mount(made: Manifest) -> None:
        volume_of(made, HOOKS_VOLUME)["configMap"] = {"name": BREAKABLE}

    try:
        with replicas(kubectl, {BREAKABLE: mount}):
            wait_serving(kubectl, BREAKABLE, RECOVERY_SECONDS)
            with (
                watching(isolated.stack, access) as caches,
                access.forwarded_port(GATEWAY, f"pod/{BREAKABLE}", 4000) as port,
            ):
                yield BreakableReplica(kubectl, dataclasses.replace(caches, gateway=port))
    finally:
        kubectl.run("delete", "configmap", BREAKABLE, *PLACE, "--ignore-not-found")


def test_while_nothing_is_broken_it_answers_on_every_surface(replica: BreakableReplica) -> None:
    queries = replica.caches.queries()

    assert {answer.status for answer in replica.ask_everywhere().values()} == {200}
    assert replica.caches.queries() > queries


@pytest.mark.parametrize("name", [*CALLBACKS, *JUDGEMENTS])
def test_what_raises_answers_an_error_on_every_surface_and_no_engine_is_asked(
    replica: BreakableReplica, name: str
) -> None:
    queries = replica.caches.queries()
    with replica.broken(name):
        found = replica.ask_everywhere()

    assert {surface: answer.status for surface, answer in found.items()} == dict.fromkeys(SURFACES, 500)
    assert replica.caches.queries() == queries
    assert "broken on purpose" not in str(found)
    assert replica.caches.ask(TENANT, "chat", prompt()).status == 200, "it was not this that had it fail"
