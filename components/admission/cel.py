"""CEL as text: literals, and the paths into objects that policies share.

Written for the environment that the API server (Kubernetes 1.30 and newer) and Kyverno have in common: optional
selections (`.?`), no `authorizer`, list literals of one type.
"""

from collections.abc import Iterable, Mapping


def text(value: str) -> str:
    """A CEL string literal of any text."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{escaped}'"


def texts(values: Iterable[str]) -> str:
    """A CEL list of strings, in the given order."""
    return f"[{', '.join(text(value) for value in values)}]"


def text_map(values: Mapping[str, str]) -> str:
    """A CEL map of strings to strings, sorted by key."""
    return f"{{{', '.join(f'{text(key)}: {text(value)}' for key, value in sorted(values.items()))}}}"


def texts_map(values: Mapping[str, Iterable[str]]) -> str:
    """A CEL map of strings to lists of strings, sorted by key."""
    return f"{{{', '.join(f'{text(key)}: {texts(entries)}' for key, entries in sorted(values.items()))}}}"


def any_of(*conditions: str) -> str:
    """Whether one of the conditions holds."""
    return " || ".join(f"({condition})" for condition in conditions) or "false"


def all_of(*conditions: str) -> str:
    """Whether all of the conditions hold."""
    return " && ".join(f"({condition})" for condition in conditions) or "true"


def labels_of(thing: str, key: str) -> str:
    """The value of a label of an object or of a pod template, empty where it has none."""
    return f"{thing}.?metadata.?labels[?{text(key)}].orValue('')"
