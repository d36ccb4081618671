"""The cluster's pure parts: what would run, with which files, and which objects."""

import json
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from lab import cli, paths
from lab.binaries import charts_link
from lab.cluster import debian, host, lifecycle, network, ownership
from lab.cluster.addresses import (
    COREDNS_IMAGE,
    DNS_SERVICE,
    HOST_ADDRESS,
    HOST_INTERFACE,
    NODE_ADDRESS,
    RUNTIME_DIRECTORY,
    SERVICE_NETWORK,
)
from lab.cluster.commands import run
from lab.cluster.images import archive_digest
from lab.cluster.lifecycle import parts
from lab.cluster.node import kubelet
from lab.cluster.one_layer_image import OneLayerImage, write_image
from lab.cluster.parts import Part, wait_until_ready
from lab.cluster.processes import MARK, end, is_alive, lab_processes
from lab.cluster.simulated_nodes import simulated_node_manifests
from lab.cluster.storage import storage_manifests
from lab.engine.discover import choose
from lab.errors import LabEnvironmentError, LabError
from lab.progress import Progress, silent

MANIFESTS = Path(lifecycle.__file__).parent / "manifests"


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("BULKHEAD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def argument(part: Part, name: str) -> str:
    return next(text.partition("=")[2] for text in part.arguments if text.startswith(f"--{name}="))


def part(name: str) -> Part:
    return next(part for part in parts(Path("/state"), Path("/stages")) if part.name == name)


def test_host_and_node_are_the_two_ends_of_one_network() -> None:
    assert HOST_ADDRESS.network == NODE_ADDRESS.network
    assert len(HOST_INTERFACE) < 16  # the kernel's limit for an interface's name
    assert len(str(RUNTIME_DIRECTORY / "shims")) <= 42  # containerd's limit for its shims' sockets


def test_the_dns_service_has_the_address_that_the_kubelet_hands_to_pods() -> None:
    documents = list(yaml.safe_load_all((MANIFESTS / "dns.yaml").read_text(encoding="utf-8")))
    service = next(document for document in documents if document["kind"] == "Service")
    deployment = next(document for document in documents if document["kind"] == "Deployment")
    configuration = json.loads(next(text for path, text in kubelet(Path("/s")).files.items() if path.suffix == ".json"))
    assert service["spec"]["clusterIP"] == str(DNS_SERVICE) == configuration["clusterDNS"][0]
    assert DNS_SERVICE in SERVICE_NETWORK
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == COREDNS_IMAGE


def test_the_api_server_can_vouch_for_aggregated_apis() -> None:
    api_server = part("kube-apiserver")
    assert argument(api_server, "requestheader-client-ca-file") != argument(api_server, "client-ca-file")
    assert argument(api_server, "requestheader-allowed-names") == "front-proxy-client"
    assert argument(api_server, "proxy-client-cert-file").endswith("front-proxy-client.crt")


def test_every_file_that_a_part_writes_is_below_the_state_folder() -> None:
    for one in parts(Path("/state"), Path("/stages")):
        assert all(Path("/state") in path.parents for path in one.files)


def test_a_changed_argument_or_file_changes_a_parts_mark() -> None:
    one = Part("etcd", ("--a",), "", {Path("/f"): "1"})
    assert one.mark == Part("etcd", ("--a",), "", {Path("/f"): "1"}).mark
    assert one.mark != Part("etcd", ("--b",), "", {Path("/f"): "1"}).mark
    assert one.mark != Part("etcd", ("--a",), "", {Path("/f"): "2"}).mark


def test_the_simulated_nodes_carry_gkes_label_taint_and_one_gpu_each() -> None:
    nodes: list[Any] = simulated_node_manifests()
    assert [node["metadata"]["name"] for node in nodes] == ["bulkhead-simulated-l4-0", "bulkhead-simulated-l4-1"]
    for node in nodes:
        assert node["metadata"]["labels"]["cloud.google.com/gke-accelerator"] == "nvidia-l4"
        assert node["spec"]["taints"] == [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]
        assert node["status"]["allocatable"]["nvidia.com/gpu"] == "1"


def test_the_default_storage_class_waits_for_the_pod_and_its_volumes_are_on_the_real_node(tmp_path: Path) -> None:
    storage_class, *volumes = storage_manifests(tmp_path)
    assert storage_class["volumeBindingMode"] == "WaitForFirstConsumer"
    assert len(volumes) == 16
    assert len(list((tmp_path / "volumes").iterdir())) == 16
    assert "bulkhead-node" in json.dumps(volumes[0])


def image(tmp_path: Path) -> OneLayerImage:
    program = tmp_path / "program"
    program.write_bytes(b"#!/bin/true")
    return OneLayerImage("example.invalid/program:1", {"/bin/program": program}, "/bin/program")


def test_an_image_is_the_same_bytes_however_often_it_is_written(tmp_path: Path) -> None:
    one = write_image(image(tmp_path), tmp_path / "1.tar")
    other = write_image(image(tmp_path), tmp_path / "2.tar")
    assert one == other == archive_digest(tmp_path / "1.tar")
    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()
    assert sorted(path.name for path in tmp_path.glob("*.layer")) == []


def test_an_image_runs_as_a_numeric_user_that_is_not_root(tmp_path: Path) -> None:
    assert image(tmp_path).user.partition(":")[0].isdigit()
    assert image(tmp_path).user.partition(":")[0] != "0"


def test_something_that_is_not_an_image_archive_is_refused_by_name(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.tar"
    wrong.write_text("not a tar file", encoding="utf-8")
    with pytest.raises(LabError, match=r"wrong\.tar is not an OCI archive"):
        archive_digest(wrong)


def test_a_lab_process_is_found_by_its_mark_and_ended() -> None:
    child = subprocess.Popen(["sleep", "60"], env={MARK: "some-folder|sleep|0", "PATH": "/bin:/usr/bin"})
    try:
        found = next(process for process in lab_processes() if process.pid == child.pid)
        assert (found.program, found.mark) == ("sleep", "some-folder|sleep|0")
        end([found], patience=5)
        assert not is_alive(found)
    finally:
        child.kill()
        child.wait()


def test_a_process_without_the_mark_is_nobody_s_to_end() -> None:
    child = subprocess.Popen(["sleep", "60"], env={"PATH": "/bin:/usr/bin"})
    try:
        assert child.pid not in {process.pid for process in lab_processes()}
    finally:
        child.kill()
        child.wait()


def test_mounts_with_spaces_in_their_path_are_understood() -> None:
    assert Path("/proc") not in host.mounts_below(Path("/proc"))
    assert host._unescape(r"/a\040b\134c") == r"/a b\c"  # pyright: ignore[reportPrivateUsage]


def test_a_host_record_survives_and_a_broken_one_counts_as_none(tmp_path: Path) -> None:
    record = tmp_path / "host.json"
    observed = host.observe()
    host.save(observed, record)
    assert host.load(record) == observed
    record.write_text('{"boot": ', encoding="utf-8")
    assert host.load(record) is None


def test_without_root_the_lab_refuses_and_says_what_else_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian.os, "geteuid", lambda: 1000)
    with pytest.raises(LabEnvironmentError, match=r"needs root.*Nothing was changed"):
        lifecycle.up(silent)


def test_a_second_lab_on_the_machine_is_refused_with_the_first_ones_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    owner = tmp_path / "owner"
    owner.write_text("/elsewhere/bulkhead/state", encoding="utf-8")
    monkeypatch.setattr(ownership, "_OWNER", owner)
    with pytest.raises(LabEnvironmentError, match=r"BULKHEAD_CACHE=/elsewhere/bulkhead bulkhead lab down"):
        ownership.require_free()


@pytest.mark.parametrize(
    ("interfaces", "message"),
    [
        ([("eth7", "198.18.213.2", 24)], r"the network 198\.18\.213\.0/30 \(interface eth7 has 198\.18\.213\.2\)"),
        ([("bulkhead-lab0", "10.0.0.1", 8)], r"the network interface bulkhead-lab0"),
    ],
)
def test_an_address_or_name_that_is_taken_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, interfaces: list[tuple[str, str, int]], message: str
) -> None:
    listed = [
        {"ifname": name, "addr_info": [{"local": address, "prefixlen": length}]} for name, address, length in interfaces
    ]
    monkeypatch.setattr(network, "_interfaces", lambda: listed)
    with pytest.raises(LabEnvironmentError, match=message):
        network.require_addresses_free()


