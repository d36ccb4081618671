"""`bulkhead tenants`: what it prints where, and how it ends when something is not there."""

import datetime
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3
from kubernetes.client.exceptions import ApiException

from infra.blueprint.model import ExistingClusterPart, GkeClusterPart
from infra.faults import CommandFailedError
from infra.live import accounts, usage
from infra.live.cluster import connect
from infra.live.model import Account, KeyState, Standing, Usage
from infra.live.usage import UsageReport
from tests.unit.cli.conftest import Bulkhead

PROJECT = Path(__file__).resolve().parents[3]
KEY = "sk-" + "sentinel" * 6


def account(name: str, **changes: Any) -> Account:
    values: dict[str, Any] = {
        "standing": Standing.LISTED,
        "key": KeyState.WORKS,
        "models": ("small",),
        "routes": ("chat", "models"),
        "metadata": {"cost-centre": "4711"},
        "budget_usd": 5.0,
        "budget_period": "30d",
        "spent_usd": 1.25,
        "resets_at": datetime.datetime(2026, 12, 1, tzinfo=datetime.UTC),
        "requests_per_minute": 600,
        "tokens_per_minute": 200_000,
        **changes,
    }
    return Account(name, **values)


def answering(value: object) -> Callable[..., object]:
    """A function that gives `value`, whatever it is asked."""
    return lambda *_, **__: value


pytestmark = pytest.mark.usefixtures("kubeconfig")


@pytest.fixture(autouse=True)
def platform(monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform with one tenant in order and one that drifted."""
    found = (account("one"), account("two", drift=("blocked by hand",), key=KeyState.BLOCKED))
    row = Usage("one", datetime.date(2026, 11, 24), "small", 3, 1, 7, 5, 0.25)
    monkeypatch.setattr(accounts, "read_accounts", answering(found))
    monkeypatch.setattr(accounts, "read_keys", answering({"one": KEY}))
    monkeypatch.setattr(usage, "read_usage", answering(UsageReport(("one", "two"), (row,))))


def test_the_list_is_a_row_for_each_tenant_and_tells_drift_below(bulkhead: Bulkhead) -> None:
    result = bulkhead("tenants", "list")

    assert result.exit_code == 0
    assert "one     small   5.00/30d   1.25  3.75  2026-12-01 00:00" in result.stdout
    assert "two: drift: blocked by hand" in result.stdout
    assert KEY not in result.stdout


def test_json_holds_what_the_table_holds(bulkhead: Bulkhead) -> None:
    listed = json.loads(bulkhead("tenants", "list", "--json").stdout)["tenants"]
    shown = json.loads(bulkhead("tenants", "show", "two", "--json").stdout)

    assert [entry["name"] for entry in listed] == ["one", "two"]
    assert listed[1] == shown
    assert (shown["left_usd"], shown["resets_at"]) == (3.75, "2026-12-01T00:00:00+00:00")


def test_one_tenant_is_shown_with_its_routes_and_metadata(bulkhead: Bulkhead) -> None:
    shown = bulkhead("tenants", "show", "one").stdout
    document = json.loads(bulkhead("tenants", "show", "one", "--json").stdout)

    assert "chat, models" in shown
    assert "cost-centre: 4711" in shown
    assert (document["routes"], document["metadata"]) == (["chat", "models"], {"cost-centre": "4711"})


def test_a_key_is_all_that_stands_on_standard_output(bulkhead: Bulkhead) -> None:
    assert bulkhead("tenants", "key", "one").stdout == f"{KEY}\n"
    assert json.loads(bulkhead("tenants", "key", "one", "--json").stdout) == {"name": "one", "key": KEY}


def test_usage_has_a_sum(bulkhead: Bulkhead) -> None:
    result = bulkhead("tenants", "usage", "one")

    assert "one     2026-11-24  small         3       1              7                 5  0.250000" in result.stdout
    assert "Together: 0.250000 US dollars." in result.stdout


@pytest.mark.parametrize("command", ["show", "key", "usage"])
def test_an_unknown_tenant_is_told_with_the_nearest_name(bulkhead: Bulkhead, command: str) -> None:
    result = bulkhead("tenants", command, "onee")

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "there is no tenant `onee`" in result.stderr
    assert "write: one, or another of: `one`" in result.stderr or "write: `one`" in result.stderr


def test_a_tenant_without_a_key_is_told_what_makes_one(bulkhead: Bulkhead, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "read_keys", answering({}))

    result = bulkhead("tenants", "key", "one")

    assert result.exit_code == 3
    assert result.stdout == ""
    assert "pulumi up" in result.stderr


def test_a_context_that_the_kubeconfig_has_not_is_told(bulkhead: Bulkhead) -> None:
    result = bulkhead("tenants", "list", "--context", "elsewhere", "--json")

    (fault,) = json.loads(result.stdout)["faults"]
    assert result.exit_code == 3
    assert fault["path"] == "context elsewhere"
    assert "one of its contexts: test" in fault["write"]


def test_a_gke_cluster_s_context_is_the_one_that_gcloud_makes() -> None:
    part = GkeClusterPart("bulkhead", "example-project", "europe-west4", "REGULAR", (), (), True)

    with pytest.raises(CommandFailedError, match="gcloud container clusters get-credentials bulkhead") as refused:
        connect(part)

    assert "gke_example-project_europe-west4_bulkhead" in str(refused.value)


# --- what the cluster answers ----------------------------------------------------------------------------------


def refused_by(error: Exception) -> CommandFailedError:
    """What is told when reading a Secret ends in `error`."""
    live = connect(ExistingClusterPart("test", "test"))

    def fail(*_: Any, **__: Any) -> Any:
        raise error

    live.__dict__["_core"].read_namespaced_secret = fail
    with pytest.raises(CommandFailedError) as refused:
        live.secret("bulkhead-gateway", "gateway")
    return refused.value


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ApiException(status=403, reason="Forbidden"), "create` on pods/portforward"),
        (ApiException(status=401, reason="Unauthorized"), "does not take its credentials"),
        (ApiException(status=500, reason="Oops"), "answered 500 Oops"),
        (ApiException(status=0, reason="Handshake status 502"), "does not answer (Handshake status 502)"),
        (urllib3.exceptions.ProtocolError("reset"), "does not answer (ProtocolError)"),
        (ConnectionRefusedError(), "does not answer (ConnectionRefusedError)"),
    ],
    ids=["forbidden", "unauthorized", "broken", "no websocket", "reset", "refused"],
)
def test_each_way_in_which_a_cluster_fails_is_one_message(error: Exception, told: str) -> None:
    assert told in str(refused_by(error))


def test_what_is_not_there_is_no_failure() -> None:
    live = connect(ExistingClusterPart("test", "test"))

    def absent(*_: Any, **__: Any) -> Any:
        raise ApiException(status=404, reason="Not Found")

    live.__dict__["_core"].read_namespaced_secret = absent
    assert live.secret("bulkhead-gateway", "gateway") is None


def test_help_loads_no_client_of_the_cluster() -> None:
    code = "import sys, infra.cli.tenants; print('kubernetes' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)

    assert answer.stdout == "False\n"
