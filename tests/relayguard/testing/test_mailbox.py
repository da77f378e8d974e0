import os
import threading
from pathlib import Path

from relayguard.testing.mailbox import Mailbox


def test_messages_come_in_the_order_of_their_delivery(tmp_path: Path) -> None:
    for age, name in ((1, "b"), (3, "a"), (2, "c")):
        (tmp_path / name).write_bytes(name.encode())
        os.utime(tmp_path / name, (0, 1000 - age))
    assert Mailbox(tmp_path).messages() == [b"a", b"c", b"b"]
    assert Mailbox(tmp_path / "nowhere").messages() == []


def test_a_message_is_waited_for_and_found_by_its_id(tmp_path: Path) -> None:
    message = b"Message-ID: <1@example.org>\r\n\r\nhello\r\n"
    threading.Timer(0.1, (tmp_path / "late").write_bytes, [message]).start()
    assert Mailbox(tmp_path).find("<1@example.org>", 10) == message
    assert Mailbox(tmp_path).find("<2@example.org>", 0) is None
