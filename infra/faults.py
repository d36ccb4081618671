"""Faults: what is wrong with an input, as values that are collected and shown together."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that is wrong with a stack file.

    Attributes:
        path: The key in the stack file, as `bulkhead:tenants[0].models[1]`. It exists in the file, or is the
            nearest parent that does.
        wrong: What is wrong there. Never holds a secret's value.
        follows: What would follow if the program went on.
        write: What to write instead.
    """

    path: str
    wrong: str
    follows: str
    write: str

    def __str__(self) -> str:
        return f"{self.path}: {self.wrong}\n    what follows: {self.follows}\n    write: {self.write}"


class FaultsFoundError(Exception):
    """A stack file was refused; carries every fault, so that one run shows them all.

    Raised only at the edge (the loader's strict entry); inside, faults travel as lists.
    """

    def __init__(self, origin: str, faults: Iterable[Fault]) -> None:
        self.origin = origin
        self.faults = tuple(faults)
        count = len(self.faults)
        heading = f"{origin}: {count} fault{'' if count == 1 else 's'}; nothing was changed."
        super().__init__("\n".join([heading, *(f"  {fault}" for fault in self.faults)]))


class CommandFailedError(FaultsFoundError):
    """A command could not do its work: what it was asked is sound, and the world did not allow it.

    Each fault names what failed instead of a key.
    """
