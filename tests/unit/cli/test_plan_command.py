"""`bulkhead plan`: three formats, the shared exit codes, and nothing but the plan on standard output."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import Result

Bulkhead = Callable[..., Result]

pytestmark = pytest.mark.usefixtures("project")


def test_the_table_shows_each_object_below_its_component(bulkhead: Bulkhead) -> None:
    result = bulkhead("plan")

    assert result.exit_code == 0
    assert result.stdout.startswith("Stack local: ")
    for word in ("gateway", "Deployment", "bulkhead-gateway/gateway", "ClusterQueue", "RandomPassword"):
        assert word in result.stdout


def test_json_is_one_document_sorted_by_urn(bulkhead: Bulkhead) -> None:
    result = bulkhead("plan", "--format", "json")

    document = json.loads(result.stdout)
    urns = [resource["urn"] for resource in document["resources"]]
    assert document["stack"] == "local"
    assert urns == sorted(urns)
    assert {"urn", "type", "name", "kind", "options", "inputs"} == set(document["resources"][0])


def test_the_shared_json_option_means_the_json_format(bulkhead: Bulkhead) -> None:
    assert bulkhead("plan", "--json").stdout == bulkhead("plan", "--format", "json").stdout


def test_json_and_another_format_exclude_each_other(bulkhead: Bulkhead) -> None:
    result = bulkhead("plan", "--json", "--format", "yaml")

    assert result.exit_code == 2
    assert "exclude each other" in result.stderr
    assert result.stdout == ""


def test_yaml_is_kubernetes_manifests_and_names_the_chart_that_it_leaves_out(bulkhead: Bulkhead) -> None:
    result = bulkhead("plan", "--format", "yaml")

    manifests = list(yaml.safe_load_all(result.stdout))
    assert result.stdout.startswith("# left out: the objects of chart oci://registry.k8s.io/kueue/charts/kueue 0.19.2")
    assert result.stderr.startswith("bulkhead plan: left out: the objects of chart oci://")
    assert all({"apiVersion", "kind", "metadata"} <= set(manifest) for manifest in manifests)


def test_secrets_print_as_such(bulkhead: Bulkhead) -> None:
    for form in ("json", "yaml"):
        assert "[secret]" in bulkhead("plan", "--format", form).stdout


def test_an_unsound_posture_exits_with_1_and_registers_nothing(bulkhead: Bulkhead) -> None:
    result = bulkhead("plan", "--stack", "unsound")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "SR1" in result.stderr
    assert "nothing was changed" in result.stderr


def test_an_unsound_posture_as_json_is_the_postures_own_document(bulkhead: Bulkhead) -> None:
    result = bulkhead("plan", "--stack", "unsound", "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout) == json.loads(bulkhead("posture", "--stack", "unsound", "--json").stdout)


def test_an_invalid_file_exits_with_2_and_says_why(bulkhead: Bulkhead) -> None:
    result = bulkhead("plan", "--stack", "invalid", "--format", "json")

    assert result.exit_code == 2
    assert "bulkhead:trust.tier" in result.stderr
    assert json.loads(result.stdout)["faults"]


def test_a_stack_file_anywhere_can_be_planned(bulkhead: Bulkhead, project: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "Pulumi.other.yaml"
    elsewhere.parent.mkdir()
    elsewhere.write_text((project / "Pulumi.local.yaml").read_text())

    assert bulkhead("plan", "--stack-file", str(elsewhere)).stdout.startswith("Stack other: ")


def test_a_refusal_names_the_command_that_shows_the_same_file(
    bulkhead: Bulkhead, project: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "candidate.yaml"
    elsewhere.write_text((project / "Pulumi.unsound.yaml").read_text())

    refused = bulkhead("plan", "--stack-file", str(elsewhere))

    assert refused.exit_code == 1
    assert f"`bulkhead posture --stack-file {elsewhere}` shows all of it" in refused.stderr


def test_help_names_the_formats(bulkhead: Bulkhead) -> None:
    assert "--format" in bulkhead("plan", "--help").stdout
    assert "yaml" in bulkhead("plan", "--help").stdout


def test_a_plan_on_an_existing_cluster_never_loads_googles_sdk(tmp_path: Path) -> None:
    code = (
        "import sys; from infra.cli.main import cli;"
        "cli(['plan', '--stack-file', sys.argv[1]], standalone_mode=False);"
        "print(sorted(name for name in sys.modules if name.startswith('pulumi_gcp')))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "Pulumi.local.yaml")],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
        cwd=Path(__file__).parents[3],
    )

    assert run.stdout.rstrip().endswith("[]")
