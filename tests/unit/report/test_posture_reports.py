"""A posture as a table for people and as JSON for programs."""

import io
import json

import pytest

from infra.report.posture_json import posture_json
from infra.report.posture_table import print_posture
from infra.trust.posture import Posture
from tests.unit.trust.stacks import document, posture_of, tenant, waiver

TENANTS = [tenant("one", "small"), tenant("two", "small")]


def table(posture: Posture, monkeypatch: pytest.MonkeyPatch, columns: int = 80, **environment: str) -> str:
    for name, value in {"COLUMNS": str(columns), **environment}.items():
        monkeypatch.setenv(name, value)
    stream = io.StringIO()
    print_posture(posture, stream)
    return stream.getvalue()


def waived(reason: str = "for now", owner: str = "ops@example.com") -> Posture:
    waivers = [waiver(control, owner=owner, reason=reason) for control in ("SR1", "SR2", "SR3")]
    return posture_of(document(trust={"waivers": waivers}, tenants=TENANTS))


# --- JSON -------------------------------------------------------------------------------------------------------


def test_json_has_exactly_the_documented_shape():
    posture = json.loads(posture_json(waived()))
    assert list(posture) == ["stack", "tier", "tenants", "controls", "findings"]
    for row in posture["controls"]:
        assert list(row) == ["id", "title", "state", "because", "required_by", "mechanism", "objects"]
        assert row["state"] in {"enforced", "dormant", "waived", "added"}
    for finding in posture["findings"]:
        assert list(finding) == ["severity", "control", "path", "message"]
        assert finding["severity"] in {"error", "warning"}


def test_json_says_what_the_posture_says():
    posture = json.loads(posture_json(waived()))
    assert (posture["stack"], posture["tier"], posture["tenants"]) == ("test", "trusted", "cooperative")
    row = next(row for row in posture["controls"] if row["id"] == "SR1")
    assert row == {
        "id": "SR1",
        "title": "network: the gateway is the only caller of model servers",
        "state": "waived",
        "because": "waived until 2026-12-31 by ops@example.com",
        "required_by": ["2 tenants share the cluster (one, two)"],
        "mechanism": row["mechanism"],
        "objects": [],
    }
    assert [(found["severity"], found["control"], found["path"]) for found in posture["findings"]] == [
        ("warning", f"SR{number}", f"bulkhead:trust.waivers[{number - 1}]") for number in (1, 2, 3)
    ]


def test_json_is_ascii_whatever_an_owner_writes():
    text = posture_json(waived(owner="Müller"))
    assert text.isascii()
    assert "Müller" in json.loads(text)["findings"][0]["message"]


# --- table ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_no_id_and_no_state_is_ever_cut(monkeypatch: pytest.MonkeyPatch, columns: int):
    posture = waived()
    lines = table(posture, monkeypatch, columns).splitlines()
    for row in posture.controls:
        assert any(line.startswith(f"{row.state:<8}  {row.control.id}  ") for line in lines)


def test_nothing_is_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch):
    assert all(len(line) <= 80 for line in table(waived(), monkeypatch).splitlines())


def test_without_a_terminal_the_table_is_plain_ascii(monkeypatch: pytest.MonkeyPatch):
    text = table(waived(), monkeypatch)
    assert text.isascii()
    assert "\x1b" not in text


def test_on_a_terminal_states_are_coloured(monkeypatch: pytest.MonkeyPatch):
    assert "\x1b[33mwaived" in table(waived(), monkeypatch, FORCE_COLOR="1", TERM="xterm", NO_COLOR="")


def test_each_fact_is_stated_once_and_referred_to_by_number(monkeypatch: pytest.MonkeyPatch):
    text = table(waived(), monkeypatch, 200)
    assert text.count("2 tenants share the cluster (one, two)") == 1
    assert " 1  2 tenants share the cluster (one, two)\n" in text
    (line,) = [line for line in text.splitlines() if line.startswith("waived    SR1")]
    assert line.rstrip().endswith(" 1")


def test_every_finding_stands_below_with_its_key(monkeypatch: pytest.MonkeyPatch):
    posture = posture_of(document(tenants=TENANTS))
    text = " ".join(table(posture, monkeypatch, 200).split())
    for finding in posture.findings:
        assert f"{finding.severity} {finding.control} {finding.path} " in text
        assert " ".join(finding.message.split()) in text


def test_the_last_line_is_the_verdict(monkeypatch: pytest.MonkeyPatch):
    unsound = posture_of(document(tenants=TENANTS))
    assert table(waived(), monkeypatch).splitlines()[-1] == "Sound: 3 enforced, 3 waived, 10 dormant; 3 warnings."
    assert table(unsound, monkeypatch).splitlines()[-1] == (
        "NOT SOUND, so it is refused: 3 enforced, 10 dormant, 3 missing; 3 errors."
    )


@pytest.mark.parametrize(("network_policy", "state"), [(False, "unmet"), (True, "enforced")])
def test_a_control_that_something_speaks_against_is_not_called_enforced(
    monkeypatch: pytest.MonkeyPatch, network_policy: bool, state: str
):
    """Whoever reads the table alone would take the network for closed."""
    posture = posture_of(document(trust={"tier": "governed"}, enforces_network_policy=network_policy))

    (row,) = [line for line in table(posture, monkeypatch).splitlines() if " SR1  " in line]

    assert row.split()[0] == state


@pytest.mark.parametrize("text", ["\x1b[2Jgone", "[bold]loud[/bold]", ":warning:", "a\nb\rc\td", "\u202eevil", "\x07"])
def test_an_owner_or_a_reason_cannot_rewrite_the_report(monkeypatch: pytest.MonkeyPatch, text: str):
    found = table(waived(reason=f"x{text}x", owner=f"o{text}o"), monkeypatch, 400)
    assert not set(found) & {"\x1b", "\r", "\t", "\u202e", "\x07"}
    shown = text.translate({ord(each): " " for each in "\n\r\t"})
    assert f"x{shown.encode('unicode_escape').decode()}x" in found
