"""What is built, from what, and when it is built again."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from infra import pins
from lab import paths
from lab.binaries import build, prune, toolchain
from lab.binaries.build import build_arguments, content_key, outdated
from lab.binaries.module_file import required_version
from lab.binaries.registry import BINARIES, CHARTS, MODULES, SIMULATED_NODE_STAGES, Binary, Family
from lab.binaries.toolchain import Toolchain, find_toolchain
from lab.errors import LabEnvironmentError, LabError
from lab.progress import silent

GO = Toolchain(Path("/usr/bin/go"), "go1.26.8")


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("BULKHEAD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def pretend_built(binary: Binary) -> None:
    folder = paths.binaries_directory()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / binary.name).write_bytes(b"program")
    (folder / f".{binary.name}.key").write_text(content_key(binary, GO), encoding="ascii")


@pytest.mark.parametrize("family", Family)
def test_every_module_file_pins_exact_versions(family: Family) -> None:
    text = (family.folder / "go.mod").read_text(encoding="utf-8")
    versions = re.findall(r"^\s*(?:require )?(\S+) (v\S+)(?: // indirect)?$", text, re.MULTILINE)
    assert all(re.match(r"v\d+\.\d+\.\d+", version) for _, version in versions)
    assert family is Family.PODS or (family.folder / "go.sum").exists()


def test_every_module_file_has_a_binary_that_needs_it() -> None:
    assert {folder.name for folder in MODULES.iterdir()} == {binary.family.value for binary in BINARIES.values()}


@pytest.mark.parametrize("binary", BINARIES.values(), ids=lambda binary: binary.name)
def test_every_flag_of_a_binary_is_filled_in(binary: Binary) -> None:
    arguments = " ".join(build_arguments(binary))
    assert "{" not in arguments
    assert "=v." not in arguments
    assert not re.search(r"=( |$)", arguments)


def test_kubernetes_binaries_know_their_version() -> None:
    flags = build_arguments(BINARIES["kube-apiserver"])[2]
    assert "gitVersion=v1.36.3" in flags
    assert "gitMajor=1 " in flags
    assert flags.endswith("gitMinor=36")


def test_all_staging_modules_of_kubernetes_have_the_releases_own_version() -> None:
    text = (Family.KUBERNETES.folder / "go.mod").read_text(encoding="utf-8")
    replaced = set(re.findall(r"^\t(k8s\.io/\S+) => \1 v0\.36\.3$", text, re.MULTILINE))
    assert len(replaced) == 33


def test_a_module_that_is_not_required_is_a_fault_of_the_registry() -> None:
    with pytest.raises(KeyError, match=r"example\.org/absent"):
        required_version(Family.ETCD.folder, "example.org/absent")


def test_charts_and_stages_come_from_modules_that_are_pinned() -> None:
    for assets in (*CHARTS, SIMULATED_NODE_STAGES):
        assert required_version(assets.family.folder, assets.module).startswith("v")


def test_the_lab_builds_the_kueue_that_the_platform_deploys() -> None:
    assert required_version(Family.KUEUE.folder, "sigs.k8s.io/kueue") == pins.KUEUE_IMAGE.tag
    assert pins.KUEUE_CHART.version == pins.KUEUE_IMAGE.tag.removeprefix("v")


def test_a_missing_binary_is_built_and_a_current_one_is_not() -> None:
    pretend_built(BINARIES["etcd"])
    assert [binary.name for binary in outdated([BINARIES["etcd"], BINARIES["helm"]], GO)] == ["helm"]


def test_another_go_version_or_another_flag_builds_again() -> None:
    etcd = BINARIES["etcd"]
    pretend_built(etcd)
    assert outdated([etcd], replace(GO, version="go1.27.0")) == [etcd]
    changed = replace(etcd, variables=(("main.version", "1"),))
    assert outdated([changed], GO) == [changed]


def test_a_crash_between_key_and_binary_builds_again() -> None:
    etcd = BINARIES["etcd"]
    pretend_built(etcd)
    (paths.binaries_directory() / ".etcd.key").unlink()
    assert outdated([etcd], GO) == [etcd]


def test_no_go_is_one_clear_refusal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(toolchain, "_USUAL_PLACE", tmp_path / "go")
    with pytest.raises(LabEnvironmentError, match=r"Go is not installed.*Install Go 1\.26 or newer"):
        find_toolchain()


def test_an_old_go_is_one_clear_refusal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho go1.19.8\n", encoding="ascii")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(LabEnvironmentError, match=r"is go1\.19\.8: the pinned modules need Go 1\.26"):
        find_toolchain()


@pytest.fixture
def fake_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A Go whose `build` writes a file, or fails when there is a file named `broken` beside it."""
    go = tmp_path / "bin" / "go"
    go.parent.mkdir()
    go.write_text(
        "#!/bin/sh\n"
        'if [ "$2" = GOVERSION ]; then echo go1.26.8; exit 0; fi\n'
        f'if [ "$1" = env ]; then echo {tmp_path}/go-build; echo {tmp_path}/go-modules; exit 0; fi\n'
        f"if [ -e {tmp_path}/broken ]; then echo undefined: nonsense >&2; exit 3; fi\n"
        'echo built > "$3"\n',
        encoding="ascii",
    )
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{go.parent}:/bin:/usr/bin")
    return tmp_path


