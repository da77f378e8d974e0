"""What a relay of our own has found and written into its Authentication-Results, where only it could see the client."""

from relayguard import Headers, Reported, read_results, to_a_labels

_MAX_FIELDS = 50


def relayed(headers: Headers, authserv_id: str, method: str) -> tuple[Reported, ...]:
    """Return the entries of `method` in the topmost of our own fields that has any.

    Only for mail of a trusted relay: it writes above what came before it, and has removed what was forged.
    """
    own = to_a_labels(authserv_id)
    for field in headers.all("Authentication-Results")[:_MAX_FIELDS]:
        read = read_results(field.value)
        if read is not None and to_a_labels(read.authserv_id) == own:
            entries = tuple(entry for entry in read.entries if entry.method == method)
            if entries:
                return entries
    return ()
