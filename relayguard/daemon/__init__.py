"""The processes: a supervisor that owns the sockets, and generations of workers that serve mail."""
