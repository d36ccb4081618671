"""Paths by which GPUs are reached, in every spelling that a kernel or a runtime takes for the same."""

import posixpath
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.blueprint.devices import (
    BACKWARDS,
    DEVICE_FILES,
    DEVICE_FOLDERS,
    DEVICE_MOUNTS,
    GKE_SHARING_LABELS,
    PLUGIN_CONFIG_LABEL,
    PRODUCT_LABEL,
    UNSHARED_LABELS,
    WHOLE_GPU,
    mig_resource,
    spelled,
)
from infra.blueprint.model import TaintPart

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


def test_labels_and_resources_have_the_names_that_nvidia_and_gke_document() -> None:
    assert (WHOLE_GPU, mig_resource("1g.10gb")) == ("nvidia.com/gpu", "nvidia.com/mig-1g.10gb")
    assert (PRODUCT_LABEL, PLUGIN_CONFIG_LABEL) == ("nvidia.com/gpu.product", "nvidia.com/device-plugin.config")
    assert UNSHARED_LABELS == {
        "nvidia.com/gpu.replicas": "1",
        "nvidia.com/gpu.sharing-strategy": "none",
        "nvidia.com/mps.capable": "false",
    }
    assert set(GKE_SHARING_LABELS) == {
        "cloud.google.com/gke-gpu-sharing-strategy",
        "cloud.google.com/gke-max-shared-clients-per-gpu",
    }


@pytest.mark.parametrize("effect", ["NoSchedule", "PreferNoSchedule", "NoExecute"])
def test_gke_spells_the_effect_of_a_taint_in_capitals(effect: str) -> None:
    capitals = re.sub("(?<!^)([A-Z])", r"_\1", effect).upper()

    assert TaintPart("example.com/key", "value", effect).gke_effect == capitals
