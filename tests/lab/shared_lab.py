"""What the tests of this folder are handed."""

from dataclasses import dataclass

from lab.cluster import Cluster
from tests.lab.host_traces import HostTraces


@dataclass(frozen=True)
class SharedLab:
    """The running lab, whether it ran before this run, and how the host was before this run touched it."""

    cluster: Cluster
    was_up: bool
    host_before: HostTraces
