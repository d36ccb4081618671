"""What GKE cannot change on a node pool that exists.

Source: the schema of pulumi_gcp 10.2.0 and the Google provider beneath it. Everything else that a pool is made from
here (taints, labels, machine type, autoscaling, upgrade settings, workload metadata) changes in place.
"""

FORCES_REPLACEMENT = frozenset(
    {
        "cluster",
        "initialNodeCount",
        "location",
        "maxPodsPerNode",
        "name",
        "placementPolicy",
        "project",
        "queuedProvisioning",
        "nodeConfig.bootDiskKmsKey",
        "nodeConfig.confidentialNodes",
        "nodeConfig.flexStart",
        "nodeConfig.guestAccelerators",
        "nodeConfig.maxRunDuration",
        "nodeConfig.metadata",
        "nodeConfig.oauthScopes",
        "nodeConfig.reservationAffinity",
        "nodeConfig.sandboxConfig",
        "nodeConfig.serviceAccount",
        "nodeConfig.shieldedInstanceConfig",
        "nodeConfig.soleTenantConfig",
        "nodeConfig.spot",
    }
)
"""Properties, by their paths in the resource's inputs, whose change replaces the pool.

A pool is replaced by nodes that are not there yet, under a name that is still taken, so a stack avoids it: the
partition, the count of GPUs and spot capacity are part of the pool's name, and a new name is a new pool, made before
the old one goes. What is left is another accelerator under one name, which deletes the nodes first: add a pool of
another name instead.
"""
