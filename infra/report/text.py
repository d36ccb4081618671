"""Text from a stack file or from another program, made safe to print."""

import re
import unicodedata

CONCEALED = "[secret]"
_CREDENTIALS = re.compile(r"(?<=://)[^\s/]+(?=@)")
"""What stands before the last `@` of an address's host: a password may hold one, too."""


def printable(text: str) -> str:
    """`text` with every control and formatting character written as an escape, and each line break as a space.

    An owner or a reason may hold anything; on a terminal, escape sequences and right-to-left marks could rewrite the
    very report that shows them.
    """
    return "".join(_printable(character) for character in text)


def without_credentials(text: str) -> str:
    """`text` with the user and the password of every address in it concealed."""
    return _CREDENTIALS.sub(CONCEALED, text)


def _printable(character: str) -> str:
    if character in "\t\n\r":
        return " "
    if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}:
        return character.encode("unicode_escape").decode("ascii")
    return character
