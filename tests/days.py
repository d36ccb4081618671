"""Days for what is judged by the real clock, as everything is that the command line and the engine run."""

import datetime


def in_days(days: int) -> str:
    """The day that comes so many days after today, as a stack file has it."""
    return (datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=days)).isoformat()
