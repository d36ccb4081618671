"""Label selectors as Kubernetes reads them."""

from typing import Any

import pytest

from infra.audit.offline.selectors import selects

LABELS = {"zone": "a", "kept": "yes"}


def expression(operator: str, key: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": [*values]} if values else {})}]}


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({}, True),
        ({"matchLabels": {"zone": "a"}}, True),
        ({"matchLabels": {"zone": "b"}}, False),
        ({"matchLabels": {"zone": "a", "other": "b"}}, False),
        (expression("In", "zone", "a", "b"), True),
        (expression("In", "zone", "b"), False),
        (expression("In", "other", "a"), False),
        (expression("NotIn", "zone", "a", "b"), False),
        (expression("NotIn", "zone", "b"), True),
        (expression("NotIn", "other", "a"), True),
        (expression("Exists", "zone"), True),
        (expression("Exists", "other"), False),
        (expression("DoesNotExist", "zone"), False),
        (expression("DoesNotExist", "other"), True),
        ({"matchLabels": {"zone": "a"}, **expression("DoesNotExist", "kept")}, False),
    ],
    ids=str,
)
def test_a_selector_selects_what_meets_all_of_it(selector: dict[str, Any], selected: bool) -> None:
    assert selects(selector, LABELS) is selected
