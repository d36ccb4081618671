"""What keeping tenants out of each other's caches costs an engine: shared, salted, off, and an engine for each tenant.

Run, as root, with the lab up and the platform deployed by `./quickstart`:

    python -m benchmarks.isolation [--engines N] [--requests N] [--rounds N]

All tenants ask with one system prompt and endings of their own, 2 tenants and then 8, straight at the engines, with
the salts that the gateway would set. The ways take turns in each of several rounds, so that a slow minute of the
machine slows all of them; every round has a system prompt that no cache has seen. Each figure is the median over the
rounds, with the least and the largest beside it. Look at the ratios to `shared`, which are those within a round: where
they spread to both sides of 1, a median says little. `hook.py`, whose figures are printed last, says what the gateway
adds.

Copies of the deployed engine serve what it cannot: one without a cache, and one for each further tenant, for as many as
`--engines` allows, since on the lab they share its processors and each takes 2 GiB. A run removes what it made.
"""

import argparse
import copy
import http.client
import json
import random
import secrets
import statistics
import string
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import hook
from benchmarks.platform import access_to, secret_value
from components.engine.arguments import NOTHING_KEPT
from components.gateway.hooks.salts import derive_salt
from components.tenants.reconciler.model import team_id
from lab import cluster
from lab.quickstart.cluster_access import ClusterAccess
from tests.lab.load import percentile

MODEL = "tiny"
ENGINES = "bulkhead-engines"
TENANTS = (2, 8)
ROUNDS = 12
REQUESTS = 4
"""Of each tenant in each round."""
CONCURRENCY = 4
"""Requests under way together, as many as the lab's engine takes into one batch."""
SYSTEM_WORDS = 360
ENDING_WORDS = 60
"""The lab's engine takes 1024 tokens, and finds beginnings again by blocks of 128."""
MAX_TOKENS = 8
SECONDS = 120
READY_SECONDS = 420
LABEL = {"app.kubernetes.io/name": "isolation-benchmark"}
WITHOUT_CACHE = "without-cache"


class Way(StrEnum):
    """How tenants are kept apart."""

    SHARED = "shared"
    SALTED = "salted"
    OFF = "off"
    ENGINE_PER_TENANT = "engine_per_tenant"


@dataclass(frozen=True)
class Question:
    """One request; `salt` is empty where none is sent."""

    engine: str
    prompt: str
    salt: str


@dataclass(frozen=True)
class Answer:
    """One answer: seconds until its first token and until its end, and the tokens of its prompt."""

    first_token: float
    seconds: float


@dataclass(frozen=True)
class Extent:
    """How much is asked: requests of each tenant in each round, and rounds."""

    requests: int = REQUESTS
    rounds: int = ROUNDS


@dataclass(frozen=True)
class Round:
    """One way once with one number of tenants: its answers, and the seconds of all of them together."""

    answers: tuple[Answer, ...]
    seconds: float

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return len(self.answers) / self.seconds if self.seconds else 0.0

    def first_token(self, percent: float) -> float:
        """Seconds to the first token, at this percentile."""
        return percentile([answer.first_token for answer in self.answers], percent)


Measured = tuple[Round, ...]
"""One way with one number of tenants, round by round."""
Figure = Callable[[Round], float]
FIGURES: Mapping[str, Figure] = {
    "answers/s": lambda one: one.per_second,
    "first token p50 s": lambda one: one.first_token(50),
    "first token p95 s": lambda one: one.first_token(95),
}


# --- the workload, pure -----------------------------------------------------------------------------------------


def words(chance: random.Random, count: int) -> str:
    """Letters, each a word of its own."""
    return " ".join(chance.choices(string.ascii_lowercase, k=count))


def engine_names(count: int) -> tuple[str, ...]:
    """What engines of one tenant each are called here; the first is the deployed one."""
    return tuple(f"engine-{index}" for index in range(count))


