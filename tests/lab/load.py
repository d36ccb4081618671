"""A load of concurrent chat completions on the gateway's Service, with every request's ending counted.

The client is the unmodified `openai` package in a process of its own inside the lab's network, where it reaches the
Service's own address: `kubectl port-forward` would hold on to one pod and break with it.

    with Load(service_url(kubectl), key, "tiny").running() as run:
        ...  # do something to the platform
    report = run.report
    assert report.wrong == () and report.lost == ()
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, fields
from decimal import Decimal
from math import ceil
from pathlib import Path

from lab.cluster import Kubectl
from lab.cluster.network import INSIDE
from tests.lab.load_client import Ending, Kind, Order, Outcome, Question, outcome_from

__all__ = ["Ending", "Kind", "Load", "Outcome", "Question", "Report", "RunningLoad", "service_url", "together"]

PROJECT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 30


def service_url(kubectl: Kubectl, namespace: str = "bulkhead-gateway", service: str = "gateway") -> str:
    """The URL of a Service's own address and first port, which the lab's network leads to any ready pod.

    Raises:
        LabError: When there is no such Service.
    """
    spec = json.loads(kubectl.run("get", "service", service, "--namespace", namespace, "--output=json"))["spec"]
    return f"http://{spec['clusterIP']}:{spec['ports'][0]['port']}"


@dataclass(frozen=True)
class Report:
    """What became of the requests of one load.

    Attributes:
        outcomes: Every request that ended, in the order of their ends.
        seconds: From the first request's beginning to the last one's end.
        failure: What the sending process printed when it failed; empty when it did not.
    """

    outcomes: tuple[Outcome, ...]
    seconds: float
    failure: str = ""

    @property
    def answered(self) -> tuple[Outcome, ...]:
        """Those with a whole answer."""
        return self._ending(Ending.COMPLETE)

    @property
    def refused(self) -> tuple[Outcome, ...]:
        """Those that the gateway answered with an error."""
        return self._ending(Ending.REFUSED)

    @property
    def lost(self) -> tuple[Outcome, ...]:
        """Those with neither an answer nor an error: a broken connection, a stream cut short, a time-out."""
        return self._ending(Ending.LOST)

    @property
    def wrong(self) -> tuple[Outcome, ...]:
        """Whole answers that differ from the first one to the same question, in text, reason or tokens.

        Streamed answers are held against plain ones, too: a chunk that went missing is a wrong answer.
        """
        first: dict[int, Outcome] = {}
        for outcome in self.answered:
            first.setdefault(outcome.question, outcome)
        return tuple(outcome for outcome in self.answered if _gist(outcome) != _gist(first[outcome.question]))

    @property
    def unanswered(self) -> tuple[Outcome, ...]:
        """Those without their right answer: lost, refused or wrong."""
        return (*self.lost, *self.refused, *self.wrong)

    @property
    def statuses(self) -> Counter[int]:
        """HTTP status → how many requests; 0 for those without one."""
        return Counter(outcome.status for outcome in self.outcomes)

    @property
    def messages(self) -> Counter[str]:
        """What the errors said → how often."""
        return Counter(f"{outcome.status} {outcome.message}" for outcome in self.outcomes if outcome.message)

    @property
    def prompt_tokens(self) -> int:
        """Prompt tokens of all whole answers."""
        return sum(outcome.prompt_tokens for outcome in self.answered)

    @property
    def completion_tokens(self) -> int:
        """Completion tokens of all whole answers."""
        return sum(outcome.completion_tokens for outcome in self.answered)

    def cost(self, input_usd_per_million: Decimal, output_usd_per_million: Decimal) -> Decimal:
        """What the whole answers cost, in US dollars, exactly."""
        total = self.prompt_tokens * input_usd_per_million + self.completion_tokens * output_usd_per_million
        return total / 1_000_000

    @property
    def answered_per_second(self) -> float:
        """Whole answers a second."""
        return len(self.answered) / self.seconds if self.seconds else 0.0

    def latency(self, percent: float) -> float:
        """Seconds until a whole answer ended, at this percentile (nearest rank)."""
        return percentile([outcome.seconds for outcome in self.answered], percent)

    def first_token(self, percent: float) -> float:
        """Seconds until a stream's first token, at this percentile (nearest rank)."""
        found = [outcome.first_token_seconds for outcome in self.answered]
        return percentile([seconds for seconds in found if seconds is not None], percent)

    def summary(self) -> str:
        """One line for people: counts, speed, what the errors said, and when the first ones came."""
        line = (
            f"{len(self.outcomes)} requests in {self.seconds:.0f} s: {len(self.answered)} answered, "
            f"{len(self.wrong)} wrong, {len(self.refused)} refused, {len(self.lost)} lost"
        )
        said = "; ".join(f"{number} x {message}" for message, number in self.messages.most_common(4))
        began = min((outcome.began for outcome in self.outcomes), default=0.0)
        when = ", ".join(f"{one.began - began:.1f} s for {one.seconds:.1f} s" for one in self.unanswered[:4])
        return f"{line} ({said}; begun after {when})" if when else line

    def _ending(self, ending: Ending) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self.outcomes if outcome.ending is ending)


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile; 0 of nothing."""
    ordered = sorted(values)
    return ordered[max(ceil(len(ordered) * percent / 100) - 1, 0)] if ordered else 0.0


def _gist(outcome: Outcome) -> tuple[object, ...]:
    return (outcome.text, outcome.finish_reason, outcome.prompt_tokens, outcome.completion_tokens)


@dataclass
class RunningLoad:
    """A load under way: what has ended so far, and the whole report once it has stopped."""

    process: subprocess.Popen[str]
    request_seconds: float
    _outcomes: list[Outcome] = field(default_factory=list[Outcome])
    _threads: list[threading.Thread] = field(default_factory=list[threading.Thread])
    _failure: str = ""

    def begin(self, order: Order) -> None:
        """Hand the order to the process, and collect what comes back."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asdict(order)) + "\n")
        self.process.stdin.flush()
        self._threads = [threading.Thread(target=read, daemon=True) for read in (self._read, self._read_failure)]
        for thread in self._threads:
            thread.start()

    def so_far(self) -> Report:
        """A report on what has ended until now."""
        outcomes = tuple(self._outcomes)
        began = min((outcome.began for outcome in outcomes), default=0.0)
        ended = max((outcome.began + outcome.seconds for outcome in outcomes), default=0.0)
        return Report(outcomes, ended - began, self._failure)

    @property
    def report(self) -> Report:
        """The report on the whole load, once its context has ended.

        Raises:
            AssertionError: When it still runs, or the sending process failed.
        """
        assert self.process.poll() is not None, "the load still runs: leave its context first"
        assert self.process.returncode == 0, f"the load's client failed: {self._failure}"
        return self.so_far()

    def wait_for(self, condition: Callable[[Report], bool], seconds: float = 60.0) -> Report:
        """Wait until the report so far meets a condition.

        Raises:
            AssertionError: When it does not in time; says how far the load has come.
        """
        deadline = time.monotonic() + seconds
        while not condition(found := self.so_far()):
            assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {found.summary()} {self._failure}"
            time.sleep(0.1)
        return found

    def wait_for_answers(self, number: int, seconds: float = 60.0) -> Report:
        """Wait until this many more requests have been answered than until now."""
        wanted = len(self.so_far().answered) + number
        return self.wait_for(lambda report: len(report.answered) >= wanted, seconds)

    def wait(self, seconds: float) -> None:
        """Wait until the load has ended by its own bounds."""
        self.process.wait(seconds)

    def stop(self) -> None:
        """Begin no further request and wait for those under way; end the process if they take too long."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.close()
            self.process.wait(self.request_seconds + STOP_SECONDS)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self.process.kill()
            self.process.wait()
        for thread in self._threads:
            thread.join(STOP_SECONDS)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._outcomes.append(outcome_from(line))

    def _read_failure(self) -> None:
        assert self.process.stderr is not None
        self._failure = self.process.stderr.read()[-2000:]


@dataclass(frozen=True)
class Load(Order):
    """What is to be sent, bounded in number and in time, and from where.

    Attributes:
        inside: What runs a command in the network of the gateway; nothing for a gateway that this host reaches.
    """

    inside: tuple[str, ...] = INSIDE

    @contextmanager
    def running(self) -> Generator[RunningLoad]:
        """Send while the context lasts, or until a bound is met; nothing runs on after it, also on failure."""
        environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
        with subprocess.Popen(
            [*self.inside, sys.executable, "-m", "tests.lab.load_client"],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            run = RunningLoad(process, self.request_seconds)
            try:
                run.begin(self._order())
                yield run
            finally:
                run.stop()

    def run(self) -> Report:
        """Send until a bound is met."""
        with self.running() as run:
            run.wait(self.seconds + self.request_seconds + STOP_SECONDS)
        return run.report

    def _order(self) -> Order:
        return Order(**{one.name: getattr(self, one.name) for one in fields(Order)})


@contextmanager
def together(loads: Iterable[Load]) -> Generator[tuple[RunningLoad, ...]]:
    """Several loads at once, as of several tenants."""
    with ExitStack() as stack:
        yield tuple([stack.enter_context(load.running()) for load in loads])
