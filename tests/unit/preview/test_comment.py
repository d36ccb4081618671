"""Fitting a comment: what matters least is shortened first, the limit always holds, and what is left out is said."""

from hypothesis import given
from hypothesis import strategies as st

from infra.report.comment import LEFT_OUT, Block, fitted, size

LONG, SHORT = "x" * 100, "y" * 10


def test_what_fits_is_shown_in_full() -> None:
    assert fitted([Block((LONG, SHORT), 0), Block((LONG,), 1)], 1000) == f"{LONG}\n\n{LONG}"


def test_the_lower_rank_is_shortened_first_and_then_the_larger_block() -> None:
    blocks = [Block((LONG, SHORT), 1), Block((LONG, SHORT), 0), Block((LONG + LONG, SHORT), 0)]

    text = fitted(blocks, size(LEFT_OUT) + 250)

    assert text == "\n\n".join([LONG, LONG, SHORT, LEFT_OUT])


def test_a_block_is_shortened_step_by_step() -> None:
    text = fitted([Block((LONG * 3, "z" * 50, SHORT), 0)], size(LEFT_OUT) + 60)

    assert text == "\n\n".join(["z" * 50, LEFT_OUT])


def test_what_cannot_be_shortened_is_cut_at_a_lines_end() -> None:
    lines = "\n".join(["line"] * 100)

    text = fitted([Block((lines,), 0)], size(LEFT_OUT) + 22)

    assert text == "\n".join(["line"] * 4) + f"\n\n{LEFT_OUT}"


@given(
    st.lists(
        st.builds(
            Block,
            st.lists(st.text(max_size=200), min_size=1, max_size=4).map(
                lambda texts: tuple(sorted(texts, key=size, reverse=True))
            ),
            st.integers(0, 3),
        ),
        max_size=12,
    ),
    st.integers(200, 2000),
)
def test_the_limit_holds_whatever_the_blocks_are(blocks: list[Block], limit: int) -> None:
    text = fitted(blocks, limit)

    assert size(text) <= limit
    assert text == fitted(blocks, limit)
