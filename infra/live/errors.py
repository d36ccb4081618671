"""A running platform could not be read."""

from infra.faults import CommandFailedError, Fault


def failure(what: str, wrong: str, follows: str, instead: str) -> CommandFailedError:
    """The error that a command ends with.

    Args:
        what: What could not be read, as `cluster dev`.
        wrong: What is wrong with it; never holds a secret.
        follows: What cannot be done for it.
        instead: What to do.
    """
    return CommandFailedError("bulkhead", [Fault(what, wrong, follows, instead)])
