"""Authentication-Results (RFC 8601): write ours, recognise those that are forged."""
