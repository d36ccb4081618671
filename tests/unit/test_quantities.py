"""Amounts as Kubernetes writes them, read by one module for all rooms."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.config import forms
from infra.quantities import amount, mebibytes, whole


@pytest.mark.parametrize(
    ("quantity", "number"),
    [
        ("2", Fraction(2)),
        ("500m", Fraction(1, 2)),
        ("1.5", Fraction(3, 2)),
        ("1k", Fraction(1000)),
        ("3M", Fraction(3 * 10**6)),
        ("1Ki", Fraction(1024)),
        ("16Gi", Fraction(16 * 2**30)),
        ("2Ti", Fraction(2**41)),
    ],
)
def test_a_quantity_is_a_number_times_its_unit(quantity: str, number: Fraction) -> None:
    assert amount(quantity) == number


@pytest.mark.parametrize("text", ["", "Gi", "-1", "1 Gi", "1gi", "1GiB", "one", "1.", "\u0661", "1Gi\n"])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        amount(text)


def test_what_is_left_over_of_one_is_not_counted() -> None:
    assert (whole("2500m"), whole("999m"), whole("1.5Ki")) == (2, 0, 1536)


def test_mebibytes_hold_the_size_also_where_it_is_no_multiple() -> None:
    assert (mebibytes("1Gi"), mebibytes("500Mi"), mebibytes("1M"), mebibytes("1")) == (1024, 500, 1, 1)


@given(st.from_regex(forms.BYTES.pattern, fullmatch=True) | st.from_regex(forms.CPUS.pattern, fullmatch=True))
def test_whatever_a_stack_file_may_say_is_a_quantity(text: str) -> None:
    assert amount(text) > 0
