"""The same questions as on a cluster, answered from what would be deployed."""
