"""Tenants' accounts on the running gateway, and `bulkhead tenants` beside them.

Two replicas share a cache here, so that a key that is blocked has to be forgotten in more than one place.
"""

import base64
import concurrent.futures
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from lab import cluster
from tests.lab import openai_like
from tests.lab.database_locks import Mode, held, somebody_waits
from tests.lab.local_stack import PROJECT, LocalStack
from tests.lab.platform import GATEWAY, MODEL, OTHER_TENANT, TENANT, TeamPlatform, pods

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

NOBODY = "https://127.0.0.1:9"
"""A server that does not listen: the discard port."""

REFUSED = {401, 403}
DEPLOYMENT = "deployment/tenants"
RECONCILER_PODS = "app.kubernetes.io/name=tenants"
KEYS_TABLE = "LiteLLM_VerificationToken"
FORGOTTEN_SECONDS = 60
PROMPT = {"model": MODEL, "prompt": "hello", "max_tokens": 4}
MENDED_SECONDS = 100
"""A pass every 60 seconds, and what it takes on a slow machine."""


@dataclass(frozen=True)
class Admin:
    """The gateway's admin API as an operator with the master key would call it."""

    port: int
    master_key: str

    def get(self, path: str) -> Any:
        response = self._request("GET", path)
        assert response.status == 200, response.data
        return response.json()

    def post(self, path: str, body: dict[str, Any]) -> None:
        response = self._request("POST", path, body)
        assert response.status == 200, response.data

    def team(self, tenant: str) -> dict[str, Any]:
        return self.get(f"/team/info?team_id=bulkhead-{tenant}")["team_info"]

    def teams_and_keys(self) -> tuple[list[str], list[str]]:
        """The ids of all teams and, for each key, its team's, both sorted."""
        teams = self.get("/v2/team/list?page=1&page_size=100")["teams"]
        keys = self.get("/key/list?page=1&size=100&return_full_object=true")["keys"]
        return sorted(team["team_id"] for team in teams), sorted(str(key["team_id"]) for key in keys)

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> urllib3.BaseHTTPResponse:
        return openai_like.answer(self.port, self.master_key, method, path, body, seconds=60)


@pytest.fixture
def admin(team: TeamPlatform) -> Generator[Admin]:
    with team.admin() as port:
        yield Admin(port, team.master_key)


@dataclass(frozen=True)
class Reconciler:
    """The reconciler in its pod."""

    kubectl: cluster.Kubectl

    def once(self) -> str:
        """One pass beside the one that runs, and what it says."""
        deployment = json.loads(self.kubectl.run("get", DEPLOYMENT, "--namespace", GATEWAY, "--output=json"))
        command = deployment["spec"]["template"]["spec"]["containers"][0]["command"]
        return self.kubectl.run("exec", DEPLOYMENT, "--namespace", GATEWAY, "--", *command, "--once", timeout=120)

    def log(self) -> str:
        """What the running one has said since it started."""
        return self.kubectl.run("logs", DEPLOYMENT, "--namespace", GATEWAY)

    @contextlib.contextmanager
    def away(self) -> Generator[None]:
        """Nobody reconciles while this lasts, unless it is started before."""
        self._scale(0)
        self.kubectl.run(
            "wait", "pods", "--namespace", GATEWAY, f"--selector={RECONCILER_PODS}", "--for=delete",
            "--timeout=60s", timeout=90,
        )  # fmt: skip
        try:
            yield
        finally:
            self.start()
            self.kubectl.run("rollout", "status", DEPLOYMENT, "--namespace", GATEWAY, "--timeout=180s", timeout=200)

    def start(self) -> None:
        """Let it begin, and do not wait for its first pass."""
        self._scale(1)

    def delete_pod(self) -> str:
        """Delete its pod, which has a second to end, and return what it has said; another one begins meanwhile."""
        (pod,) = pods(self.kubectl, GATEWAY, RECONCILER_PODS)
        said = self.kubectl.run("logs", pod, "--namespace", GATEWAY)
        self.kubectl.run("delete", "pod", pod, "--namespace", GATEWAY, "--grace-period=1", timeout=90)
        return said

    def _scale(self, replicas: int) -> None:
        self.kubectl.run("scale", DEPLOYMENT, "--namespace", GATEWAY, f"--replicas={replicas}")


