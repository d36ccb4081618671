"""A gateway that rolls loses no request and no token, and each replica ends in the order that this rests on."""

import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread

import pytest

from lab import cluster
from tests.lab.faults import wait_gone, wait_until
from tests.lab.load import Load, Question, service_url
from tests.lab.platform import GATEWAY, MODEL, TENANT, TeamPlatform, pods

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.timeout(1800)]

SELECTOR = "app.kubernetes.io/name=gateway"
LONG = tuple(Question("Is it so? " * length, 150 + length) for length in range(1, 5))
"""Answers that take seconds, so that some are under way whenever a replica is told to stop."""
GONE_SECONDS = 900
REQUEST_SECONDS = 180.0
"""An engine that starts beside it takes a small machine's processors from the one that answers."""
ADDED = "tiny-too"


@dataclass(frozen=True)
class Ending:
    """When and how the two containers of a replica ended, as its pod's last state says."""

    edge_ended: str
    edge_code: str
    litellm_ended: str
    litellm_code: str


@contextmanager
def watched_endings(kubectl: cluster.Kubectl) -> Generator[dict[str, Ending]]:
    """Pod → its ending, for every replica that ends while the context lasts; filled as they end."""
    found: dict[str, Ending] = {}
    terminated = '[?(@.name=="{}")].state.terminated'
    edge = ".object.status.containerStatuses" + terminated.format("edge")
    litellm = ".object.status.initContainerStatuses" + terminated.format("litellm")
    fields = (
        ".object.metadata.name",
        *(f"{one}.{key}" for one in (edge, litellm) for key in ("finishedAt", "exitCode")),
    )
    template = "|".join(f"{{{field}}}" for field in fields) + '{"\\n"}'
    command = [
        *(str(kubectl.binary), f"--kubeconfig={kubectl.kubeconfig}", "get", "pods", "--namespace", GATEWAY),
        *("--selector", SELECTOR, "--watch", "--output-watch-events", f"--output=jsonpath={template}"),
    ]

    def read(process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            name, *ending = line.rstrip("\n").split("|")
            if all(ending):
                found[name] = Ending(*ending)

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        reading = Thread(target=read, args=(process,))
        reading.start()
        try:
            yield found
        finally:
            process.terminate()
            reading.join()


def test_a_repriced_model_rolls_every_replica_without_losing_a_request_or_a_token(
    team: TeamPlatform, kubectl: cluster.Kubectl
) -> None:
    models = team.stack.value("models")
    models[0]["price"]["input_usd_per_million_tokens"] = 0.25
    rolls_without_loss(team, kubectl, MODEL, models=models)


def test_an_added_model_rolls_every_replica_without_losing_a_request_or_a_token_and_is_served(
    team: TeamPlatform, kubectl: cluster.Kubectl
) -> None:
    models = team.stack.value("models")
    tenants = [
        {**tenant, "models": [*tenant["models"], ADDED]} if tenant["name"] == TENANT else tenant
        for tenant in team.stack.value("tenants")
    ]
    rolls_without_loss(team, kubectl, ADDED, models=[*models, {**models[0], "name": ADDED}], tenants=tenants)


def rolls_without_loss(team: TeamPlatform, kubectl: cluster.Kubectl, asked: str, **values: object) -> None:
    """Deploy other values of some `bulkhead:` keys under load; the tenant is answered by the model `asked` then."""
    replicas = pods(kubectl, GATEWAY, SELECTOR)
    load = Load(
        service_url(kubectl),
        team.keys[TENANT],
        MODEL,
        concurrency=3,
        questions=LONG,
        ignore_end=True,
        seconds=1500,
        request_seconds=REQUEST_SECONDS,
    )
    few = Load(service_url(kubectl), team.keys[TENANT], asked, concurrency=1, requests=2, seconds=120)
    try:
        with load.running() as run, team.stack.edited(**values), watched_endings(kubectl) as endings:
            run.wait_for_answers(3, 120)
            team.stack.deploy()
            wait_gone(kubectl, GATEWAY, replicas, GONE_SECONDS)
            run.wait_for_answers(3, 120)
            # A replica may know the key for some seconds as it was.
            wait_until(lambda: len(few.run().answered) == 2, f"{asked} answers", 120)
    finally:
        team.stack.deploy()
    report = run.report
    print(report.summary())
    assert report.lost == report.refused == report.wrong == ()
    assert set(endings) >= set(replicas)
    for ending in endings.values():
        # By themselves, and not killed; times are ISO 8601 to the second, so that their order is that of their text.
        assert (ending.edge_code, ending.litellm_code) == ("0", "0")
        assert ending.edge_ended <= ending.litellm_ended
