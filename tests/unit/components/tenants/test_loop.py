"""The reconciler goes on: ready when it may be, mending what drifts, ending when told to."""

import datetime
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from components.tenants.reconciler import loop as loop_module
from components.tenants.reconciler.__main__ import main
from components.tenants.reconciler.errors import StoppedError
from components.tenants.reconciler.loop import Stop
from components.tenants.reconciler.model import State, Tenant
from components.tenants.reconciler.passes import Settled, reconcile, seconds_to_forget
from components.tenants.reconciler.status import Status, serve
from components.tenants.records import records
from infra.blueprint.routes import KEY_PATHS
from tests.unit.components.parts import RESEARCH
from tests.unit.components.tenants import fake_gateway
from tests.unit.components.tenants.fake_gateway import FakeGateway

MASTER = "sk-master-of-this-test"
FIELDS = {"models": ["tiny"], "max_budget": 5.0, "budget_duration": "30d", "rpm_limit": 60, "tpm_limit": 1000}
TENANT = Tenant("research", "sk-key-of-research-0001", FIELDS, KEY_PATHS)
NOON = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)


def settled(gateway: FakeGateway, *tenants: Tenant) -> Settled:
    return reconcile(tenants, gateway, lambda _: None)


# --- when every replica has forgotten a key --------------------------------------------------------------------


def test_nothing_blocked_is_nothing_to_wait_for() -> None:
    assert seconds_to_forget(settled(FakeGateway(), TENANT), 21, NOON) == 0


def test_a_pass_that_blocked_a_key_waits_until_no_replica_can_remember_it() -> None:
    gateway = FakeGateway()
    settled(gateway, TENANT)

    assert seconds_to_forget(settled(gateway), 21, NOON) == 21


@pytest.mark.parametrize(
    ("changed_at", "seconds"),
    [
        ("2026-11-24T11:59:50Z", 11),
        ("2026-11-24T11:59:50", 11),
        ("2026-11-24T11:00:00+00:00", 0),
        ("2026-11-24T12:59:00Z", 21),
        (None, 0),
    ],
    ids=["just before", "without a zone", "long ago", "by a clock that is ahead", "never told"],
)
def test_a_pass_that_was_lost_after_it_blocked_is_waited_for_by_the_next(changed_at: str | None, seconds: int) -> None:
    blocked = {"token": "t", "metadata": {"managed_by": "bulkhead"}, "blocked": True, "settings_updated_at": changed_at}
    found = Settled(0, False, State({}, {"t": blocked}), ())

    assert seconds_to_forget(found, 21, NOON) == seconds


# --- the process -----------------------------------------------------------------------------------------------


class Process:
    """The reconciler in a thread of this process, against a gateway in memory."""

    def __init__(self, gateway: FakeGateway, environment: dict[str, str]) -> None:
        self.gateway = gateway
        self.environment = environment
        self.stop = Stop()
        self.code: int | None = None
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        self.code = main(self.environment, stop=self.stop)

    def start(self) -> None:
        self.thread.start()

    def end(self) -> None:
        self.stop.set()
        self.thread.join(10)
        assert not self.thread.is_alive()

    def get(self, path: str) -> tuple[int, str]:
        try:
            url = f"http://127.0.0.1:{self.environment['STATUS_PORT']}{path}"
            with urllib.request.urlopen(url, timeout=5) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def until(self, path: str, status: int, text: str = "") -> str:
        for _ in range(500):
            found, content = self.get(path)
            if found == status and text in content:
                return content
            time.sleep(0.02)
        raise AssertionError(f"{path} never answered {status} with {text!r}")


def free_port() -> int:
    with serve(Status(), 0) as server:
        port = server.server_address[1]
        server.shutdown()
    return port


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Process]:
    monkeypatch.setattr(loop_module, "RETRY_SECONDS", 0.01)
    (tmp_path / "tenants.json").write_text(records((RESEARCH,)), encoding="utf-8")
    (tmp_path / "research").write_text("sk-key-of-research-0001", encoding="utf-8")
    gateway = FakeGateway()
    with fake_gateway.serve(gateway, MASTER, []) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        running = Process(
            gateway,
            {
                "FORGET_SECONDS": "0.2",
                "GATEWAY_URL": f"http://127.0.0.1:{http.server_address[1]}",
                "INTERVAL_SECONDS": "0.05",
                "KEYS_DIRECTORY": str(tmp_path),
                "LITELLM_MASTER_KEY": MASTER,
                "RECORDS_DIRECTORY": str(tmp_path),
                "STATUS_PORT": str(free_port()),
            },
        )
        yield running
        running.stop.set()
        if running.thread.ident is not None:
            running.thread.join(10)
        http.shutdown()
        thread.join()


def test_it_is_ready_when_the_accounts_are_made(process: Process) -> None:
    process.start()

    process.until("/ready", 200)

    assert set(process.gateway.teams) == {"bulkhead-research"}


