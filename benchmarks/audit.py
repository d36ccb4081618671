"""How long an audit takes with 2, 10 and 50 tenants, and how many objects a tenant is.

Run, as root, with the lab up and nothing deployed: python -m benchmarks.audit [--tier TIER] [TENANTS ...]

The `local` stack is deployed in the `partitioned` tier, or another, into a state of its own, and destroyed in the end.
What is timed is the whole command, with the start of Python, once for each probe that the tier gives something to look
at. Admission is played for every tenant, packets between all pairs of tenants, budgets by each with its key; in
`adversarial` every tenant looks for what another one has asked, too, and the nodes are read. Lines are printed as they
are measured, and in the end what all probes together admitted and refused.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infra.config.trust import TenantRelation, Tier
from lab import cluster
from lab.engine.runner import Engine
from tests.lab.local_stack import make_engine, plain_yaml

PROJECT = Path(__file__).resolve().parents[1]
STACK = "local"
TENANTS = (2, 10, 50)
TIERS: Mapping[Tier, tuple[TenantRelation, tuple[str, ...]]] = {
    Tier.GOVERNED: (TenantRelation.COOPERATIVE, ("admission", "packets", "access", "budgets")),
    Tier.PARTITIONED: (TenantRelation.DISTRUSTING, ("admission", "packets", "access", "budgets")),
    Tier.ADVERSARIAL: (
        TenantRelation.UNTRUSTED,
        ("admission", "packets", "access", "budgets", "caches", "nodes"),
    ),
}
"""Tier → tenants that need no less, and the probes that look at what it claims."""


def columns(probes: Iterable[str]) -> str:
    """The head of the table."""
    each = "".join(f"{probe + ', s':>14}" for probe in probes)
    return f"{'tenants':>8}{'objects':>9}{'of each':>9}{'up, s':>8}  {each}"


def with_tenants(document: Mapping[str, Any], count: int, tier: Tier = Tier.PARTITIONED) -> dict[str, Any]:
    """The stack file's document in a tier with `count` tenants; only the first has a GPU quota."""
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
    relation, _ = TIERS[tier]
    # How many replicas of Kyverno the lab's one node has room for stands in the file.
    kept = {key: value for key, value in config["bulkhead:trust"].items() if key == "admission"}
    config["bulkhead:trust"] = {**kept, "tier": str(tier), "tenants": str(relation)}
    return {**document, "config": config}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for each number of tenants."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("tenants", nargs="*", type=int, default=TENANTS, help="how many, one platform after the other")
    parser.add_argument("--tier", type=Tier, choices=list(TIERS), default=Tier.PARTITIONED, help="what is claimed")
    wanted = parser.parse_args(arguments)
    _, probes = TIERS[wanted.tier]
    committed = yaml.safe_load((PROJECT / f"Pulumi.{STACK}.yaml").read_text(encoding="utf-8"))
    print(f"bulkhead audit in the {wanted.tier} tier, one run each\n{columns(probes)}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engine = make_engine(folder, cluster.cluster(), folder / "state")
        engine.stack_init_if_missing()
        before: tuple[int, int] | None = None
        try:
            for count in wanted.tenants:
                document = with_tenants(committed, count, wanted.tier)
                (folder / f"Pulumi.{STACK}.yaml").write_text(plain_yaml(document))
                start = time.perf_counter()
                engine.up("--suppress-progress")
                seconds = time.perf_counter() - start
                found = _objects(engine)
                each = f"{(found - before[1]) / (count - before[0]):.0f}" if before else "-"
                before = (count, found)
                audits = [_audit(folder, engine, probe) for probe in probes]
                timed = "".join(f"{audit.seconds:>14.1f}" for audit in audits)
                print(f"{count:>8}{found:>9}{each:>9}{seconds:>8.0f}  {timed}", flush=True)
                for probe, audit in zip(probes, audits, strict=True):
                    print(f"{'':>8} {probe}: {said(audit)}", flush=True)
                print(f"{'':>8} in all: {in_all(audits)}", flush=True)
        finally:
            engine.destroy("--suppress-progress")


def _objects(engine: Engine) -> int:
    """How many Kubernetes objects the state holds."""
    resources: list[dict[str, Any]] = engine.exported()["deployment"]["resources"]
    return sum(1 for resource in resources if resource["type"].startswith("kubernetes:"))


@dataclass(frozen=True)
class Audit:
    """One run of one probe.

    Attributes:
        seconds: Of the whole command.
        found: What it printed as JSON; None where it printed nothing.
        failure: The end of what it said beside.
    """

    seconds: float
    found: Mapping[str, Any] | None
    failure: str = ""


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
    found = json.loads(done.stdout) if done.stdout else None
    return Audit(time.perf_counter() - start, found, done.stderr[-1000:])


def said(audit: Audit) -> str:
    """What one run says, in a line."""
    found = audit.found
    if found is None:
        return audit.failure
    windows = found["new_pod_windows"]
    seen = [window["milliseconds"] for window in windows if window["milliseconds"] is not None]
    opened = f", a new pod open for at most {max(seen):.0f} ms ({len(seen)} of {len(windows)} were)" if seen else ""
    if not all(window["ended"] for window in windows):
        opened = ", a new pod open without an end"
    verdicts = Counter(control["verdict"] for control in found["controls"])
    held = ", ".join(f"{number} {verdict}" for verdict, number in sorted(verdicts.items()))
    return f"{in_all([audit])}{opened}; controls: {held}"


def in_all(audits: Iterable[Audit]) -> str:
    """How many attacks and works runs have judged, and how they ended; a run without a result is not left out."""
    found = [audit.found for audit in audits]
    whole = [one for one in found if one is not None]
    attacks, admitted, works, refused = (
        sum(one[name] for one in whole)
        for name in ("attacks_refused", "attacks_admitted", "work_passed", "work_refused")
    )
    broken = f"; {len(found) - len(whole)} probes without a result" if len(whole) < len(found) else ""
    return f"{admitted} of {attacks + admitted} attacks admitted, {refused} of {works + refused} works refused{broken}"


if __name__ == "__main__":
    main()
