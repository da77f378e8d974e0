"""What the system lets a process have."""

import resource

_FILES = 65536


def raise_file_limit() -> None:
    """Allow as many open files as the system does: systemd starts us with a soft limit of 1024.

    Every session and every DNS query has a socket, and every worker three descriptors in the supervisor.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
