"""Where a private MTA delivers: a folder with one file a message."""

import time
from pathlib import Path


class Mailbox:
    """The messages in `folder`, which need not exist yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def messages(self) -> list[bytes]:
        """Return the messages delivered so far, the oldest first."""
        return [path.read_bytes() for path in sorted(self._folder.glob("*"), key=_delivery_time)]

    def find(self, message_id: str, seconds: float) -> bytes | None:
        """Return the message with this Message-ID, waiting for it; None if it does not come."""
        deadline = time.monotonic() + seconds
        while True:
            for message in self.messages():
                if message_id.encode() in message:
                    return message
            if time.monotonic() > deadline:
                return None
            time.sleep(0.05)


def _delivery_time(path: Path) -> tuple[float, str]:
    return (path.stat().st_mtime, path.name)
