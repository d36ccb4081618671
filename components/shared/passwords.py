"""Passwords that are generated once and stay."""

import pulumi
import pulumi_random as random


def stable_password(name: str, length: int, parent: pulumi.Resource) -> pulumi.Output[str]:
    """A generated password of letters and digits, a secret.

    Whoever has it keeps it: another default length or alphabet in a later version makes no new one.
    """
    password = random.RandomPassword(
        name,
        length=length,
        special=False,
        opts=pulumi.ResourceOptions(parent=parent, ignore_changes=["length", "special"]),
    )
    return pulumi.Output.secret(password.result)
