"""Pins: exact versions, and none below its own floor."""

import re

import pytest

from infra.pins import FLOORS, IMAGES, KUEUE_CHART, POD_SECURITY_VERSION

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


def test_an_advisory_that_is_fixed_for_gpus_is_named_where_it_is_open() -> None:
    assert FLOORS["vLLM on GPUs"].advisory in FLOORS["vLLM on CPUs"].open
