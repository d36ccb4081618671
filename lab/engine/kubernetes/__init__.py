"""Stand-in for Pulumi's `kubernetes` provider, built on the SDK's own provider servicer.

It applies server-side under a field manager for each resource, previews by the API server's dry run, and
waits until objects are ready as the real provider does for the kinds that this project uses.
"""