@pytest.mark.usefixtures("fake_go")
def test_a_build_shows_progress_and_runs_once() -> None:
    said: list[str] = []
    found = build.ensure(["etcd"], said.append)
    assert found["etcd"].read_text(encoding="ascii") == "built\n"
    assert said[0] == "building etcd (1 of 1): the cluster's store"
    assert said[-1].startswith("built etcd (1 of 1) in ")
    said.clear()
    build.ensure(["etcd"], said.append)
    assert said == []


def test_a_failing_build_shows_its_last_lines_and_its_log(fake_go: Path) -> None:
    (fake_go / "broken").touch()
    with pytest.raises(LabError, match=r"Building etcd failed(.|\n)*undefined: nonsense(.|\n)*build-etcd\.log"):
        build.ensure(["etcd"], silent)
    assert not (paths.binaries_directory() / "etcd").exists()


@pytest.mark.usefixtures("fake_go")
def test_a_full_disk_is_told_before_anything_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 100 * 1024**2

    monkeypatch.setattr(build.shutil, "disk_usage", lambda _path: Usage)  # pyright: ignore[reportUnknownArgumentType, reportUnknownLambdaType]
    with pytest.raises(LabEnvironmentError, match=r"0\.1 GiB free.*takes up to \d+\.\d GiB\. Nothing was built"):
        build.ensure(["pulumi", "etcd"], silent)


def test_a_full_disk_of_gos_own_caches_is_told_with_the_setting_that_moves_them(
    fake_go: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (fake_go / "go-modules").mkdir()
    plenty, little = shutil.disk_usage(fake_go)._replace(free=2**50), shutil.disk_usage(fake_go)._replace(free=2**20)
    monkeypatch.setattr(build.shutil, "disk_usage", lambda path: little if path.name == "go-modules" else plenty)  # pyright: ignore[reportUnknownArgumentType, reportUnknownLambdaType, reportUnknownMemberType]
    with pytest.raises(LabEnvironmentError, match=r"go-modules has 0\.0 GiB free.*set GOCACHE and GOMODCACHE"):
        build.ensure(["etcd"], silent)


def test_prune_refuses_while_a_labs_state_is_there(own_cache: Path) -> None:
    (own_cache / "state").mkdir(parents=True)
    with pytest.raises(LabError, match="bulkhead lab down"):
        prune()
    assert (own_cache / "state").exists()


def test_prune_empties_the_cache_and_keeps_the_engines_record_of_deployments(own_cache: Path) -> None:
    pretend_built(BINARIES["etcd"])
    (own_cache / "pulumi").mkdir()
    assert prune() > 0
    assert sorted(entry.name for entry in own_cache.iterdir()) == ["build.lock", "pulumi"]
