"""Which key a request bears, in the one spelling that LiteLLM and this package read alike. Pure.

LiteLLM finds a key in several spellings: it takes every `Bearer ` out of a value, and reads what looks like a signature
of AWS (`get_bearer_token`, LiteLLM 1.106.2). Whoever counts by key must not read another one than LiteLLM does, so what
is not plainly one key is refused, and what is passed on is `Bearer KEY`.
"""

import re
from collections.abc import Iterable

Header = tuple[bytes, bytes]

SPELLINGS = {
    b"authorization": (re.compile(rb"(?i:bearer) +([\x21-\x7e]+)"), b"Bearer "),
    b"x-api-key": (re.compile(rb"([\x21-\x7e]+)"), b""),
}
"""Header → how a key may stand in it, and what LiteLLM wants before it."""


def in_one_spelling(headers: Iterable[Header]) -> list[Header] | None:
    """The headers with each key as LiteLLM is to read it; None where a header of a key holds something else."""
    found: list[Header] = []
    for name, value in headers:
        spelling = SPELLINGS.get(name.lower())
        if spelling is None:
            found.append((name, value))
        elif value.strip():
            pattern, prefix = spelling
            match = pattern.fullmatch(value.strip())
            if match is None:
                return None
            found.append((name, prefix + match[1]))
    return found


def keys_in(headers: Iterable[Header]) -> frozenset[bytes]:
    """The keys in headers that are in one spelling."""
    return frozenset(value.rpartition(b" ")[2] for name, value in headers if name.lower() in SPELLINGS)
