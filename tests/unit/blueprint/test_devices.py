"""Paths by which GPUs are reached, in every spelling that a kernel or a runtime takes for the same."""

import posixpath
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.blueprint.devices import BACKWARDS, DEVICE_FILES, DEVICE_FOLDERS, DEVICE_MOUNTS, spelled

SEPARATORS = st.lists(st.sampled_from(["/", "./"]), max_size=4).map("".join)


@st.composite
def spellings(draw: st.DrawFn, path: str) -> str:
    """The same path with slashes and single dots between its names, perhaps without a slash in front."""
    first, *rest = path.strip("/").split("/")
    return draw(SEPARATORS) + first + "".join(f"/{draw(SEPARATORS)}{part}" for part in rest)


@given(spellings(f"{DEVICE_MOUNTS}/all"), spellings(f"{DEVICE_FILES}0"))
def test_no_spelling_of_a_path_hides_it(mount: str, file: str) -> None:
    assert re.search(spelled(DEVICE_MOUNTS), mount)
    assert re.search(spelled(DEVICE_FILES), file)


@given(st.text(alphabet="/.devnia", max_size=12).filter(lambda path: path and ".." not in path.split("/")))
def test_folders_of_device_files_are_those_that_a_kernel_takes_for_them(path: str) -> None:
    absolute = re.sub("^/+", "/", posixpath.normpath(f"/{path}"))
    assert bool(re.search(DEVICE_FOLDERS, path)) is (absolute in {"/", "/dev"})


@pytest.mark.parametrize("path", ["/dev/fuse", "/device", "/", "/var/run", "/srv/var/run/nvidia-container-devices", ""])
def test_other_paths_are_nobodys_business(path: str) -> None:
    assert not re.search(spelled(DEVICE_MOUNTS), path)
    assert not re.search(spelled(DEVICE_FILES), path)


def test_where_no_volume_is_of_the_node_there_is_no_folder() -> None:
    """A volume of another kind has no such path, which policies read as an empty one."""
    assert not re.search(DEVICE_FOLDERS, "")


@pytest.mark.parametrize("path", ["..", "/a/../b", "../a", "/a/.."])
def test_a_way_back_is_told(path: str) -> None:
    assert re.search(BACKWARDS, path)


@pytest.mark.parametrize("path", ["/a..b", "/...", "/.a", "/a."])
def test_dots_in_names_lead_nowhere(path: str) -> None:
    assert not re.search(BACKWARDS, path)
