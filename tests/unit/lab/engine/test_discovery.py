"""Which engine is used, and how its plugins come to stand where it looks for them."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lab.engine import locks, plugins
from lab.engine.discover import Choice, Cli, EngineMissing, find_cli, fits, parse_version
from lab.engine.environment import engine_environment
from lab.engine.kubernetes.kubeconfig import KubeconfigError, resolve
from lab.engine.plugins import KUBERNETES, LANGUAGE
from lab.engine.runner import EngineError, check_cluster, project_name


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    cache = tmp_path / "cache"
    monkeypatch.setenv("BULKHEAD_CACHE", str(cache))
    (cache / "bin").mkdir(parents=True)
    return cache


def fake_cli(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "pulumi"
    script.write_text(f"#!/bin/sh\necho {version}\n")
    script.chmod(0o755)
    return script


@pytest.mark.parametrize("text", ["v3.259.0", "3.260.1\n", "v3.300.0-dev.0"])
def test_a_tested_or_later_version_fits(text: str) -> None:
    assert fits(parse_version(text))


@pytest.mark.parametrize("text", ["v3.258.9", "v4.0.0", "v2.300.0", "", "pulumi: not found"])
def test_an_older_version_or_another_major_one_does_not(text: str) -> None:
    assert not fits(parse_version(text))


def test_the_users_command_line_is_preferred_when_it_fits(own_cache: Path, tmp_path: Path) -> None:
    fake_cli(own_cache / "bin", "v3.259.0")
    mine = fake_cli(tmp_path / "mine", "v3.270.0")
    found = find_cli(str(mine.parent))
    assert (found.path, found.version_text, found.built) == (mine, "3.270.0", False)


def test_the_built_command_line_serves_where_the_users_is_too_old(own_cache: Path, tmp_path: Path) -> None:
    built = fake_cli(own_cache / "bin", "v3.259.0")
    old = fake_cli(tmp_path / "old", "v3.100.0")
    found = find_cli(str(old.parent))
    assert (found.path, found.built) == (built, True)


def test_without_any_that_fits_the_message_names_what_there_is_and_what_to_do(tmp_path: Path) -> None:
    old = fake_cli(tmp_path / "old", "v3.100.0")
    with pytest.raises(EngineMissing, match=r"3\.100\.0.*Run \./quickstart"):
        find_cli(str(old.parent))


def test_the_labs_own_link_never_hides_the_users_command_line(own_cache: Path, tmp_path: Path) -> None:
    mine = fake_cli(tmp_path / "mine", "v3.259.0")
    link = own_cache / "pulumi" / "bin" / "pulumi"
    link.parent.mkdir(parents=True)
    link.symlink_to(mine)
    assert find_cli(os.pathsep.join([str(link.parent), str(mine.parent)])).path == mine


def test_a_stand_in_is_laid_under_the_plugins_own_name_and_marked(tmp_path: Path) -> None:
    plugins.install_stand_in(tmp_path, KUBERNETES, Path(sys.executable))
    launcher = tmp_path / "plugins" / "resource-kubernetes-v4.34.2" / "pulumi-resource-kubernetes"
    assert os.access(launcher, os.X_OK)
    assert plugins.is_stand_in(tmp_path, KUBERNETES)
    assert not plugins.is_published(tmp_path, KUBERNETES)


def test_a_launcher_starts_the_interpreter_of_the_checkout_that_runs_it(tmp_path: Path) -> None:
    spy = tmp_path / "spy"
    spy.write_text('#!/bin/sh\necho "$BULKHEAD_ENGINE_PROCESS $@"\n')
    spy.chmod(0o755)
    plugins.install_stand_in(tmp_path, LANGUAGE, Path("/nowhere/of/another/checkout/python"))
    launcher = tmp_path / "plugins" / LANGUAGE.folder / LANGUAGE.executable
    told = subprocess.run(
        [launcher, "127.0.0.1:1"],
        env={plugins.LAUNCHER_PYTHON: str(spy)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == [str(os.getpid()), "-P", "-u", "-m", "lab.engine.language_host", "127.0.0.1:1"]


def test_a_published_plugin_is_taken_over_and_replaces_the_stand_in(tmp_path: Path) -> None:
    own, users = tmp_path / "own", tmp_path / "users"
    published = users / "plugins" / KUBERNETES.folder / KUBERNETES.executable
    published.parent.mkdir(parents=True)
    published.write_bytes(b"\x7fELF")
    plugins.install_stand_in(own, KUBERNETES, Path(sys.executable))
    assert plugins.adopt_published(own, users, KUBERNETES)
    assert plugins.is_published(own, KUBERNETES)
    assert not plugins.is_stand_in(own, KUBERNETES)


def test_a_half_downloaded_plugin_is_not_taken_over(tmp_path: Path) -> None:
    folder = tmp_path / "plugins" / KUBERNETES.folder
    folder.mkdir(parents=True)
    (folder / KUBERNETES.executable).write_bytes(b"\x7fELF")
    folder.with_name(f"{folder.name}.partial").touch()
    assert not plugins.is_published(tmp_path, KUBERNETES)


def test_a_download_that_hangs_is_given_up_and_the_stand_in_stays(tmp_path: Path) -> None:
    hanging = tmp_path / "pulumi"
    hanging.write_text("#!/bin/sh\nsleep 60\n")
    hanging.chmod(0o755)
    plugins.install_stand_in(tmp_path, KUBERNETES, Path(sys.executable))
    assert not plugins.download(hanging, tmp_path, KUBERNETES, {"PATH": os.defpath}, seconds=0.2)
    assert plugins.is_stand_in(tmp_path, KUBERNETES)


def test_a_failed_download_is_remembered(tmp_path: Path) -> None:
    assert not plugins.download_failed_lately(tmp_path)
    plugins.remember_failed_download(tmp_path)
    assert plugins.download_failed_lately(tmp_path)


def lock(folder: Path, name: str, pid: int, hostname: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    file.write_text(json.dumps({"pid": pid, "hostname": hostname, "username": "me"}))
    return file


def test_only_a_lock_of_an_ended_process_on_this_machine_is_stale(tmp_path: Path) -> None:
    folder = tmp_path / ".pulumi" / "locks" / "organization" / "bulkhead" / "local"
    ended = subprocess.Popen(["true"])
    ended.wait()
    stale = lock(folder, "ended", ended.pid, socket.gethostname())
    lock(folder, "running", os.getpid(), socket.gethostname())
    lock(folder, "elsewhere", ended.pid, "another-machine")
    assert locks.stale_locks(tmp_path, "bulkhead", "local") == [stale]
    locks.release([stale])
    assert not stale.exists()


KUBECONFIG = """
current-context: lab
contexts: [{name: lab, context: {cluster: c, user: u, namespace: team}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:9/"}}]
users: [{name: u, user: {token: sesame}}]
"""


def test_half_of_a_note_beside_a_checkpoint_goes_and_whole_ones_stay(tmp_path: Path) -> None:
    folder = tmp_path / ".pulumi" / "stacks" / "bulkhead"
    folder.mkdir(parents=True)
    (folder / "local.json").write_text("{}")
    (folder / "local.json.attrs").touch()
    (folder / "other.json.attrs").write_text("{}")

    locks.remove_half_written_notes(tmp_path, "bulkhead")

    assert sorted(path.name for path in folder.iterdir()) == ["local.json", "other.json.attrs"]


def test_a_context_resolves_to_its_cluster_and_user() -> None:
    access = resolve(KUBECONFIG)
    assert (access.server, access.token, access.namespace) == ("https://127.0.0.1:9", "sesame", "team")
    assert "sesame" not in repr(access)


def test_a_wrong_context_is_told_with_those_that_exist() -> None:
    with pytest.raises(KubeconfigError, match='no context "prod"; it has: lab'):
        resolve(KUBECONFIG, "prod")


def test_a_broken_kubeconfig_is_refused_without_quoting_it() -> None:
    with pytest.raises(KubeconfigError) as refused:
        resolve("users: [{token: sesame")
    assert "sesame" not in str(refused.value)


def test_an_unreachable_cluster_is_told_once_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(KUBECONFIG)
    with pytest.raises(EngineError, match=r"unreachable: .*Connection refused.*bulkhead lab up"):
        check_cluster("lab", {"KUBECONFIG": str(file)})


def test_a_missing_kubeconfig_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"none cannot be read"):
        check_cluster("lab", {"KUBECONFIG": str(tmp_path / "none")})


def test_a_folder_without_a_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no Pulumi project"):
        project_name(tmp_path)


def test_the_environment_holds_what_a_plain_command_needs(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    choice = Choice(Cli(own_cache / "bin" / "pulumi", (3, 259, 0), built=True), own_cache / "pulumi" / "home", ())
    variables = engine_environment(choice)
    assert variables["PULUMI_BACKEND_URL"] == (own_cache / "pulumi" / "state" / "lab").as_uri()
    assert (own_cache / "pulumi" / "state" / "lab").stat().st_mode & 0o777 == 0o700
    assert variables["PULUMI_CONFIG_PASSPHRASE"] == ""
    assert variables["PATH"].split(os.pathsep)[0] == str(own_cache / "pulumi" / "bin")
    assert "KUBECONFIG" not in variables
