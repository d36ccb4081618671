"""`bulkhead images`: everything that a stack pulls, in three formats."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result

from infra import pins

Bulkhead = Callable[..., Result]


MIRROR = "mirror.example/all"


def mirrored(project: Path, mirror: str | None = MIRROR, **trust: Any) -> None:
    file = project / "Pulumi.local.yaml"
    document = yaml.safe_load(file.read_text())
    document["config"]["bulkhead:sources"] = {"mirror": mirror} if mirror else {}
    document["config"]["bulkhead:trust"].update(trust)
    file.write_text(yaml.safe_dump(document))


def test_the_list_is_one_upstream_reference_a_line(bulkhead: Bulkhead, project: Path) -> None:
    mirrored(project)

    lines = bulkhead("images", "--format", "list").stdout.splitlines()

    assert pins.LITELLM_IMAGE.reference() in lines
    assert f"{pins.KUEUE_CHART.url()}:{pins.KUEUE_CHART.version}" in lines
    assert not any("mirror.example" in line for line in lines)


def test_one_setting_points_every_image_and_chart_at_the_mirror(bulkhead: Bulkhead, project: Path) -> None:
    mirrored(project)

    document = json.loads(bulkhead("images", "--json").stdout)

    references = [artifact["reference"].removeprefix("oci://") for artifact in document["artifacts"]]
    assert len(references) > 4
    assert all(reference.startswith("mirror.example/all/") for reference in references)


@pytest.mark.parametrize("mirror", [None, MIRROR])
def test_kyvernos_images_are_listed_where_its_chart_is_not_at_hand(
    bulkhead: Bulkhead, project: Path, mirror: str | None
) -> None:
    mirrored(project, mirror, tier="governed")

    artifacts = json.loads(bulkhead("images", "--json").stdout)["artifacts"]

    found = {artifact["reference"]: artifact for artifact in artifacts}
    for pin in (pins.KYVERNO_IMAGE, pins.KYVERNO_INIT_IMAGE):
        listed = found[pin.reference(mirror)]
        assert (listed["upstream"], listed["reason"]) == (pin.reference(), pin.reason)
        assert listed["used_by"] == ["chart kyverno"]


def test_a_chart_that_cannot_be_looked_into_is_said_on_standard_error(bulkhead: Bulkhead, project: Path) -> None:
    mirrored(project)

    result = bulkhead("images", "--json")

    assert "images of the chart's own defaults are not" in result.stderr
    assert json.loads(result.stdout)["unread"]


@pytest.mark.usefixtures("project")
def test_every_pinned_image_of_the_table_names_what_runs_it(bulkhead: Bulkhead) -> None:
    result = bulkhead("images")

    assert result.exit_code == 0
    assert "StatefulSet bulkhead-gateway/database" in " ".join(result.stdout.split())


@pytest.mark.usefixtures("project")
def test_an_unsound_posture_as_json_is_the_postures_own_document(bulkhead: Bulkhead) -> None:
    result = bulkhead("images", "--stack", "unsound", "--json")

    assert result.exit_code == 1
    assert "nothing was changed" in result.stderr
    assert json.loads(result.stdout) == json.loads(bulkhead("posture", "--stack", "unsound", "--json").stdout)
