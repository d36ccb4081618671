"""The shape of what `pulumi preview --json` prints, as far as it is read here; what else stands in it is passed over.

Whatever has another shape is refused: a step that nobody understands may be one that deletes.
"""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from infra.plan.urns import Urn


class Operation(StrEnum):
    """The engine's operations (`deploy.StepOp` of the Pulumi repository, read at 3.259)."""

    SAME = "same"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    REPLACE = "replace"
    CREATE_REPLACEMENT = "create-replacement"
    DELETE_REPLACED = "delete-replaced"
    READ = "read"
    READ_REPLACEMENT = "read-replacement"
    REFRESH = "refresh"
    DISCARD = "discard"
    DISCARD_REPLACED = "discard-replaced"
    REMOVE_PENDING_REPLACE = "remove-pending-replace"
    IMPORT = "import"
    IMPORT_REPLACEMENT = "import-replacement"


def _urn(text: str) -> str:
    Urn.parse(text)
    return text


UrnText = Annotated[str, AfterValidator(_urn)]


class _Part(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, extra="ignore", frozen=True, hide_input_in_errors=True, strict=True
    )


class State(_Part):
    """What a resource is before a step, or after it."""

    type: str = Field(min_length=1)
    """Its type token."""
    custom: bool
    """Whether a provider makes it; a component only groups others."""
    inputs: dict[str, Any] = {}
    """Its inputs."""
    parent: UrnText | None = None
    """The URN of what it stands below."""
    protect: bool = False
    """Whether the engine refuses to delete it."""
    retain_on_delete: bool = False
    """Whether it stays in the world when the engine forgets it."""


class Step(_Part):
    """One step of a preview."""

    op: Operation
    """What the engine would do."""
    urn: UrnText
    """The resource's URN."""
    old_state: State | None = None
    """The resource before."""
    new_state: State | None = None
    """The resource afterwards."""
    diff_reasons: list[str] | None = None
    """The inputs that differ."""
    replace_reasons: list[str] | None = None
    """The inputs that force a replacement."""
    detailed_diff: dict[str, Any] | None = None
    """Path of each property that differs → how."""

    @property
    def state(self) -> State | None:
        """The resource afterwards, or before where it goes; None where the step tells neither."""
        return self.new_state or self.old_state


class Diagnostic(_Part):
    """One message of the engine, of a provider or of the program."""

    message: str = ""
    """Its text."""
    severity: str = ""
    """`info`, `warning`, `error`; with `#err` behind it where it went to standard error."""
    urn: str = ""
    """The URN of what it is about; empty where it is about nothing."""


class Document(_Part):
    """A whole preview."""

    steps: list[Step] | None = None
    """What the engine would do; resources that stay as they are stand here only on request."""
    diagnostics: list[Diagnostic] | None = None
    """Messages."""
    change_summary: dict[str, int] | None = None
    """Operation → how many resources it meets; empty where the preview failed early."""