def test_a_failing_command_says_what_failed_and_the_commands_own_words() -> None:
    with pytest.raises(LabError, match=r"Trying failed.*no such thing"):
        run(["sh", "-c", "echo no such thing >&2; exit 3"], doing="Trying")
    with pytest.raises(LabError, match="is not installed"):
        run(["bulkhead-no-such-command"], doing="Trying")


@pytest.mark.parametrize("command", [["kubectl", "get", "pods"], ["env"]])
def test_a_lab_that_is_not_up_is_one_line_and_exit_code_3(command: list[str]) -> None:
    answer = CliRunner().invoke(cli.lab, command)
    assert answer.exit_code == 3
    assert answer.stdout == ""
    assert answer.stderr.startswith("error: The lab is not up")


def test_the_status_of_a_lab_that_is_not_up_names_every_part_and_exits_1() -> None:
    answer = CliRunner().invoke(cli.lab, ["status", "--json"])
    assert answer.exit_code == 1
    document = json.loads(answer.stdout)
    assert document["up"] is False
    assert {"etcd", "kube-apiserver", "kubelet", "kube-router", "kwok"} <= {
        entry["name"] for entry in document["parts"]
    }


@pytest.fixture
def up_without_an_engine(own_cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Generator[list[str]]:
    """A lab that is up on a machine without Pulumi and Helm; yields the names of what is built."""
    (own_cache / "state").mkdir(parents=True)
    (own_cache / "state" / "kubeconfig").touch()
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "Pulumi.yaml").touch()
    built: list[str] = []

    def ensure(names: list[str], _progress: Progress) -> dict[str, Path]:
        built.extend(names)
        return {}

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(cli, "_PROJECT", tmp_path / "project")
    monkeypatch.setattr(cli.binaries, "ensure", ensure)
    monkeypatch.setattr(charts_link, "ensure_charts", lambda _progress: own_cache / "charts")  # pyright: ignore[reportUnknownArgumentType, reportUnknownLambdaType]
    # The choice is made once in a process: neither one made before may answer here, nor this one later.
    choose.cache_clear()
    yield built
    choose.cache_clear()


