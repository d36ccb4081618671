"""What a caller may try to set a salt by, and how the platform's own is put in its place. Pure.

LiteLLM sends on what it does not know: parameters at the top level, and everything under `extra_body`, which it lays
over the request last. A salt that stands only at the top level loses to one there, and on the responses API it is lost;
set under `extra_body` alone, it arrives on every path (seen on LiteLLM 1.106.2).
"""

from collections.abc import MutableMapping
from typing import Any, cast

SALT = "cache_salt"
EXTRA = "extra_body"
PLAIN_SALT = "cachesalt"
PLAIN_EXTRA = "extrabody"

Request = MutableMapping[str, Any]


def pin_salt(request: Request, salt: str) -> None:
    """Remove every salt and every way around this request from `request`, and set `salt`.

    Raises:
        ValueError: `extra_body` is no object, so that nobody can tell what it would be laid over the request as.
    """
    extra = _flattened(request.get(EXTRA))
    _strip(request)
    request[EXTRA] = {**extra, SALT: salt}


def pinned_salt(request: Request) -> str | None:
    """The salt that `request` will carry; None where it has none, or another beside it."""
    extra = request.get(EXTRA)
    if not isinstance(extra, dict) or any(_is_salt(name) for name in request):
        return None
    found = cast("dict[str, Any]", extra)
    if any(name != SALT and (_is_salt(name) or _plain(name) == PLAIN_EXTRA) for name in found):
        return None
    salt = found.get(SALT)
    return salt if isinstance(salt, str) else None


def _flattened(extra: object) -> dict[str, Any]:
    """What a caller lays over its request, without any salt; an `extra_body` in another counts as part of it."""
    if extra is None:
        return {}
    if not isinstance(extra, dict):
        raise ValueError("extra_body is no object")
    found = dict(cast("dict[str, Any]", extra))
    inner = _flattened(found.pop(EXTRA, None))
    _strip(found)
    return {**inner, **found}


def _strip(request: Request) -> None:
    for name in [name for name in request if _is_salt(name) or _leads_elsewhere(name)]:
        del request[name]


def _is_salt(name: str) -> bool:
    return _plain(name) == PLAIN_SALT


def _leads_elsewhere(name: str) -> bool:
    """Whether a parameter holds requests of its own: what is laid over this one, or sent in its place."""
    plain = _plain(name)
    return plain == PLAIN_EXTRA or plain.endswith("fallbacks")


def _plain(name: str) -> str:
    """A name without case and separators, so that no spelling of it gets by."""
    return "".join(character for character in name.casefold() if character.isalnum())
