"""Words for messages: lists, near misses, and letters that look like others."""

import difflib
import unicodedata
from collections.abc import Collection, Iterable, Sequence

_LOOK_ALIKES = str.maketrans(
    {
        "\u0430": "a", "\u0435": "e", "\u043e": "o", "\u0440": "p", "\u0441": "c", "\u0443": "y", "\u0445": "x",
        "\u0455": "s", "\u0456": "i", "\u0458": "j", "\u04bb": "h", "\u0501": "d", "\u051b": "q", "\u051d": "w",
        "\u03bf": "o", "\u03b1": "a", "\u03bd": "v", "\u03c1": "p", "\u0131": "i", "\u0261": "g", "\u04cf": "l",
        "\u2010": "-", "\u2011": "-", "\u2013": "-", "\u2014": "-", "\u2212": "-",
    }
)  # fmt: skip
"""Letters that most fonts draw like an ASCII one (Unicode's confusables, those that occur in names)."""

_CUTOFF = 0.6


_WORDS_LISTED = 20
_PARTS_ADDED = 8
_BEGINNING = 4
"""Letters from which on a word counts as the beginning of another."""


def listed(words: Iterable[str], last: str = "and") -> str:
    """`a, b and c`, each in backquotes; of many words, the first twenty and the number of the others."""
    quoted = [f"`{word}`" for word in words]
    if len(quoted) > _WORDS_LISTED:
        return f"{', '.join(quoted[:_WORDS_LISTED])} and {len(quoted) - _WORDS_LISTED:,} more"
    if not quoted:
        return "none"
    *others, final = quoted
    return f"{', '.join(others)} {last} {final}" if others else final


def first_of(names: Sequence[str], most: int) -> str:
    """`a, b and 3 more`: names as they are, of many so many."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def counted(count: int, noun: str) -> str:
    """`1 node`, `2 nodes`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def engines_in_words(name: str, engines: int, devices: int, *, successor: bool) -> str:
    """`llama: 2 engines x 1, a successor among them`: whose engines, how many, and the devices that each takes."""
    return f"{name}: {counted(engines, 'engine')} x {devices}{', a successor among them' if successor else ''}"


def added(parts: Iterable[tuple[int, str]], noun: str) -> str:
    """`6 devices = 4 (quota of research) + 2 (llama: 2 engines x 1)`; of one part `4 devices (quota of research)`.

    Args:
        parts: How many, and whose they are, in any order; of many the largest are named.
        noun: What is counted, in the singular.
    """
    largest = sorted(parts, key=lambda part: (-part[0], part[1]))
    total = counted(sum(count for count, _ in largest), noun)
    if len(largest) == 1:
        return f"{total} ({largest[0][1]})"
    shown = [f"{count:,} ({owner})" for count, owner in largest[:_PARTS_ADDED]]
    rest = largest[_PARTS_ADDED:]
    if rest:
        shown.append(f"{sum(count for count, _ in rest):,} ({len(rest)} more)")
    return f"{total} = {' + '.join(shown)}"


def near_miss(word: str, choices: Collection[str]) -> str | None:
    """The choice that `word` was probably meant to be, or None.

    A word that only lacks its ending, as `nvidia-h100`, means the first choice that it begins; an address, as
    `/v1/chat/completions`, the choice that comes first in it.
    """
    folded = {_fold(choice): choice for choice in choices}
    if "/" in word and (passed := [part for part in _fold(word).split("/") if part in folded]):
        return folded[passed[0]]
    begun = [choice for choice in folded if len(word) >= _BEGINNING and choice.startswith(_fold(word))]
    if begun:
        return folded[begun[0]]
    matches = difflib.get_close_matches(_fold(word), list(folded), n=1, cutoff=_CUTOFF)
    return folded[matches[0]] if matches else None


def _fold(word: str) -> str:
    folded = unicodedata.normalize("NFKC", word).translate(_LOOK_ALIKES).casefold()
    return folded.replace("-", "_").replace(" ", "_")


def foreign_letter(text: str) -> str | None:
    """What the first character outside ASCII is, in words, or None.

    Example: `character 2 is U+0430 CYRILLIC SMALL LETTER A, which looks like a`.
    """
    for position, character in enumerate(text, 1):
        if not character.isascii():
            name = unicodedata.name(character, "a character without a name")
            twin = unicodedata.normalize("NFKC", character).translate(_LOOK_ALIKES)
            looks = f", which looks like `{twin}`" if twin != character and twin.isascii() else ", not an ASCII letter"
            return f"character {position} is U+{ord(character):04X} {name}{looks}"
    return None
