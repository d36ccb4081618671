"""Which failures of the database are passing ones, so that nothing recorded is dropped for them.

LiteLLM drops a row of its spend log when the database refuses the row's data, and retries when the database is away. It
tells the two apart by words, and the words for a connection that broke, a server that is stopping or starting and a
disk that is full are not among them: those rows were dropped, and callers were told that their key is unknown. Before
it serves on without its database, where that was asked for, it looks at the exception's class alone, which for a server
that cannot be reached is that of data which were refused. Here the codes decide: Prisma's
(https://www.prisma.io/docs/orm/reference/error-reference) and PostgreSQL's classes
(https://www.postgresql.org/docs/current/errcodes-appendix.html).
"""

from collections.abc import Callable
from typing import Any

UNREACHABLE = frozenset({"P1001", "P1002", "P1008", "P1011", "P1017"})
"""Not reached, timed out, no TLS session, connection closed."""
UNREACHABLE_CLASSES = frozenset({"08", "57"})
"""Connection exceptions, and a server that is shutting down or starting up."""
REFUSED_DATA_CLASSES = frozenset({"22", "23"})
"""Values that no column takes, and constraints: the same row would be refused for ever."""


def is_unreachable(code: object, state: str | None) -> bool:
    """Whether nobody answered.

    Args:
        code: Prisma's code, or None.
        state: PostgreSQL's SQLSTATE, or None.
    """
    return code in UNREACHABLE or (state or "")[:2] in UNREACHABLE_CLASSES


def is_refused_data(code: object, state: str | None) -> bool:
    """Whether the data are at fault, as far as is known: without any code they are, as LiteLLM has it."""
    return not is_unreachable(code, state) and (state is None or state[:2] in REFUSED_DATA_CLASSES)


def judge_by_codes(handler: Any) -> None:
    """Have LiteLLM's exception handler judge by codes as well as by words.

    Args:
        handler: LiteLLM's class `PrismaDBExceptionHandler`.

    Raises:
        AttributeError: It is not as this was written for.
    """
    by_words: Callable[[Exception], bool] = handler.is_database_transport_error
    by_class: Callable[[Exception], bool] = handler.is_database_connection_error
    data_error: Callable[[Exception], bool] = handler.is_prisma_data_error
    state_of: Callable[[Exception], str | None] = handler.postgres_sqlstate

    def is_transport_error(error: Exception) -> bool:
        return by_words(error) or is_unreachable(getattr(error, "code", None), state_of(error))

    def is_connection_error(error: Exception) -> bool:
        return by_class(error) or is_unreachable(getattr(error, "code", None), state_of(error))

    def is_data_error(error: Exception) -> bool:
        return data_error(error) and is_refused_data(getattr(error, "code", None), state_of(error))

    handler.is_database_transport_error = staticmethod(is_transport_error)
    handler.is_database_connection_error = staticmethod(is_connection_error)
    handler.is_prisma_data_error = staticmethod(is_data_error)
