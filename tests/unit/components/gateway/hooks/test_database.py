"""Which failures of the database cost a row of the spend log, and which are waited out."""

import pytest

from components.gateway.hooks.database import is_refused_data, is_unreachable, judge_by_codes


@pytest.mark.parametrize(("code", "state"), [("P1001", None), ("P1017", None), (None, "57P01"), (None, "08006")])
def test_a_server_that_is_away_is_waited_for_and_no_row_is_dropped(code: str | None, state: str | None) -> None:
    assert is_unreachable(code, state)
    assert not is_refused_data(code, state)


@pytest.mark.parametrize("state", ["53100", "53200", "58030", "25006", "XX000"])
def test_a_server_that_cannot_write_is_there_and_no_row_is_dropped(state: str) -> None:
    assert not is_unreachable(None, state)
    assert not is_refused_data(None, state)


@pytest.mark.parametrize("state", ["22021", "23502", None])
def test_data_that_would_be_refused_for_ever_are_dropped_lest_they_hold_up_the_rest(state: str | None) -> None:
    assert is_refused_data(None, state)


class FailureError(Exception):
    def __init__(self, code: str | None = None, state: str | None = None, words: str = "") -> None:
        super().__init__(words)
        self.code = code
        self.state = state


class Handler:
    """LiteLLM's, as far as it is touched."""

    @staticmethod
    def is_database_transport_error(error: Exception) -> bool:
        return "refused" in str(error)

    @staticmethod
    def is_database_connection_error(error: Exception) -> bool:
        return isinstance(error, ConnectionError)

    @staticmethod
    def is_prisma_data_error(error: Exception) -> bool:
        return isinstance(error, FailureError)

    @staticmethod
    def postgres_sqlstate(error: Exception) -> str | None:
        return error.state if isinstance(error, FailureError) else None


def test_what_litellm_knows_by_words_it_goes_on_knowing() -> None:
    class Judged(Handler):
        pass

    judge_by_codes(Judged)
    assert Judged.is_database_transport_error(FailureError(words="connection refused"))
    assert Judged.is_database_transport_error(FailureError("P1017"))
    assert not Judged.is_database_transport_error(FailureError(state="22021"))
    assert not Judged.is_database_transport_error(ValueError("else"))
    assert Judged.is_prisma_data_error(FailureError(state="22021"))
    assert not Judged.is_prisma_data_error(FailureError(state="53100"))
    assert not Judged.is_prisma_data_error(ValueError("else"))


def test_a_server_that_cannot_be_reached_is_an_outage_whatever_class_its_error_has() -> None:
    """What LiteLLM asks before it serves on without a database; what it refuses for good stays refused."""

    class Judged(Handler):
        pass

    judge_by_codes(Judged)
    assert Judged.is_database_connection_error(FailureError("P1001"))
    assert Judged.is_database_connection_error(ConnectionRefusedError())
    assert not Judged.is_database_connection_error(FailureError(state="22021"))
    assert not Judged.is_database_connection_error(FailureError("P2025"))
    assert not Judged.is_database_connection_error(ValueError("else"))


def test_another_litellm_is_noticed_when_it_starts() -> None:
    with pytest.raises(AttributeError):
        judge_by_codes(object())
