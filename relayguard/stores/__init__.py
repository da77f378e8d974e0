"""Counters: in the memory of a process, in a file that all workers of a host share, or on a server that all hosts share."""
