"""The keys of a configuration: known ones, secret ones, other programs' ones, and misspelt ones."""

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher

from infra.config.paths import is_mapping
from infra.config.plain import unprintable
from infra.config.problem import Problem
from infra.config.stack import PROJECT, SECRET_KEYS, StackConfig
from infra.config.words import foreign_letter, listed, near_miss

CONFIGURATION_KEYS = tuple(StackConfig.model_fields)
_IGNORED = "Pulumi would keep it and nobody would read it, so that what it was meant to set stays as it is"
_NAMESPACE_LIKENESS = 0.75


def is_ours(key: str) -> bool:
    """Whether the full key is one that this program reads through its models."""
    return key.removeprefix(f"{PROJECT}:") in CONFIGURATION_KEYS and key.startswith(f"{PROJECT}:")


def check_keys(document: Mapping[str, object]) -> Iterator[Problem]:
    """Keys that nobody would read: unknown ones in our namespace, and namespaces that are nearly ours."""
    for key in document:
        namespace, separator, name = key.partition(":")
        if unprintable(key):
            yield Problem((key,), "this key holds a character that cannot be shown", _IGNORED, "remove the key")
        elif not separator:
            yield _without_namespace(key)
        elif namespace == PROJECT:
            if name not in CONFIGURATION_KEYS and name not in SECRET_KEYS:
                yield _unknown(key, name)
        elif _looks_like_ours(namespace):
            odd = foreign_letter(namespace)
            yield Problem(
                (key,),
                f"this namespace is almost `{PROJECT}`" + (f": {odd}" if odd else ""),
                _IGNORED,
                f"`{PROJECT}:{near_miss(name, CONFIGURATION_KEYS) or name}`",
            )


def check_not_secret(document: Mapping[str, object]) -> Iterator[Problem]:
    """Ordinary keys whose value is encrypted, as a stack file holds it."""
    for key, value in document.items():
        if is_ours(key) and is_encrypted(value):
            yield Problem(
                (key,),
                "the value is encrypted, and this key holds no secret",
                "nobody could review it, and commands without the engine could not read it",
                f"the value in the clear; the keys that hold secrets are {listed(_secret_keys())}",
            )


def _secret_keys() -> list[str]:
    return sorted(f"{PROJECT}:{name}" for name in SECRET_KEYS)


def is_encrypted(value: object) -> bool:
    """Whether the value is `{secure: …}`, as Pulumi writes secrets into stack files."""
    return is_mapping(value) and set(value) == {"secure"} and isinstance(value["secure"], str)


def check_secrets_are_encrypted(document: Mapping[str, object]) -> Iterator[Problem]:
    """Secrets that stand in the clear in a stack file; their value is never shown."""
    for name in sorted(SECRET_KEYS):
        key = f"{PROJECT}:{name}"
        if key in document and not is_encrypted(document[key]):
            yield Problem(
                (key,),
                "this secret stands in the clear (its value is not shown here)",
                "whoever can read the file or its history can use it, so it must also be replaced where it is used",
                f"pulumi config set --secret {key}",
            )


def _without_namespace(key: str) -> Problem:
    meant = near_miss(key, (*CONFIGURATION_KEYS, *SECRET_KEYS))
    return Problem(
        (key,),
        "this key has no namespace",
        "Pulumi refuses the file",
        f"`{PROJECT}:{meant}`" if meant else f"remove it; the keys are {_known_keys()}",
    )


def _known_keys() -> str:
    return listed([*(f"{PROJECT}:{known}" for known in CONFIGURATION_KEYS), *_secret_keys()])


def _unknown(key: str, name: str) -> Problem:
    head = name.replace("[", ".").partition(".")[0]
    if head != name and head in CONFIGURATION_KEYS:
        below = name.removeprefix(head)
        return Problem(
            (key,),
            f"a path stands here as if it were a key: `{PROJECT}:{head}` is the key",
            _IGNORED,
            f"`{below.strip('.')}` below `{PROJECT}:{head}`, or pulumi config set --path {PROJECT}:{name} VALUE",
        )
    odd = foreign_letter(name)
    meant = near_miss(name, (*CONFIGURATION_KEYS, *SECRET_KEYS))
    return Problem(
        (key,),
        "this key is not known" + (f": {odd}" if odd else ""),
        _IGNORED,
        (f"`{PROJECT}:{meant}`, if that is meant; " if meant else "remove it; ") + f"the keys are {_known_keys()}",
    )


def _looks_like_ours(namespace: str) -> bool:
    if near_miss(namespace, [PROJECT]) is None:
        return False
    odd = foreign_letter(namespace) is not None
    return odd or SequenceMatcher(None, namespace.casefold(), PROJECT).ratio() >= _NAMESPACE_LIKENESS