def test_it_is_not_ready_while_a_blocked_key_may_be_remembered(process: Process) -> None:
    settled(process.gateway, Tenant("gone", "sk-key-of-gone-00001", FIELDS, KEY_PATHS))
    process.environment["FORGET_SECONDS"] = "60"
    process.start()

    process.until("/metrics", 200, "bulkhead_tenants_blocked 1")

    assert process.get("/ready")[0] == 503
    process.end()
    assert process.code == 0


def test_what_drifts_is_mended_without_anybody(process: Process) -> None:
    process.start()
    process.until("/ready", 200)

    process.gateway.teams["bulkhead-research"]["rpm_limit"] = 1

    process.until("/metrics", 200, "bulkhead_tenants_writes_total 3")
    assert process.gateway.teams["bulkhead-research"]["rpm_limit"] == RESEARCH.requests_per_minute


def test_it_ends_at_once_when_told_to_and_says_so(process: Process, capsys: pytest.CaptureFixture[str]) -> None:
    process.environment["INTERVAL_SECONDS"] = "3600"
    process.start()
    process.until("/ready", 200)

    process.end()

    assert process.code == 0
    assert capsys.readouterr().out.endswith("told to end\n")


def test_a_gateway_that_is_not_there_yet_is_waited_for(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    there: list[bool] = []

    def has_database(_: Any) -> bool:
        there.append(True)
        return len(there) > 3

    monkeypatch.setattr("components.tenants.reconciler.admin.HttpAdmin.has_database", has_database)
    process.start()

    process.until("/ready", 200)

    assert len(there) > 3


def never(_: Any) -> bool:
    return False


def test_a_gateway_that_never_comes_ends_the_process_so_that_it_is_seen(
    process: Process, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("components.tenants.reconciler.__main__.READY_SECONDS", 0.05)
    monkeypatch.setattr("components.tenants.reconciler.admin.HttpAdmin.has_database", never)

    assert main(process.environment) == 1
    assert "no database" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["INTERVAL_SECONDS", "FORGET_SECONDS", "STATUS_PORT"])
def test_a_missing_number_is_an_error_that_names_it(
    process: Process, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    del process.environment[name]

    assert main(process.environment) == 2
    assert capsys.readouterr().err == f"error: {name} is not set to a number\n"


# --- what it says of itself ------------------------------------------------------------------------------------


def test_prometheus_reads_spend_and_limits_by_tenant_and_no_key() -> None:
    gateway = FakeGateway()
    found = settled(gateway, TENANT)
    gateway.teams[TENANT.team_id] |= {"spend": 1.25, "budget_reset_at": "2026-12-01T00:00:00Z"}
    found = settled(gateway, TENANT)
    status = Status()

    status.saw((TENANT,), found)
    status.succeeded(0.5, 1_000_000.0)
    status.failed(0.1)

    text = status.exposition()
    assert 'bulkhead_tenants_passes_total{result="success"} 1\n' in text
    assert 'bulkhead_tenants_passes_total{result="failure"} 1\n' in text
    assert "bulkhead_tenants_last_success_timestamp_seconds 1000000\n" in text
    assert 'bulkhead_tenant_spend_usd{tenant="research"} 1.25\n' in text
    assert 'bulkhead_tenant_budget_usd{tenant="research"} 5\n' in text
    assert 'bulkhead_tenant_budget_reset_timestamp_seconds{tenant="research"} 1796083200\n' in text
    assert TENANT.key not in text
    assert TENANT.token not in text
    assert text.count("# TYPE bulkhead_tenants_passes_total") == 1


def test_figures_go_on_while_a_tenant_is_refused(process: Process, capsys: pytest.CaptureFixture[str]) -> None:
    process.start()
    process.until("/ready", 200)
    process.gateway.team_update = lambda body: 422
    process.gateway.teams["bulkhead-research"] |= {"rpm_limit": 1, "spend": 2.5}

    process.until("/metrics", 200, 'bulkhead_tenant_spend_usd{tenant="research"} 2.5')

    assert process.get("/ready")[0] == 200
    process.end()
    assert "error: the gateway refused writes of research" in capsys.readouterr().out


def test_before_its_first_pass_it_has_figures_of_its_own_and_none_of_tenants() -> None:
    text = Status().exposition()

    assert "bulkhead_tenants_last_success_timestamp_seconds 0\n" in text
    assert "{tenant=" not in text


@pytest.mark.timeout(60)
def test_a_signal_ends_it_at_whatever_moment_it_comes() -> None:
    """Also in the middle of a pause of no length, where a lock that the handler wants would be held for ever."""
    for moment in range(2000):
        stop = Stop()
        before = signal.signal(signal.SIGALRM, lambda _number, _frame, stop=stop: stop.set())
        try:
            signal.setitimer(signal.ITIMER_REAL, 1e-5 + moment % 50 * 1e-6)
            with pytest.raises(StoppedError):
                while True:
                    stop.pause(0)
        finally:
            signal.signal(signal.SIGALRM, before)
