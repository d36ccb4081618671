"""Filling a manifest's placeholders."""

from collections.abc import Mapping
from string import Template
from typing import Any, cast


class MissingPlaceholderError(Exception):
    """A manifest needs something that this platform does not have, as a second tenant."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


def rendered(value: Any, values: Mapping[str, str]) -> Any:
    """`value` with every `${name}` in its texts and keys replaced; `$$` stands for a dollar sign.

    Raises:
        MissingPlaceholderError: `values` lacks a name.
    """
    if isinstance(value, str):
        try:
            return Template(value).substitute(values)
        except KeyError as error:
            raise MissingPlaceholderError(str(error.args[0])) from error
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {rendered(key, values): rendered(item, values) for key, item in items}
    if isinstance(value, list):
        return [rendered(item, values) for item in cast("list[Any]", value)]
    return value
