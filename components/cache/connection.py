"""What every kind of cache gives to its users."""

from dataclasses import dataclass

import pulumi

PASSWORD_LENGTH = 48

CERTIFICATE_AUTHORITY_PATH = "/etc/bulkhead/cache/ca.pem"
"""Where the gateway finds the certificate authority that `CacheConnection.url` refers to."""


@dataclass(frozen=True)
class CacheConnection:
    """How to reach a Redis server, and when.

    Attributes:
        url: `redis://` or, over TLS, `rediss://`, with the password in it; secret.
        certificate_authority: The PEM certificates that the server's is signed by, to be mounted at
            `CERTIFICATE_AUTHORITY_PATH`; None where there is no TLS or a public authority signed it.
        ready: What must exist before the URL answers.
    """

    url: pulumi.Output[str]
    certificate_authority: pulumi.Output[str] | None
    ready: tuple[pulumi.Resource, ...]