@pytest.fixture
def reconciler(team: TeamPlatform, kubectl: cluster.Kubectl) -> Reconciler:
    del team
    return Reconciler(kubectl)


def wait_until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(1)


def test_a_repeated_run_writes_nothing(reconciler: Reconciler) -> None:
    assert reconciler.once().startswith("2 tenants as listed; 0 writes")


def test_what_was_changed_by_hand_is_shown_as_drift(admin: Admin, reconciler: Reconciler, bulkhead: "Bulkhead") -> None:
    with reconciler.away():
        admin.post("/team/update", {"team_id": f"bulkhead-{TENANT}", "rpm_limit": 601})
        shown = bulkhead.document("tenants", "show", TENANT)
    wait_until(lambda: admin.team(TENANT)["rpm_limit"] == 600, MENDED_SECONDS, "the change by hand still holds")

    assert shown["drift"] == ["requests per minute: 600 is wanted, 601 at the gateway"]


def test_what_was_changed_by_hand_is_put_back_without_anybody(admin: Admin, bulkhead: "Bulkhead") -> None:
    before = admin.team(TENANT)
    admin.post("/team/update", {"team_id": f"bulkhead-{TENANT}", "rpm_limit": before["rpm_limit"] + 1})

    wait_until(
        lambda: admin.team(TENANT)["rpm_limit"] == before["rpm_limit"], MENDED_SECONDS, "the change by hand still holds"
    )

    after = admin.team(TENANT)
    assert bulkhead.document("tenants", "show", TENANT)["drift"] == []
    assert after["budget_reset_at"] == before["budget_reset_at"]
    assert after["max_budget"] == before["max_budget"]


def test_a_key_blocked_by_hand_works_again_after_the_next_pass(
    admin: Admin, team: TeamPlatform, reconciler: Reconciler
) -> None:
    (token,) = [key["token"] for key in _keys_of(admin, TENANT) if not key["blocked"]]

    def status() -> int:
        with team.gateway() as port:
            return openai_like.chat_status(port, team.keys[TENANT], MODEL)

    with reconciler.away():
        admin.post("/key/update", {"key": token, "blocked": True})
        wait_until(lambda: status() == 401, 60, "the block does not bite")
    wait_until(lambda: status() == 200, 60, "the key is blocked still")

    assert reconciler.once().startswith("2 tenants as listed; 0 writes")


def test_a_pod_that_is_deleted_in_the_middle_of_a_pass_is_replaced_by_one_that_finishes_it(
    admin: Admin, team: TeamPlatform, reconciler: Reconciler, kubectl: cluster.Kubectl
) -> None:
    """The keys' table is kept from every write meanwhile: the first tenant's team is settled, and there the pass waits.

    By then both teams have been changed by hand, and both keys blocked.
    """
    tenants = (TENANT, OTHER_TENANT)
    with reconciler.away():
        for tenant in tenants:
            (token,) = [key["token"] for key in _keys_of(admin, tenant) if not key["blocked"]]
            admin.post("/team/update", {"team_id": f"bulkhead-{tenant}", "rpm_limit": 601})
            admin.post("/key/update", {"key": token, "blocked": True})
        with held(kubectl, KEYS_TABLE, Mode.WRITES):
            reconciler.start()
            wait_until(lambda: admin.team(TENANT)["rpm_limit"] == 600, MENDED_SECONDS, "no pass has begun")
            wait_until(lambda: somebody_waits(kubectl, KEYS_TABLE), FORGOTTEN_SECONDS, "the pass does not wait")
            said = reconciler.delete_pod()
            halfway = admin.team(OTHER_TENANT)["rpm_limit"]

    with team.gateway() as port:
        for tenant in tenants:
            wait_until(
                lambda key=team.keys[tenant]: openai_like.chat_status(port, key, MODEL) == 200,
                FORGOTTEN_SECONDS,
                f"the key of {tenant} is blocked still",
            )
    assert f"team bulkhead-{TENANT}: set rpm_limit" in said
    assert "tenants as listed" not in said
    assert halfway == 601
    assert [admin.team(tenant)["rpm_limit"] for tenant in tenants] == [600, 600]
    assert reconciler.once().startswith("2 tenants as listed; 0 writes")


