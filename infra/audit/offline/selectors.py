"""Kubernetes' label selectors. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, cast


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector selects what has these labels; an empty one selects everything.

    Args:
        selector: `matchLabels` and `matchExpressions`, of which all have to be met.
        labels: The labels.

    Raises:
        KeyError: An expression has an operator that Kubernetes does not know.
    """
    wanted = cast("Mapping[str, str]", selector.get("matchLabels") or {})
    expressions = cast("Iterable[Mapping[str, Any]]", selector.get("matchExpressions") or ())
    return wanted.items() <= labels.items() and all(_is_met(one, labels) for one in expressions)


def _is_met(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key = str(expression["key"])
    there, listed = key in labels, labels.get(key) in (expression.get("values") or ())
    # A label that is not there is in no list.
    return {"In": there and listed, "NotIn": not (there and listed), "Exists": there, "DoesNotExist": not there}[
        expression["operator"]
    ]
