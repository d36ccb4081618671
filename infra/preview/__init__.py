"""The engine's own preview, read for people: what goes first, the rest in groups, and never longer than a comment."""
