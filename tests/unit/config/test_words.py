"""What a word was probably meant to be."""

import pytest

from infra.config.accelerators import Accelerator
from infra.config.words import near_miss


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("nvidia-h100", "nvidia-h100-80gb"),
        ("nvidia-14", "nvidia-l4"),
        ("NVIDIA-L4", "nvidia-l4"),
        ("banana", None),
    ],
)
def test_a_beginning_or_a_slip_of_the_finger_is_recognised(word: str, meant: str | None) -> None:
    assert near_miss(word, list(Accelerator)) == meant
