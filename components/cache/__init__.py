"""Redis for the gateway's counters: in the cluster, by Memorystore, or run by somebody else."""

from components.cache.connection import CacheConnection
from components.cache.external import ExternalCache, ExternalCacheArgs
from components.cache.in_cluster import InClusterCache, InClusterCacheArgs
from components.cache.memorystore import MemorystoreCache, MemorystoreCacheArgs

__all__ = [
    "CacheConnection",
    "ExternalCache",
    "ExternalCacheArgs",
    "InClusterCache",
    "InClusterCacheArgs",
    "MemorystoreCache",
    "MemorystoreCacheArgs",
]