def _keys_of(admin: Admin, tenant: str) -> list[dict[str, Any]]:
    keys = admin.get("/key/list?page=1&size=100&return_full_object=true")["keys"]
    return [key for key in keys if key["team_id"] == f"bulkhead-{tenant}"]


@dataclass
class Caller:
    """Calls with one key at every replica, over and over, so that each remembers it as well as it can."""

    ports: list[int]
    key: str
    ended: threading.Event

    def run(self) -> int:
        """Call until told to end, and return how many calls were answered."""
        answered = 0
        while not self.ended.is_set():
            for port in self.ports:
                answered += openai_like.status(port, self.key, "GET", "/v1/models") == 200
            time.sleep(0.2)
        return answered


@contextlib.contextmanager
def every_replica(team: TeamPlatform, kubectl: cluster.Kubectl) -> Generator[list[int]]:
    """A port on 127.0.0.1 to each replica of the gateway."""
    with contextlib.ExitStack() as ports:
        names = pods(kubectl, GATEWAY, "app.kubernetes.io/name=gateway")
        yield [ports.enter_context(team.access.forwarded_port(GATEWAY, f"pod/{name}", 4000)) for name in names]


def test_a_removed_tenants_key_works_nowhere_once_the_update_is_done_and_its_spend_stays(
    admin: Admin, team: TeamPlatform, reconciler: Reconciler, kubectl: cluster.Kubectl
) -> None:
    """One field of the other tenant changes in the same update: each takes the writes that it needs and no more."""
    removed = team.keys[OTHER_TENANT]
    with every_replica(team, kubectl) as ports:
        assert len(ports) == 2
        assert [openai_like.chat_status(port, removed, MODEL) for port in ports] == [200, 200]
        wait_until(lambda: admin.team(OTHER_TENANT)["spend"] > 0, 90, "no spend was recorded")
        before = {tenant: admin.team(tenant) for tenant in (TENANT, OTHER_TENANT)}
        (tenant,) = [entry for entry in team.stack.value("tenants") if entry["name"] == TENANT]
        limits = {**tenant["rate_limit"], "requests_per_minute": 700}
        caller = Caller(ports, removed, threading.Event())
        with team.stack.edited(tenants=[{**tenant, "rate_limit": limits}]):
            with concurrent.futures.ThreadPoolExecutor(1) as threads:
                calls = threads.submit(caller.run)
                try:
                    team.stack.deploy()
                    statuses = [openai_like.status(port, removed, "GET", "/v1/models") for port in ports]
                finally:
                    caller.ended.set()
            chats = [openai_like.chat_status(port, removed, MODEL) for port in ports]
            after = {tenant: admin.team(tenant) for tenant in (TENANT, OTHER_TENANT)}
        assert calls.result() > 0
        assert set(statuses) | set(chats) <= REFUSED
        assert [openai_like.chat_status(port, team.keys[TENANT], MODEL) for port in ports] == [200, 200]
    assert after[OTHER_TENANT]["blocked"] is True
    assert after[OTHER_TENANT]["spend"] >= before[OTHER_TENANT]["spend"] > 0
    assert after[TENANT]["rpm_limit"] == 700
    assert after[TENANT]["budget_reset_at"] == before[TENANT]["budget_reset_at"]
    said = reconciler.log()
    assert f"team bulkhead-{TENANT}: set rpm_limit\n" in said
    assert "1 tenants as listed; 3 writes" in said

    _comes_back(team, admin, removed, after[OTHER_TENANT]["spend"])


