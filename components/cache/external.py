"""A Redis run by somebody else."""

from dataclasses import dataclass

import pulumi

from components.cache.connection import CacheConnection


@dataclass(frozen=True)
class ExternalCacheArgs:
    """The server's URL, `redis://` or `rediss://`; kept secret whatever it comes from."""

    url: pulumi.Input[str]


class ExternalCache(pulumi.ComponentResource):
    """A cache that this stack uses and does not make.

    Attributes:
        connection: The URL, and nothing to wait for.
    """

    connection: CacheConnection

    def __init__(self, name: str, args: ExternalCacheArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bulkhead:cache:ExternalCache", name, None, opts)
        self.connection = CacheConnection(pulumi.Output.secret(args.url), None, ())
        self.register_outputs({"url": self.connection.url})