def test_env_builds_the_engine_that_is_missing_and_links_the_charts(
    up_without_an_engine: list[str], own_cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cli, "_engine_environment", lambda: {"PULUMI_HOME": "/home"})
    answer = CliRunner().invoke(cli.lab, ["env"])
    assert (answer.exit_code, up_without_an_engine) == (0, ["pulumi", "helm"])
    assert "export PULUMI_HOME=/home\n" in answer.stdout
    assert (tmp_path / "project" / ".charts").readlink() == own_cache / "charts"


@pytest.mark.usefixtures("up_without_an_engine")
def test_env_without_an_engine_that_fits_is_one_line_and_exit_code_2() -> None:
    answer = CliRunner().invoke(cli.lab, ["env"])
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr.startswith("error: there is no Pulumi command line that fits")


def ignore(*_arguments: object) -> None:
    pass


def test_taking_down_a_lab_drops_the_engines_state_of_its_stacks_and_of_no_other(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(debian.os, "geteuid", lambda: 0)
    monkeypatch.setattr(ownership, "LOCK", tmp_path / "lock")
    monkeypatch.setattr(ownership, "_OWNER", tmp_path / "owner")
    # A lab that really runs on this machine is none of this test's business.
    monkeypatch.setattr(lifecycle, "lab_processes", list)
    monkeypatch.setattr(lifecycle.network, "remove", lambda: None)
    for function in ("kill_containers", "remove_cgroups", "unmount_below", "restore"):
        monkeypatch.setattr(host, function, ignore)
    (own_cache / "pulumi/state/lab/.pulumi").mkdir(parents=True)
    (own_cache / "pulumi/state/elsewhere").mkdir()
    said: list[str] = []
    lifecycle.down(said.append)
    assert [entry.name for entry in (own_cache / "pulumi/state").iterdir()] == ["elsewhere"]
    assert said[1:] == ["dropping the engine's state of the stacks that were on this cluster"]


def test_kubectl_gets_every_word_as_it_is_and_its_exit_code_is_kept(own_cache: Path) -> None:
    (own_cache / "state").mkdir(parents=True)
    (own_cache / "state" / "kubeconfig").touch()
    (own_cache / "bin").mkdir()
    kubectl = own_cache / "bin" / "kubectl"
    kubectl.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {own_cache}/words\nexit 7\n', encoding="ascii")
    kubectl.chmod(0o755)
    answer = CliRunner().invoke(cli.lab, ["kubectl", "exec", "pod", "--", "ls", "--help", "-o", "x y"])
    assert answer.exit_code == 7
    words = (own_cache / "words").read_text(encoding="utf-8").splitlines()
    assert words[1:] == ["exec", "pod", "--", "ls", "--help", "-o", "x y"]


def test_a_machine_that_cannot_carry_the_lab_is_exit_code_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian.os, "geteuid", lambda: 1000)
    answer = CliRunner().invoke(cli.lab, ["up"])
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr.count("\n") == 1


def test_an_unknown_command_is_bad_usage() -> None:
    assert CliRunner().invoke(cli.lab, ["sideways"]).exit_code == 2


def test_the_state_folder_is_where_the_cluster_is_found() -> None:
    assert lifecycle.cluster().kubeconfig == paths.state_directory() / "kubeconfig"
    assert lifecycle.cluster().context == "bulkhead-lab"


def looked_at(monkeypatch: pytest.MonkeyPatch, there: list[bool], answers: list[bool]) -> None:
    """Wait for a part that is or is not there, and does or does not answer, look by look."""

    def one_by_one(found: list[bool]) -> Callable[[Part], bool]:
        left = iter(found)

        def look(_part: Part) -> bool:
            return next(left, False)

        return look

    monkeypatch.setattr("lab.cluster.parts._is_there", one_by_one(there))
    monkeypatch.setattr("lab.cluster.parts.is_ready", one_by_one(answers))
    wait_until_ready(Part("sleeper", ("60",), "http://127.0.0.1:1/healthz"))


def test_a_part_that_is_just_becoming_its_program_has_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at(monkeypatch, there=[False, False, True, False], answers=[False] * 4 + [True])


def test_a_part_that_stays_away_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LabError, match="ended by itself"):
        looked_at(monkeypatch, there=[], answers=[])