def _comes_back(team: TeamPlatform, admin: Admin, old_key: str, old_spend: float) -> None:
    """A tenant that is listed again has a new key and the old spend; run here, as it takes what was removed back."""
    team.stack.deploy()
    new_key = team.stack.engine.outputs(show_secrets=True)["tenant_keys"][OTHER_TENANT]
    team.__dict__.pop("keys", None)
    found = admin.team(OTHER_TENANT)
    assert new_key != old_key
    assert found["blocked"] is False
    assert found["spend"] >= old_spend
    with team.gateway() as port:
        assert openai_like.chat_status(port, new_key, MODEL) == 200
        assert openai_like.status(port, old_key, "GET", "/v1/models") in REFUSED


def test_a_key_opens_the_routes_of_its_record_and_its_metadata_stand_beside_it(
    admin: Admin, team: TeamPlatform, reconciler: Reconciler, bulkhead: "Bulkhead"
) -> None:
    listed = team.stack.value("tenants")
    narrowed = [
        {**tenant, "routes": ["chat"], "metadata": {"cost-centre": "4711"}} if tenant["name"] == TENANT else tenant
        for tenant in listed
    ]
    try:
        with team.stack.edited(tenants=narrowed):
            team.stack.deploy()
            with team.gateway() as port:
                _wait_for_completions(team, port, opened=False)
                chat = openai_like.chat_status(port, team.keys[TENANT], MODEL)
                refused = openai_like.answer(port, team.keys[TENANT], "POST", "/v1/completions", PROMPT)
                models = openai_like.status(port, team.keys[TENANT], "GET", "/v1/models")
                other = openai_like.status(port, team.keys[OTHER_TENANT], "POST", "/v1/completions", PROMPT)
            held = [admin.team(TENANT), *(key for key in _keys_of(admin, TENANT) if not key["blocked"])]
            shown = bulkhead.document("tenants", "show", TENANT)
            again = reconciler.once()
    finally:
        team.stack.deploy()

    assert (chat, other) == (200, 200)
    assert (refused.status, models) == (403, 403)
    error = refused.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["code"]) == ("permission_error", "path_not_open")
    assert "/v1/" not in error["message"]
    assert all(thing["metadata"]["cost-centre"] == "4711" for thing in held)
    assert all(thing["metadata"]["managed_by"] == "bulkhead" for thing in held)
    assert (shown["routes"], shown["metadata"], shown["drift"]) == (["chat"], {"cost-centre": "4711"}, [])
    assert again.startswith("2 tenants as listed; 0 writes")
    assert "cost-centre" not in admin.team(TENANT)["metadata"]
    with team.gateway() as port:
        _wait_for_completions(team, port, opened=True)


def _wait_for_completions(team: TeamPlatform, port: int, *, opened: bool) -> None:
    """A replica may remember for a while what the key opened before."""

    def is_so() -> bool:
        return (openai_like.status(port, team.keys[TENANT], "POST", "/v1/completions", PROMPT) == 200) == opened

    wait_until(is_so, FORGOTTEN_SECONDS, f"the path is {'closed' if opened else 'open'} still")


