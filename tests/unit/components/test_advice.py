"""Components tell people which key of the stack file to change, without knowing it: the keys must be real."""

import re
from pathlib import Path

import components
from infra.config.schema import stack_file_schema
from infra.report.stack_file_reference import stack_file_reference

COMPONENTS = Path(components.__path__[0])
KEY = re.compile(r"\bbulkhead:[a-z_]+(?:\[\])?(?:\.[a-z_]+(?:\[\])?)+")
"""A key below a section. Names of resource types and of recorded metrics have no dot, or a capital behind a colon."""
EXAMPLES = {
    "bulkhead:tenants[].subjects",
    "bulkhead:trust.admission.exempt_namespaces",
    "bulkhead:tenants[].budget.usd",
}


def test_every_key_that_a_component_names_is_a_key_of_the_stack_file() -> None:
    """A renamed key would leave its old name in refusals and alerts, where it is read in trouble."""
    named = {key for file in COMPONENTS.rglob("*.py") for key in KEY.findall(file.read_text(encoding="utf-8"))}
    keys = set(re.findall(r"`(bulkhead:[^`]+)`", stack_file_reference(stack_file_schema())))

    assert named >= EXAMPLES
    assert named - keys == set()
