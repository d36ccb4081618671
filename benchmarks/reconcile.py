"""What the reconciler takes at the real gateway: accounts for 100 tenants from nothing, and a pass without a change.

Run with a platform deployed on the lab: python -m benchmarks.reconcile

The cluster's own reconciler is put aside for the time, and blocks the tenants of the benchmark when it is back; their
names are new in each run, as a gateway keeps those that were removed.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.platform import access_to
from infra.blueprint.names import GATEWAY_SECRET
from lab import cluster
from lab.cluster.lifecycle import cluster as running_cluster

TENANTS = (10, 100)
NAMESPACE = "bulkhead-gateway"
DEPLOYMENT = "deployment/tenants"
MODULE = "components.tenants.reconciler"
PROJECT = Path(__file__).resolve().parents[1]


@contextmanager
def nobody_else(kubectl: cluster.Kubectl) -> Generator[None]:
    """No reconciler in the cluster while this lasts."""
    kubectl.run("scale", DEPLOYMENT, "--namespace", NAMESPACE, "--replicas=0")
    try:
        yield
    finally:
        kubectl.run("scale", DEPLOYMENT, "--namespace", NAMESPACE, "--replicas=1")


def lay_out(folder: Path, kubectl: cluster.Kubectl, names: list[str]) -> None:
    """Write what is deployed, and tenants of these names like the first of it."""
    maps = json.loads(kubectl.run("get", "configmaps", "--namespace", NAMESPACE, "--output=json"))["items"]
    (document,) = [item["data"]["tenants.json"] for item in maps if "tenants.json" in item.get("data", {})]
    records = json.loads(document)["tenants"]
    secret = json.loads(kubectl.run("get", "secret/tenant-keys", "--namespace", NAMESPACE, "--output=json"))["data"]
    for record in records:
        (folder / record["name"]).write_bytes(base64.b64decode(secret[record["name"]]))
    for name in names:
        records.append({**records[0], "name": name})
        (folder / name).write_text(f"sk-{os.urandom(24).hex()}", encoding="utf-8")
    (folder / "tenants.json").write_text(json.dumps({"tenants": records}), encoding="utf-8")


def one_pass(folder: Path, port: int, master_key: str) -> tuple[float, str]:
    """Seconds of a fresh process's one pass, and its last line."""
    environment = {
        "GATEWAY_URL": f"http://127.0.0.1:{port}",
        "KEYS_DIRECTORY": str(folder),
        "LITELLM_MASTER_KEY": master_key,
        "RECORDS_DIRECTORY": str(folder),
    }
    start = time.monotonic()
    command = [sys.executable, "-m", MODULE, "--once"]
    answer = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise RuntimeError(answer.stderr.strip())
    return time.monotonic() - start, answer.stdout.strip().splitlines()[-1]


def main() -> None:
    """Print the table."""
    kubectl = cluster.kubectl()
    found = running_cluster()
    access = access_to(found)
    master_key = access.secret_value(NAMESPACE, GATEWAY_SECRET, "master-key")
    table = Table(title="The reconciler at the lab's gateway, seconds, one run each", title_justify="left")
    for column in ("tenants more", "from nothing", "without a change", "said"):
        table.add_column(column)
    run = os.urandom(3).hex()
    with nobody_else(kubectl), access.forwarded_port(NAMESPACE, "gateway-admin", 4001) as port:
        for count in TENANTS:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                lay_out(folder, kubectl, [f"bench-{run}-{count}-{index}" for index in range(count)])
                made, said = one_pass(folder, port, master_key)
                unchanged, _ = one_pass(folder, port, master_key)
                table.add_row(str(count), f"{made:.1f}", f"{unchanged:.1f}", said)
    Console().print(table)


if __name__ == "__main__":
    main()
