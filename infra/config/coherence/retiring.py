"""Node pools on their way out: only where this stack makes nodes, and beside the pools that stay."""

from collections.abc import Iterator

from infra.config.cluster import ExistingCluster
from infra.config.draft import Draft, at
from infra.config.paths import Location
from infra.config.problem import Problem


def check_retiring_pools(draft: Draft) -> Iterator[Problem]:
    """A retiring pool that nobody made, that GKE could not have made, or that is in use; an emptied one that stays."""
    in_use = {pool.node_pool_name: f"pools[{index}]" for index, pool in draft.pools.read.items()}
    for index, pool in draft.retiring_pools.read.items():
        where, name = at("retiring_pools", index), pool.node_pool_name
        if isinstance(draft.cluster, ExistingCluster):
            yield _not_made_here(where, "remove it: jobs that run on the pool's nodes run to their end")
        elif not pool.can_be_made_on_gke:
            yield Problem(
                where,
                f"GKE has no node pool such as `{name}`",
                "it cannot be one of this stack's, and the update would fail",
                "the record as `bulkhead transition` writes it",
            )
        if name in in_use:
            yield Problem(
                where,
                f"`{name}` is {in_use[name]} as well",
                "one node pool would be made twice",
                f"remove it from here; or remove {in_use[name]}, if the pool is to go"
                if in_use[name].startswith("pools")
                else "remove one of the two: they are the same pool",
            )
        in_use.setdefault(name, f"retiring_pools[{index}]")
    for index, name in enumerate(draft.emptied_pools or ()):
        where = at("emptied_pools", index)
        if isinstance(draft.cluster, ExistingCluster):
            yield _not_made_here(where, "remove it")
        elif name in in_use:
            yield Problem(
                where,
                f"`{name}` is {in_use[name]} as well",
                "it would stay, and could later be deleted with the jobs on it",
                f"remove it from here; or remove {in_use[name]}, if nothing runs on the pool any more",
            )


def _not_made_here(where: Location, write: str) -> Problem:
    return Problem(
        where,
        "the nodes of an existing cluster are its operator's",
        "there is no node pool here that could go",
        write,
    )
