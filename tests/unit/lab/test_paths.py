"""Where the lab keeps its files."""

from pathlib import Path

import pytest

from lab import paths


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BULKHEAD_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def test_the_cache_is_in_the_users_home_by_default(tmp_path: Path) -> None:
    assert paths.cache_directory() == tmp_path / "home" / ".cache" / "bulkhead"


def test_the_desktops_cache_folder_is_used_when_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert paths.cache_directory() == tmp_path / "xdg" / "bulkhead"


def test_a_relative_desktop_cache_folder_is_ignored_as_its_specification_asks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "somewhere")
    assert paths.cache_directory() == tmp_path / "home" / ".cache" / "bulkhead"


def test_bulkheads_own_setting_comes_before_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("BULKHEAD_CACHE", str(tmp_path / "own"))
    assert paths.state_directory() == tmp_path / "own" / "state"


def test_a_private_folder_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    assert paths.private_directory(folder).stat().st_mode & 0o777 == 0o700
