"""Pins: exact versions, and none below its own floor."""

import re

import pytest

from infra.blueprint.versions import require_version, version_floor
from infra.pins import FLOORS, IMAGES, KUEUE_CHART, LITELLM_FLOOR, POD_SECURITY_VERSION

EXACT = re.compile(r"v?\d+\.\d+(\.\d+)?(-[a-z]+)*")


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_has_an_exact_tag(name: str) -> None:
    assert EXACT.fullmatch(IMAGES[name].tag)
    assert "latest" not in IMAGES[name].reference()


@pytest.mark.parametrize("moving", ["latest", "15-bookworm", "v1", "1.2.x", ""])
def test_a_moving_tag_would_be_seen(moving: str) -> None:
    assert not EXACT.fullmatch(moving)


def test_the_chart_and_the_pod_security_standards_have_a_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", KUEUE_CHART.version)
    assert re.fullmatch(r"v1\.\d+", POD_SECURITY_VERSION)


@pytest.mark.parametrize("name", FLOORS)
def test_no_image_is_below_its_floor(name: str) -> None:
    version, *_variant = IMAGES[name].tag.removeprefix("v").split("-")
    stated = tuple(int(part) for part in version.split("."))

    assert stated >= FLOORS[name].version


@pytest.mark.parametrize("name", FLOORS)
def test_an_image_is_let_through_by_its_own_floor(name: str) -> None:
    require_version(name, IMAGES[name].reference(), version_floor(FLOORS[name]))


@pytest.mark.parametrize(
    ("tag", "reason"),
    [("v1.106.1", "open to CVE-2026-114612"), ("v1.107.0", "reported compromised"), ("1.107.0-nightly", "compromised")],
)
def test_a_litellm_that_is_open_or_reported_compromised_is_refused_with_the_reason(tag: str, reason: str) -> None:
    with pytest.raises(ValueError, match=rf"The gateway: .*{tag}.*{reason}.*1\.106\.2 or newer"):
        require_version("The gateway", f"mirror.example/litellm:{tag}", version_floor(LITELLM_FLOOR))


@pytest.mark.parametrize("tag", ["v1.106.2", "v1.107.1", "1.106.2-stable"])
def test_a_litellm_that_nothing_is_reported_of_is_let_through(tag: str) -> None:
    require_version("The gateway", f"mirror.example/litellm:{tag}", version_floor(LITELLM_FLOOR))


@pytest.mark.parametrize("name", FLOORS)
def test_a_version_that_is_refused_beside_a_floor_is_above_it(name: str) -> None:
    assert all(version > FLOORS[name].version for version, _reason in FLOORS[name].refused)


def test_an_advisory_that_is_fixed_for_gpus_is_named_where_it_is_open() -> None:
    assert FLOORS["vLLM on GPUs"].advisory in FLOORS["vLLM on CPUs"].open
