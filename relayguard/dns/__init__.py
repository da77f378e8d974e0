"""DNS for all filters of a worker: one cache, one deadline, absolute names only."""
