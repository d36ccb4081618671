"""What keeps an audit from doing its work."""


class AuditImpossibleError(Exception):
    """The audit could not be done; says what was wrong, what follows, and what to do, in one text."""

    def __init__(self, wrong: str, do: str) -> None:
        super().__init__(f"{wrong}\n    what follows: nothing is proven, and nothing was left behind\n    do: {do}")
