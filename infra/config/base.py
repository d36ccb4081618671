"""What every part of a stack file has in common: strictness, names, quantities."""

import datetime
import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

NAME_PATTERN = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"
NAME_MAX_LENGTH = 40
"""Characters. A DNS label has 63 (RFC 1123); names here get suffixes, and a GKE node pool's name may have only 40."""

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN, max_length=NAME_MAX_LENGTH)]
"""A name that becomes part of Kubernetes object names: a DNS label that starts with a letter."""

Quantity = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*(m|Ki|Mi|Gi|Ti)?$")]
"""A Kubernetes quantity, as `500m`, `2` or `16Gi`."""

Network = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$")]
"""A network as 10.20.0.0/24; a single address has /32."""

_LABEL_NAME = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"

LabelKey = Annotated[
    str, StringConstraints(pattern=rf"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?{_LABEL_NAME}$", max_length=253 + 1 + 63)
]
"""A label's key: a name with an optional DNS subdomain before it, as example.com/pool."""

LabelValue = Annotated[str, StringConstraints(pattern=rf"^({_LABEL_NAME})?$")]
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

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )
