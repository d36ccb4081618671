"""The generated pages of docs/reference: complete, and as fresh as the code."""

from pathlib import Path
from typing import cast

import pytest

from infra.cli.reference import FOLDER, pages
from infra.config.schema import stack_file_schema
from infra.report.markdown import table
from infra.report.stack_file_reference import stack_file_reference

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_committed_page_is_what_the_code_says(name: str):
    committed = (ROOT / FOLDER / name).read_text(encoding="utf-8")
    assert committed == pages()[name], "run `bulkhead reference`"


def test_no_committed_dashboard_is_left_of_one_that_is_gone():
    committed = {f"dashboards/{path.name}" for path in (ROOT / FOLDER / "dashboards").iterdir()}
    assert committed == {name for name in pages() if name.startswith("dashboards/")}


def test_the_page_of_accelerators_has_every_mig_size_and_the_page_of_versions_what_is_open():
    assert (
        "| `nvidia-tesla-a100` | `1g.5gb`: 7, `2g.10gb`: 3, `3g.20gb`: 2, `7g.40gb`: 1 |" in pages()["accelerators.md"]
    )
    assert "| vLLM on CPUs | 0.32.0 |" in pages()["pins.md"]
    assert "GHSA-5r3c-5x4v-8gjh, fixed in 0.33.0, is open here" in pages()["pins.md"]


def test_every_control_has_its_section():
    text = pages()["controls.md"]
    for control in ("AC1", "SR1", "NS1", "KV1", "HW3"):
        assert f"### {control}: " in text


def test_every_property_of_the_schema_has_its_row():
    text = pages()["stack-file.md"]
    for name, definition in cast("dict[str, dict[str, object]]", stack_file_schema()["$defs"]).items():
        for key in cast("dict[str, object]", definition.get("properties", {})):
            if key != "kind":
                assert f".{key}` |" in text, f"{name}.{key}"


@pytest.mark.parametrize(
    "row",
    [
        "| `bulkhead:trust.tier` | `trusted`, `governed`, `partitioned`, `adversarial` | `trusted` |",
        "| `bulkhead:pools[].nodes.max` | integer from 1 to 1000 | **required** |",
        "| `bulkhead:pools[].partition` | by `kind`: `whole`, `mig`, `time_slicing` | `{kind: whole}` |",
        "| `bulkhead:tenants[].gpu_quota` | integer from 0 to 100000 or map of name to integer from 0",
        "| `bulkhead:cluster.project` | string | **required** | With `kind: gke`: ",
    ],
)
def test_a_row_gives_key_type_default_and_meaning(row: str):
    assert row in pages()["stack-file.md"]


def test_an_unknown_kind_of_schema_still_has_its_row():
    schema = {"properties": {"config": {"properties": {"bulkhead:x": {"type": "string", "description": "X."}}}}}
    assert "| `bulkhead:x` | string |  | X. |" in stack_file_reference(schema)


def test_a_cell_cannot_break_its_table():
    assert table(["a"], [["x | y\nz"]]) == "| a |\n| --- |\n| x \\| y z |"
