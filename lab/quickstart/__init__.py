"""`./quickstart`: from a machine to a running platform, one phase after another."""
