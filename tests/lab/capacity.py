"""For how long a Deployment had fewer pods ready than it is to have, while something was done to the platform."""

import json
import subprocess
import threading
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from lab.cluster import Kubectl

BEGIN_SECONDS = 30.0
DELETED = "DELETED"


@dataclass(frozen=True)
class Sight:
    """One Deployment at one moment.

    Attributes:
        at: Seconds since the epoch.
        name: Namespace and name.
        whole: Whether as many pods are ready as it is to have; None where it is gone, or is to have none.
    """

    at: float
    name: str
    whole: bool | None


def degraded_seconds(sights: Iterable[Sight], until: float) -> float:
    """Seconds in which at least one Deployment that had been whole before was not.

    One that is new is no loss until it has been whole for the first time, nor is one that has gone.

    Args:
        sights: In the order of their times.
        until: When watching ended, in seconds since the epoch.
    """
    been_whole: set[str] = set()
    broken: set[str] = set()
    total, since = 0.0, until
    for sight in sights:
        if broken:
            total += sight.at - since
        since = sight.at
        if sight.whole:
            been_whole.add(sight.name)
        if sight.whole is False and sight.name in been_whole:
            broken.add(sight.name)
        else:
            broken.discard(sight.name)
    return total + (until - since if broken else 0.0)


@dataclass
class Watch:
    """What has been seen of the Deployments of some namespaces."""

    namespaces: frozenset[str]
    _sights: list[Sight] = field(default_factory=list[Sight])

    def degraded_seconds(self) -> float:
        """Seconds of degraded capacity until now."""
        return degraded_seconds(tuple(self._sights), time.time())

    @property
    def names(self) -> set[str]:
        """The Deployments that have been seen."""
        return {sight.name for sight in self._sights}

    def read(self, stream: IO[str]) -> None:
        """Take in kubectl's events, a line each, until they end."""
        for line in stream:
            event = json.loads(line)
            one = event["object"]
            if one["metadata"]["namespace"] in self.namespaces:
                self._sights.append(_sight(event["type"], one))


def _sight(kind: str, deployment: dict[str, Any]) -> Sight:
    metadata, wanted = deployment["metadata"], deployment["spec"]["replicas"]
    ready = deployment.get("status", {}).get("readyReplicas", 0)
    gone = kind == DELETED or "deletionTimestamp" in metadata or wanted == 0
    return Sight(time.time(), f"{metadata['namespace']}/{metadata['name']}", None if gone else ready >= wanted)


@contextmanager
def watching_capacity(kubectl: Kubectl, namespaces: Iterable[str]) -> Generator[Watch]:
    """Watch the Deployments of some namespaces; kubectl's watch is ended afterwards.

    Raises:
        AssertionError: When nothing was seen, so that there would be nothing to judge.
    """
    command = [str(kubectl.binary), f"--kubeconfig={kubectl.kubeconfig}", "get", "deployments.apps"]
    options = ["--all-namespaces", "--watch", "--output-watch-events", "--output=json"]
    watch = Watch(frozenset(namespaces))
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        reader = threading.Thread(target=watch.read, args=(process.stdout,), daemon=True)
        reader.start()
        try:
            _wait_for_first(watch)
            yield watch
            # Without either, the last state would be counted on as if nothing had changed.
            assert process.poll() is None, "kubectl's watch ended by itself"
            assert reader.is_alive(), "what kubectl says is read no more"
        finally:
            process.terminate()
            reader.join(BEGIN_SECONDS)


def _wait_for_first(watch: Watch) -> None:
    deadline = time.monotonic() + BEGIN_SECONDS
    while not watch.names:
        assert time.monotonic() < deadline, f"no Deployment was seen in {', '.join(sorted(watch.namespaces))}"
        time.sleep(0.1)