def questions(way: Way, tenants: int, requests: int, key: bytes, chance: random.Random) -> list[Question]:
    """One round: every tenant's requests, in a random order, with one new system prompt for all."""
    system = words(chance, SYSTEM_WORDS)
    engines = engine_names(tenants)
    found = [
        Question(
            engine={Way.OFF: WITHOUT_CACHE, Way.ENGINE_PER_TENANT: engines[tenant]}.get(way, engines[0]),
            prompt=f"{system} {words(chance, ENDING_WORDS)}",
            salt=derive_salt(key, team_id(f"tenant-{tenant}"), MODEL) if way is Way.SALTED else "",
        )
        for tenant in range(tenants)
        for _ in range(requests)
    ]
    chance.shuffle(found)
    return found


def needed_engines(way: Way, tenants: int) -> frozenset[str]:
    """The engines that a way takes."""
    match way:
        case Way.OFF:
            return frozenset({WITHOUT_CACHE})
        case Way.ENGINE_PER_TENANT:
            return frozenset(engine_names(tenants))
        case Way.SHARED | Way.SALTED:
            return frozenset(engine_names(1))


def body_of(question: Question) -> dict[str, Any]:
    """A request as the gateway would send it to the engine."""
    body = {"model": MODEL, "prompt": question.prompt, "max_tokens": MAX_TOKENS, "temperature": 0, "stream": True}
    return {**body, "ignore_eos": True} | ({"cache_salt": question.salt} if question.salt else {})


def pod_like(deployment: Mapping[str, Any], name: str, *, cache: bool) -> dict[str, Any]:
    """A pod that runs what a Deployment's do, under a name that no Service and no Deployment takes for its own."""
    spec: dict[str, Any] = copy.deepcopy(deployment["spec"]["template"]["spec"])
    if not cache:
        spec["containers"][0]["args"] += NOTHING_KEPT
    metadata = {"name": pod_name(name), "namespace": ENGINES, "labels": LABEL}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**spec, "restartPolicy": "Always"}}


def pod_name(engine: str) -> str:
    """What the pod of an engine of this benchmark's own is called."""
    return f"isolation-benchmark-{engine}"


def rows(found: Mapping[Way, Measured | None]) -> list[tuple[str, ...]]:
    """A line for each way: each figure, and its ratio to that of `shared` in the same round."""
    shared = found[Way.SHARED]
    lines: list[tuple[str, ...]] = []
    for way, measured in found.items():
        if measured is None or shared is None:
            lines.append((str(way), "not measured", *[""] * (2 * len(FIGURES) - 1)))
            continue
        cells: list[str] = []
        for figure in FIGURES.values():
            values, base = [figure(one) for one in measured], [figure(one) for one in shared]
            ratios = [value / other for value, other in zip(values, base, strict=True) if other]
            cells += [spread(values, 3), f"x {spread(ratios, 2)}" if ratios else ""]
        lines.append((str(way), *cells))
    return lines


def spread(values: Sequence[float], digits: int) -> str:
    """The median of some values, with the least and the largest."""
    middle, least, largest = (f"{value:.{digits}f}" for value in (statistics.median(values), min(values), max(values)))
    return f"{middle} ({least}-{largest})"


# --- asking -----------------------------------------------------------------------------------------------------


