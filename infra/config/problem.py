"""Problems with a document before their place in it is put into words."""

from dataclasses import dataclass

from infra.config.paths import Location


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a document.

    Attributes:
        location: Where: the full key first, then keys and indexes. It need not exist in the document: what is missing
            has the location that it would have.
        wrong: What is wrong there; never holds a secret's value.
        follows: What would follow if the program went on.
        write: What to write instead.
    """

    location: Location
    wrong: str
    follows: str
    write: str
