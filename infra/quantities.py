"""Amounts as Kubernetes writes them, as `500m`, `16Gi` or `1k`, and what they are as numbers.

Source: Kubernetes' package `resource` (`Quantity`); nothing here is counted below thousandths or above `T` and `Ti`.
"""

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType

_UNITS: Mapping[str, Fraction] = MappingProxyType(
    {
        "m": Fraction(1, 1000),
        "": Fraction(1),
        **{unit: Fraction(1000**power) for power, unit in enumerate(("k", "M", "G", "T"), start=1)},
        **{unit: Fraction(1024**power) for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti"), start=1)},
    }
)
_QUANTITY = re.compile(r"(?P<number>[0-9]+(\.[0-9]+)?)(?P<unit>[A-Za-z]*)", re.ASCII)
_MEBIBYTE = 1024**2


def amount(quantity: str) -> Fraction:
    """What a quantity comes to, exactly.

    Raises:
        ValueError: It is none, or has a unit that is not known here.
    """
    match = _QUANTITY.fullmatch(quantity)
    if match is None or match["unit"] not in _UNITS:
        raise ValueError(f"this is no quantity: {quantity!r}")
    return Fraction(match["number"]) * _UNITS[match["unit"]]


def whole(quantity: str) -> int:
    """A quantity as a whole number, as of bytes or of devices: what is left over of one is not counted.

    Raises:
        ValueError: It is none, or has a unit that is not known here.
    """
    return math.floor(amount(quantity))


def mebibytes(size: str) -> int:
    """MiB that hold a size.

    Raises:
        ValueError: It is no quantity, or has a unit that is not known here.
    """
    return math.ceil(amount(size) / _MEBIBYTE)