def ask(port: int, key: str, question: Question) -> Answer:
    """One request as a stream.

    Raises:
        RuntimeError: It was not answered whole.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    begun = time.perf_counter()
    try:
        connection.request("POST", "/v1/completions", json.dumps(body_of(question)), headers)
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            raise RuntimeError(f"an engine answered {answer.status}: {answer.read(300).decode(errors='replace')}")
        events = filter(None, map(bytes.strip, answer))
        next(events, None)
        first = time.perf_counter() - begun
        if [*events][-1:] != [b"data: [DONE]"]:
            raise RuntimeError("a stream broke off")
        return Answer(first, time.perf_counter() - begun)
    finally:
        connection.close()


def measure(
    ways: Iterable[Way], tenants: int, extent: Extent, ports: Mapping[str, int], key: str
) -> dict[Way, Measured | None]:
    """Every way in turns; None for those whose engines are not there."""
    found: dict[Way, list[Round]] = {way: [] for way in ways}
    salts, chance = secrets.token_bytes(32), random.Random()  # noqa: S311 - no secret
    for _ in range(extent.rounds):
        for way, measured in found.items():
            if needed_engines(way, tenants) <= ports.keys():
                asked = questions(way, tenants, extent.requests, salts, chance)
                begun = time.perf_counter()
                with ThreadPoolExecutor(CONCURRENCY) as pool:
                    under_way = [pool.submit(ask, ports[one.engine], key, one) for one in asked]
                answers = tuple(request.result() for request in under_way)
                measured.append(Round(answers, time.perf_counter() - begun))
    return {way: tuple(measured) or None for way, measured in found.items()}


# --- engines ----------------------------------------------------------------------------------------------------


@contextmanager
def engines(kubectl: cluster.Kubectl, access: ClusterAccess, most: int) -> Generator[Mapping[str, int]]:
    """Engine → a port of this machine that leads to it; copies last as long as the context."""
    deployment = json.loads(
        kubectl.run("get", "deployment", f"engine-{MODEL}", "--namespace", ENGINES, "--output=json")
    )
    first, *others = engine_names(most)
    pods = [
        pod_like(deployment, WITHOUT_CACHE, cache=False),
        *(pod_like(deployment, name, cache=True) for name in others),
    ]
    try:
        kubectl.apply(pods)
        selector = ",".join(f"{key}={value}" for key, value in LABEL.items())
        wait = ("wait", "pod", "--selector", selector, "--for=condition=Ready", f"--timeout={READY_SECONDS}s")
        kubectl.run(*wait, "--namespace", ENGINES, timeout=READY_SECONDS + 30)
        with ExitStack() as forwarded:
            targets = {first: f"engine-{MODEL}"} | {name: f"pod/{pod_name(name)}" for name in (WITHOUT_CACHE, *others)}
            yield {
                name: forwarded.enter_context(access.forwarded_port(ENGINES, target, 8000))
                for name, target in targets.items()
            }
    finally:
        names = [pod["metadata"]["name"] for pod in pods]
        kubectl.run("delete", "pod", *names, "--namespace", ENGINES, "--ignore-not-found", timeout=180)


def table(tenants: int, found: Mapping[Way, Measured | None]) -> Table:
    """The figures of one number of tenants."""
    rounds = max(len(measured or ()) for measured in found.values())
    title = f"{tenants} tenants, {rounds} rounds: median (least-largest)"
    made = Table(title=title, title_justify="left", show_edge=False)
    for column in ("way", *(cell for figure in FIGURES for cell in (figure, "to shared"))):
        made.add_column(column)
    for line in rows(found):
        made.add_row(*line)
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table for each number of tenants, and the hook's own figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.isolation", description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--engines", type=int, default=min(TENANTS), help="engines with a cache, the deployed one included"
    )
    parser.add_argument("--requests", type=int, default=REQUESTS, help="of each tenant in each of the rounds")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="in which every way takes its turn")
    wanted = parser.parse_args(arguments)
    if min(wanted.engines, wanted.requests, wanted.rounds) < 1:
        parser.error("--engines, --requests and --rounds take a number from 1 on")
    kubectl = cluster.kubectl()
    key = secret_value(kubectl, f"gateway-engine-{MODEL}", "api-key")
    with engines(kubectl, access_to(cluster.cluster()), wanted.engines) as ports:
        for port in ports.values():
            ask(port, key, questions(Way.SHARED, 1, 1, b"", random.Random())[0])  # noqa: S311 - no secret
        for tenants in TENANTS:
            found = measure(Way, tenants, Extent(wanted.requests, wanted.rounds), ports, key)
            Console(width=180).print(table(tenants, found), "")
    hook.main()


if __name__ == "__main__":
    main()
