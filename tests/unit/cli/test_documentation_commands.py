"""`bulkhead schema` and `bulkhead reference`: what they print and write is what is committed."""

from pathlib import Path

from infra.cli.reference import FOLDER, pages
from tests.unit.cli.conftest import Bulkhead

ROOT = Path(__file__).parents[3]


def test_schema_prints_the_committed_schema_byte_for_byte(bulkhead: Bulkhead):
    result = bulkhead("schema")
    assert result.exit_code == 0
    assert result.stdout_bytes == (ROOT / "infra" / "config" / "stack-file.schema.json").read_bytes()


def test_reference_writes_every_page_into_the_project(bulkhead: Bulkhead, project: Path):
    result = bulkhead("reference")
    assert result.exit_code == 0
    written = (path for path in (project / FOLDER).rglob("*") if path.is_file())
    assert {path.relative_to(project / FOLDER).as_posix(): path.read_text() for path in written} == pages()
