"""Passwords that are generated once and stay, and how those are called that are drawn anew."""

import pulumi
import pulumi_random as random

PASSWORD_INPUTS = (
    "keepers",
    "length",
    "lower",
    "minLower",
    "minNumeric",
    "minSpecial",
    "minUpper",
    "number",
    "numeric",
    "overrideSpecial",
    "special",
    "upper",
)
"""All that a RandomPassword is drawn by; a change of any draws another one."""


def generation_name(name: str, generation: int) -> str:
    """What the resource of one generation of a password is called.

    Each has a resource of its own, so that two can be there at once and a later one replaces none. The dot stands in no
    name of the stack file, so that no tenant or model is called like another one's key.
    """
    return name if generation == 1 else f"{name}.{generation}"


def stable_password(name: str, length: int, parent: pulumi.Resource, *, protected: bool = False) -> pulumi.Output[str]:
    """A generated password of letters and digits, a secret.

    Whoever has it keeps it: whatever a later version of this program or of the provider asks for makes no new one. One
    that is protected may not be deleted.
    """
    password = random.RandomPassword(
        name,
        length=length,
        special=False,
        opts=pulumi.ResourceOptions(parent=parent, protect=protected or None, ignore_changes=list(PASSWORD_INPUTS)),
    )
    return pulumi.Output.secret(password.result)