# --- lost halfway, and two at once ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Elsewhere:
    """Reconcilers of this machine with a list of their own, while nobody reconciles in the cluster."""

    port: int
    master_key: str
    folder: Path

    def start(self) -> "subprocess.Popen[str]":
        environment = {
            "GATEWAY_URL": f"http://127.0.0.1:{self.port}",
            "KEYS_DIRECTORY": str(self.folder),
            "LITELLM_MASTER_KEY": self.master_key,
            "PATH": os.environ["PATH"],
            "RECORDS_DIRECTORY": str(self.folder),
        }
        command = [sys.executable, "-u", "-m", "components.tenants.reconciler", "--once"]
        return subprocess.Popen(
            command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def list_tenants(self, kubectl: cluster.Kubectl, others: list[str]) -> None:
        """List what is deployed, and `others` like it, each with a key of its own."""
        maps = json.loads(kubectl.run("get", "configmaps", "--namespace", GATEWAY, "--output=json"))["items"]
        (document,) = [item["data"]["tenants.json"] for item in maps if "tenants.json" in item.get("data", {})]
        records = json.loads(document)["tenants"]
        keys = json.loads(kubectl.run("get", "secret/tenant-keys", "--namespace", GATEWAY, "--output=json"))["data"]
        for record in records:
            self._write_key(record["name"], keys[record["name"]])
        for name in others:
            records.append({**records[0], "name": name})
            (self.folder / name).write_text(f"sk-{os.urandom(16).hex()}")
        (self.folder / "tenants.json").write_text(json.dumps({"tenants": records}))

    def _write_key(self, name: str, encoded: str) -> None:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(base64.b64decode(encoded).decode())


@pytest.fixture
def elsewhere(admin: Admin, team: TeamPlatform, reconciler: Reconciler, tmp_path: Path) -> Generator[Elsewhere]:
    with reconciler.away():
        yield Elsewhere(admin.port, team.master_key, tmp_path)


def writes_in(said: str) -> int:
    """How many writes a reconciler has made, by the lines that it says before its last one."""
    return sum(line.startswith(("team ", "key ")) and "another run" not in line for line in said.splitlines())


def test_a_run_that_is_lost_halfway_is_finished_by_the_next_and_nothing_is_made_twice(
    elsewhere: Elsewhere, admin: Admin, kubectl: cluster.Kubectl
) -> None:
    others = [f"halfway-{number}" for number in range(8)]
    elsewhere.list_tenants(kubectl, others)

    with elsewhere.start() as lost:
        assert lost.stdout is not None
        for _ in range(5):
            lost.stdout.readline()
        lost.send_signal(signal.SIGKILL)
        lost.wait()
    half_made = sum("halfway" in team for team in admin.teams_and_keys()[0])
    with elsewhere.start() as told:
        assert told.stdout is not None
        told.stdout.readline()
        start = time.monotonic()
        told.send_signal(signal.SIGTERM)
        assert told.wait(60) == 0
        ended_within = time.monotonic() - start
    with elsewhere.start() as finishing:
        said, _ = finishing.communicate(timeout=300)
        assert finishing.returncode == 0, said

    teams, keys = admin.teams_and_keys()
    assert 0 < half_made < len(others)
    assert ended_within < 15
    assert 0 < writes_in(said) < 2 * len(others)
    assert [team for team in teams if "halfway" in team] == [f"bulkhead-{name}" for name in others]
    assert [key for key in keys if "halfway" in key] == [f"bulkhead-{name}" for name in others]


def test_two_runs_at_once_make_one_team_and_one_key_for_each_tenant(
    elsewhere: Elsewhere, admin: Admin, kubectl: cluster.Kubectl
) -> None:
    others = [f"at-once-{number}" for number in range(6)]
    elsewhere.list_tenants(kubectl, others)

    with elsewhere.start() as one, elsewhere.start() as other:
        said = [running.communicate(timeout=300)[0] for running in (one, other)]

    teams, keys = admin.teams_and_keys()
    assert (one.returncode, other.returncode) == (0, 0), said
    assert [team for team in teams if "at-once" in team] == [f"bulkhead-{name}" for name in others]
    assert [key for key in keys if "at-once" in key] == [f"bulkhead-{name}" for name in others]
    assert "; 0 writes" in _run_again(elsewhere)


def _run_again(elsewhere: Elsewhere) -> str:
    with elsewhere.start() as running:
        return running.communicate(timeout=300)[0]


# --- bulkhead tenants -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bulkhead:
    """`bulkhead`, in the tests' own project and with the lab's kubeconfig."""

    stack: LocalStack

    def run(self, *arguments: str, kubeconfig: str | None = None) -> "subprocess.CompletedProcess[str]":
        environment = {**self.stack.engine.environment, **({"KUBECONFIG": kubeconfig} if kubeconfig else {})}
        command = [sys.executable, "-c", "from infra.cli.main import main; main()", *arguments]
        return subprocess.run(
            [*command, "--stack-file", str(self.stack.file)],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def document(self, *arguments: str) -> dict[str, Any]:
        answer = self.run(*arguments, "--json")
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)


@pytest.fixture
def bulkhead(team: TeamPlatform) -> Bulkhead:
    return Bulkhead(team.stack)


def test_the_list_shows_every_listed_tenant_with_a_key_that_works(bulkhead: Bulkhead) -> None:
    start = time.monotonic()
    listed = bulkhead.document("tenants", "list")["tenants"]
    print(f"bulkhead tenants list: {time.monotonic() - start:.1f} seconds")

    found = {account["name"]: account for account in listed if account["standing"] == "listed"}
    assert set(found) == {TENANT, OTHER_TENANT}
    assert {account["key"] for account in found.values()} == {"works"}
    assert found[TENANT]["models"] == [MODEL]
    assert found[TENANT]["budget_usd"] == 5
    assert found[TENANT]["left_usd"] == pytest.approx(5 - found[TENANT]["spent_usd"])


def test_a_key_is_printed_when_asked_for_by_name_and_shows_nowhere_else(bulkhead: Bulkhead, team: TeamPlatform) -> None:
    key = bulkhead.run("tenants", "key", TENANT)
    others = [bulkhead.run("tenants", *arguments) for arguments in (("list",), ("show", TENANT), ("usage",))]

    assert key.stdout == f"{team.keys[TENANT]}\n"
    assert key.stderr == ""
    assert all(other.returncode == 0 for other in others)
    shown = "".join(other.stdout + other.stderr for other in others)
    assert team.keys[TENANT] not in shown
    assert team.master_key not in shown


def test_usage_tells_spend_by_model_and_day(bulkhead: Bulkhead, team: TeamPlatform, admin: Admin) -> None:
    with team.gateway() as port:
        assert openai_like.chat_status(port, team.keys[TENANT], MODEL) == 200

    def rows() -> list[dict[str, Any]]:
        return bulkhead.document("tenants", "usage", TENANT)["usage"]

    wait_until(lambda: bool(rows()), 90, "no usage was recorded")
    found = rows()
    assert {(row["tenant"], row["model"]) for row in found} == {(TENANT, MODEL)}

    def agree() -> bool:
        return sum(row["spent_usd"] for row in rows()) == pytest.approx(admin.team(TENANT)["spend"])

    # The day's sums are written after the team's.
    wait_until(agree, 90, "the days add up to something else than was spent")
    assert all(row["prompt_tokens"] > 0 and row["completion_tokens"] > 0 for row in found)


def test_an_unknown_tenant_and_an_unreachable_cluster_end_in_one_message_each(
    bulkhead: Bulkhead, team: TeamPlatform, tmp_path: Path
) -> None:
    document = yaml.safe_load(Path(team.stack.engine.environment["KUBECONFIG"]).read_text())
    for entry in document["clusters"]:
        entry["cluster"]["server"] = NOBODY
    away = tmp_path / "kubeconfig"
    away.touch(mode=0o600)
    away.write_text(yaml.safe_dump(document))

    unknown = bulkhead.run("tenants", "show", "reserch")
    unreachable = bulkhead.run("tenants", "list", kubeconfig=str(away))

    assert unknown.returncode == 2
    assert "there is no tenant `reserch`" in unknown.stderr
    assert TENANT in unknown.stderr
    assert unreachable.returncode == 3
    assert "does not answer" in unreachable.stderr
    assert "Traceback" not in unknown.stderr + unreachable.stderr


def test_without_permission_the_message_names_what_it_takes(
    bulkhead: Bulkhead, team: TeamPlatform, kubectl: cluster.Kubectl, namespace: str, tmp_path: Path
) -> None:
    kubectl.run("create", "serviceaccount", "powerless", "--namespace", namespace)
    token = kubectl.run("create", "token", "powerless", "--namespace", namespace).strip()
    document = yaml.safe_load(Path(team.stack.engine.environment["KUBECONFIG"]).read_text())
    document["users"] = [{"name": user["name"], "user": {"token": token}} for user in document["users"]]
    powerless = tmp_path / "kubeconfig"
    powerless.touch(mode=0o600)
    powerless.write_text(yaml.safe_dump(document))

    refused = bulkhead.run("tenants", "list", kubeconfig=str(powerless))

    assert refused.returncode == 3
    assert "create` on pods/portforward" in refused.stderr
    assert token not in refused.stderr
    assert "Traceback" not in refused.stderr
