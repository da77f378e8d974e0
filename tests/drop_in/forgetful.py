"""Cannot read anew what it looks up, and goes on with what it had."""

from relayguard import Envelope, hookimpl


class Forgetful:
    """See the module."""

    refresh_seconds = 1.0

    def refresh(self) -> None:
        """Fail, as with a file that somebody has broken."""
        raise ValueError("list.txt: line 1: no address")

    @hookimpl
    def mail_from(self, envelope: Envelope) -> None:
        assert envelope.sender is not None
