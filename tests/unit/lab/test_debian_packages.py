"""Installing Debian packages, with an apt-get that only notes what it is asked."""

from pathlib import Path

import pytest

from lab import debian_packages


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file with a line for each call; an install fails before the first update, and always with a file `broken`."""
    calls = tmp_path / "calls"
    program = tmp_path / "apt-get"
    program.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> {calls}\n'
        f'case "$*" in *update*) touch {tmp_path}/updated;; esac\n'
        f"[ -e {tmp_path}/updated ] && [ ! -e {tmp_path}/broken ] && exit 0\n"
        'echo "E: Unable to locate package" >&2; exit 100\n',
        encoding="ascii",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    return calls


def test_package_lists_are_fetched_only_when_an_install_needs_them(asked: Path) -> None:
    assert debian_packages.install(["runc"]) is None
    assert ["update" in line for line in asked.read_text().splitlines()] == [False, True, False]
    asked.unlink()
    assert debian_packages.install(["runc"]) is None
    assert len(asked.read_text().splitlines()) == 1


def test_another_apt_at_work_is_waited_for(asked: Path) -> None:
    debian_packages.install(["runc"])
    assert all("-o DPkg::Lock::Timeout=300" in line for line in asked.read_text().splitlines())


def test_a_failure_is_told_in_apts_own_words(asked: Path) -> None:
    (asked.parent / "broken").touch()
    assert debian_packages.install(["runc"]) == "E: Unable to locate package\n"


@pytest.mark.usefixtures("asked")
def test_without_apt_the_fault_is_the_systems_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    with pytest.raises(OSError, match="apt-get"):
        debian_packages.install(["runc"])
