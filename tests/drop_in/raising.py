"""A filter that cannot be loaded."""

raise RuntimeError("no licence")
