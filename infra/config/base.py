"""What every part of a stack file has in common: strictness, names, quantities."""

import datetime
import re
from typing import Annotated, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

from infra.config import forms

Name = Annotated[str, StringConstraints(pattern=forms.NAME.pattern, max_length=forms.NAME_MAX_LENGTH)]
"""A name of ours that becomes part of Kubernetes object names: a DNS label that starts with a letter."""

NamespaceName = Annotated[str, StringConstraints(pattern=forms.NAMESPACE.pattern, max_length=63)]
"""A namespace of the cluster, whoever made it: a DNS label (RFC 1123)."""

ObjectName = Annotated[str, StringConstraints(pattern=forms.OBJECT_NAME.pattern, max_length=253)]
"""The name of an object of the cluster, whoever made it: a DNS subdomain (RFC 1123)."""

Cpus = Annotated[str, StringConstraints(pattern=forms.CPUS.pattern)]
"""A Kubernetes quantity of CPUs, as `500m` or `2`."""

Bytes = Annotated[str, StringConstraints(pattern=forms.BYTES.pattern)]
"""A Kubernetes quantity of memory or storage with its unit, as `16Gi`."""

Network = Annotated[str, StringConstraints(pattern=forms.NETWORK.pattern)]
"""A network as 10.20.0.0/24; a single address has /32."""

LabelKey = Annotated[str, StringConstraints(pattern=forms.LABEL_KEY.pattern, max_length=253 + 1 + 63)]
"""A label's key: a name with an optional DNS subdomain before it, as example.com/pool."""

LabelValue = Annotated[str, StringConstraints(pattern=forms.LABEL_VALUE.pattern)]
"""A label's value: at most 63 letters, digits, `-`, `_` and `.`."""

_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})( 00:00:00 \+0000 UTC|T00:00:00Z)?", re.ASCII)


def _day(value: object) -> object:
    written = _DAY.fullmatch(value) if isinstance(value, str) else None
    try:
        return datetime.date.fromisoformat(written[1]) if written else value
    except ValueError:
        return value


Day = Annotated[datetime.date, BeforeValidator(_day)]
"""A day of the calendar. The engine hands on an unquoted day as Go writes it: `2026-12-31 00:00:00 +0000 UTC`."""


class StackFilePart(BaseModel):
    """A part of a stack file: unknown keys are refused, nothing is coerced, nothing changes after loading.

    `hide_input_in_errors` keeps what a user typed, which may be a secret in the wrong place, out of messages.
    """

    shown_in_examples: ClassVar[frozenset[str]] = frozenset()
    """Keys that an example holds beside those that are required: what is written like it would be refused without."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )
