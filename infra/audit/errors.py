"""What keeps an audit from doing its work."""

from infra.faults import CommandFailedError, Fault


def impossible(wrong: str, instead: str) -> CommandFailedError:
    """The error of an audit that could not be done; by then whatever it had made has been removed.

    Args:
        wrong: What was wrong; never holds a secret.
        instead: What to do.
    """
    return CommandFailedError("bulkhead", [Fault("audit", wrong, "nothing is proven", instead)])


def left_behind(objects: str, instead: str) -> CommandFailedError:
    """The error of an audit whose own objects would not go."""
    return CommandFailedError("bulkhead", [Fault("audit", objects, "objects without use stay on the cluster", instead)])
