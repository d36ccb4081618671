"""Controllers under version 2 of control groups, on a tree of files that answers as the kernel does."""

from pathlib import Path

import pytest

from lab.cluster import controllers, host
from lab.cluster.addresses import CGROUP
from lab.errors import LabError

AVAILABLE = "cpuset cpu io memory pids rdma"


class Kernel:
    """A hierarchy of version 2 in a folder: what is written to `cgroup.subtree_control` takes effect below it."""

    def __init__(self, root: Path, handed_down: str) -> None:
        self.root = root
        self.written: list[str] = []
        self.refused = ""
        self.fill(root, AVAILABLE, handed_down)

    def fill(self, group: Path, available: str, handed_down: str = "") -> None:
        """Give a group the files that the kernel puts there."""
        (group / "cgroup.controllers").write_text(f"{available}\n")
        (group / "cgroup.subtree_control").write_text(f"{handed_down}\n")
        (group / "cgroup.procs").touch()

    def write(self, setting: Path, text: str) -> None:
        """Take one `+controller` or `-controller`."""
        self.written.append(f"{setting.parent.relative_to(self.root)} {text}")
        if text[1:] == self.refused:
            raise OSError(16, "Device or resource busy")
        now = set(setting.read_text().split())
        now = now | {text[1:]} if text[0] == "+" else now - {text[1:]}
        setting.write_bytes(" ".join(sorted(now)).encode())
        for group in (path for path in setting.parent.iterdir() if path.is_dir()):
            (group / "cgroup.controllers").write_bytes(" ".join(sorted(now)).encode())


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kernel:
    made = Kernel(tmp_path, "cpu memory")
    write, mkdir = Path.write_text, Path.mkdir

    def write_text(path: Path, text: str, **options: str) -> int:
        if path.name == "cgroup.subtree_control" and text[0] in "+-":
            made.write(path, text)
            return len(text)
        return write(path, text, **options)

    def make(path: Path, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        is_group = tmp_path in path.parents and not path.exists()
        mkdir(path, mode, parents, exist_ok)
        if is_group:
            made.fill(path, (path.parent / "cgroup.subtree_control").read_text().strip())

    monkeypatch.setattr(Path, "write_text", write_text)
    monkeypatch.setattr(Path, "mkdir", make)
    monkeypatch.setattr(host, "_CGROUPS", tmp_path)
    return made


def words(setting: Path) -> set[str]:
    return set(setting.read_text().split())


def test_the_group_above_the_pods_gets_every_needed_controller_that_the_kernel_has(kernel: Kernel) -> None:
    host.create_cgroups()
    needed = {"cpu", "cpuset", "memory", "pids"}
    assert words(kernel.root / CGROUP / "cgroup.controllers") == needed
    assert words(kernel.root / CGROUP / "cgroup.subtree_control") == needed


def test_what_is_handed_down_already_is_left_alone(kernel: Kernel) -> None:
    host.create_cgroups()
    assert [line for line in kernel.written if line.startswith(". ")] == [". +cpuset", ". +pids"]
    kernel.written.clear()
    host.create_cgroups()
    assert kernel.written == []


def test_what_was_handed_down_earlier_is_recorded_and_only_the_rest_is_taken_back(kernel: Kernel) -> None:
    before = host.observe()
    assert before.controllers == ["cpu", "memory"]
    host.create_cgroups()
    controllers.take_back(kernel.root, before.controllers or [])
    assert words(kernel.root / "cgroup.subtree_control") == {"cpu", "memory"}


def test_a_controller_that_another_group_came_to_use_stays(kernel: Kernel) -> None:
    host.create_cgroups()
    kernel.refused = "pids"
    controllers.take_back(kernel.root, ["cpu", "memory"])
    assert words(kernel.root / "cgroup.subtree_control") == {"cpu", "memory", "pids"}


def test_a_refusal_names_the_controller_and_the_group(kernel: Kernel) -> None:
    kernel.refused = "cpuset"
    with pytest.raises(LabError, match=rf"{kernel.root} cannot hand the controller cpuset .*resource busy"):
        host.create_cgroups()


def test_all_pods_together_weigh_as_many_processes_as_there_are_cores(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    host.create_cgroups()
    weight = kernel.root / CGROUP / "cpu.weight"
    weight.touch()
    host.create_cgroups()
    assert weight.read_text() == "800"


def test_under_version_1_there_is_nothing_to_hand_down(tmp_path: Path) -> None:
    assert controllers.handed_down(tmp_path) is None


def test_a_record_from_before_controllers_were_recorded_is_still_a_record(tmp_path: Path) -> None:
    record = tmp_path / "host.json"
    record.write_text('{"boot": "b", "settings": {}, "missing_places": []}', encoding="utf-8")
    assert host.load(record) == host.Host("b", {}, [], controllers=None)
