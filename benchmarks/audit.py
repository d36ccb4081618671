"""How long an audit takes with 2, 10 and 50 tenants, and how many objects a tenant is.

Run, as root, with the lab up and nothing deployed: python -m benchmarks.audit [TENANTS ...]

The `local` stack is deployed in the `partitioned` tier into a state of its own, and destroyed in the end. What is timed
is the whole command, with the start of Python. Admission is played for every tenant, packets between all pairs of
tenants, budgets by each with its key. Lines are printed as they are measured.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab import cluster
from lab.engine.runner import Engine
from tests.lab.local_stack import make_engine, plain_yaml

PROJECT = Path(__file__).resolve().parents[1]
STACK = "local"
TENANTS = (2, 10, 50)
PROBES = ("admission", "packets", "access", "budgets")
COLUMNS = f"{'tenants':>8}{'objects':>9}{'of each':>9}{'up, s':>8}  " + "".join(
    f"{probe + ', s':>14}" for probe in PROBES
)


def with_tenants(document: Mapping[str, Any], count: int) -> dict[str, Any]:
    """The stack file's document in the `partitioned` tier with `count` tenants; only the first has a GPU quota."""
    config = dict(document["config"])
    (tenant,) = config["bulkhead:tenants"]
    workloads = {"cpu": "2", "memory": "2Gi", "storage": "1Gi", "pods": 5, "when_removed": "delete"}
    config["bulkhead:tenants"] = [
        {
            **tenant,
            "name": f"team-{index:03d}",
            "gpu_quota": 0 if index else 1,
            "subjects": [{"kind": "group", "name": f"team-{index:03d}"}],
            "workloads": workloads,
        }
        for index in range(count)
    ]
    config["bulkhead:trust"] = {"tier": "partitioned", "tenants": "distrusting"}
    return {**document, "config": config}


def main() -> None:
    """Print a line for each number of tenants."""
    counts = [int(argument) for argument in sys.argv[1:]] or list(TENANTS)
    committed = yaml.safe_load((PROJECT / f"Pulumi.{STACK}.yaml").read_text(encoding="utf-8"))
    print(f"bulkhead audit in the partitioned tier, one run each\n{COLUMNS}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engine = make_engine(folder, cluster.cluster(), folder / "state")
        engine.stack_init_if_missing()
        before: tuple[int, int] | None = None
        try:
            for count in counts:
                (folder / f"Pulumi.{STACK}.yaml").write_text(plain_yaml(with_tenants(committed, count)))
                start = time.perf_counter()
                engine.up("--suppress-progress")
                seconds = time.perf_counter() - start
                found = _objects(engine)
                each = f"{(found - before[1]) / (count - before[0]):.0f}" if before else "-"
                before = (count, found)
                audits = [_audit(folder, engine, probe) for probe in PROBES]
                timed = "".join(f"{audit.seconds:>14.1f}" for audit in audits)
                print(f"{count:>8}{found:>9}{each:>9}{seconds:>8.0f}  {timed}", flush=True)
                for probe, audit in zip(PROBES, audits, strict=True):
                    print(f"{'':>8} {probe}: {audit.said}", flush=True)
        finally:
            engine.destroy("--suppress-progress")


def _objects(engine: Engine) -> int:
    """How many Kubernetes objects the state holds."""
    resources: list[dict[str, Any]] = engine.exported()["deployment"]["resources"]
    return sum(1 for resource in resources if resource["type"].startswith("kubernetes:"))


@dataclass(frozen=True)
class Audit:
    """One run of one probe: seconds of the whole command, and what it found."""

    seconds: float
    said: str


def _audit(folder: Path, engine: Engine, probe: str) -> Audit:
    program = str(Path(sys.executable).with_name("bulkhead"))
    file = str(folder / f"Pulumi.{STACK}.yaml")
    start = time.perf_counter()
    done = subprocess.run(
        [program, "audit", "--stack-file", file, "--only", probe, "--json"],
        env=engine.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return Audit(time.perf_counter() - start, _said(done.stdout) if done.stdout else done.stderr[-1000:])


def _said(text: str) -> str:
    found = json.loads(text)
    windows = found["new_pod_windows"]
    seen = [window["milliseconds"] for window in windows if window["milliseconds"] is not None]
    opened = f", a new pod open for at most {max(seen):.0f} ms ({len(seen)} of {len(windows)} were)" if seen else ""
    if not all(window["ended"] for window in windows):
        opened = ", a new pod open without an end"
    cases = f"{found['attacks_admitted']} attacks admitted, {found['work_refused']} work refused"
    verdicts = Counter(control["verdict"] for control in found["controls"])
    held = ", ".join(f"{number} {verdict}" for verdict, number in sorted(verdicts.items()))
    return f"{cases}{opened}; controls: {held}"


if __name__ == "__main__":
    main()
