"""What a comment says where there is no preview: every fault, nobody's text taken for markup, and never too long."""

from infra.faults import Fault, FaultsFoundError
from infra.report.comment import COMMENT_LIMIT, LEFT_OUT, size
from infra.report.no_preview_markdown import refused_markdown
from infra.report.preview_markdown import marker

HOSTILE = "x | <b>y</b> @octo/team\n- [z](http://evil.example)"


def refused(*faults: Fault) -> str:
    return refused_markdown("prod", FaultsFoundError("Pulumi.prod.yaml", faults))


def test_every_fault_stands_in_a_row_with_what_follows_and_what_to_write() -> None:
    text = refused(Fault("bulkhead:trust.tier", "no tier", "nothing is judged", "trusted"), Fault("b", "w", "f", "r"))

    assert text.startswith(f"{marker('prod')}\n")
    assert "`Pulumi.prod.yaml` has 2 faults" in text
    assert "| `bulkhead:trust.tier` | `no tier` | `nothing is judged` | `trusted` |" in text
    assert "| `b` | `w` | `f` | `r` |" in text


def test_what_a_fault_quotes_is_no_markup() -> None:
    assert "| `x \\| <b>y</b> @octo/team - [z](http://evil.example)` |" in refused(Fault("a", HOSTILE, "f", "r"))


def test_credentials_in_an_address_that_a_fault_quotes_are_concealed() -> None:
    text = refused(Fault("a", "postgres://llm:open-s@me@db/llm is no address", "f", "r"))

    assert "postgres://[secret]@db/llm" in text
    assert "open-s" not in text


def test_thousands_of_faults_fit_into_a_comment_that_says_how_many_are_left_out() -> None:
    text = refused(*(Fault(f"key-{number}", "w" * 90, "f", "r") for number in range(3000)))

    assert size(text) <= COMMENT_LIMIT
    assert "has 3000 faults" in text
    assert "| `key-0` |" in text
    assert LEFT_OUT in text
