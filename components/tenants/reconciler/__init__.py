"""Brings the gateway's teams and virtual keys to what the stack file says, and keeps them there.

Runs beside the gateway, in its image, with the standard library alone: the package is mounted as it is, so it imports
nothing of the project. `bulkhead tenants` uses the same modules to say what has drifted.

- A tenant has the team `bulkhead-NAME` and one key, or two while it is changed, found by their hashes. Compared, and
  put back when changed by hand, are the team's alias, models, budget with its period, limits, block and mark; and the
  key's alias, team, models, paths, block and mark, and that it has no end, budget or limit of its own. LiteLLM's other
  settings stay as found.
- A tenant that is no longer listed is known by its team's `managed_by`. Its team and every key of it are blocked, and
  kept, since the spend is recorded on them. A tenant that comes back is unblocked. A key of ours that somebody has
  moved to another team is blocked as well, once no tenant holds it.
- A key that was replaced is blocked, unless it is given as the former one, which goes on working beside the new one;
  one that somebody else made for the team is left alone and told.
"""
