import io
import threading

import pytest

from relayguard import Body
from relayguard.core.body import SPOOL_BYTES


def test_a_body_comes_back_as_it_was_written_however_it_was_split() -> None:
    body = Body()
    for chunk in (b"line\r", b"\nline\r\n", b"", b"\x00\xff"):
        body.write(chunk)
    assert b"".join(body) == b"line\r\nline\r\n\x00\xff"
    assert body.size == 14


@pytest.mark.parametrize("size", [0, 1, SPOOL_BYTES, SPOOL_BYTES + 1, 3 * SPOOL_BYTES])
def test_a_body_can_be_read_often_in_memory_and_past_it(size: int) -> None:
    content = bytes(index % 251 for index in range(size))
    body = Body.of(content)
    assert b"".join(body) == content
    assert b"".join(body) == content
    assert body.open().read() == content
    assert all(len(chunk) <= 65_536 for chunk in body)
    body.close()


def test_a_body_past_256_kb_lies_in_a_file_without_a_name() -> None:
    body = Body.of(b"x" * (SPOOL_BYTES + 1))
    assert isinstance(body._file.fileno(), int)
    assert not isinstance(getattr(body._file, "name", None), str)
    body.close()


def test_writing_goes_on_at_the_end_after_reading() -> None:
    body = Body.of(b"a" * SPOOL_BYTES)
    assert next(iter(body)) == b"a" * 65_536
    body.write(b"b")
    assert b"".join(body) == b"a" * SPOOL_BYTES + b"b"
    body.close()


def test_two_readers_do_not_disturb_each_other() -> None:
    body = Body.of(b"x" * 200_000)
    first, second = iter(body), iter(body)
    sizes = [len(next(reader)) for reader in (first, second, first, second, first)]
    assert sizes == [65_536] * 5


@pytest.mark.parametrize("size", [10_000, SPOOL_BYTES + 1])
def test_each_file_of_a_body_has_a_place_of_its_own(size: int) -> None:
    content = bytes(index % 251 for index in range(size))
    body = Body.of(content)
    first, second = body.open(), body.open()
    assert first.read(5000) == content[:5000]
    assert second.read(3) == content[:3]
    assert first.read() == content[5000:]
    assert second.seek(-4, io.SEEK_END) == size - 4
    assert second.read() == content[-4:]
    assert (second.seek(2), second.seek(3, io.SEEK_CUR), second.read(1)) == (2, 5, content[5:6])
    first.close()
    assert b"".join(body) == content
    body.close()


def test_a_thread_that_reads_on_disturbs_no_other_reader() -> None:
    content = bytes(index % 251 for index in range(3 * SPOOL_BYTES))
    body = Body.of(content)
    over = threading.Event()

    def read_on() -> None:
        while not over.is_set():
            body.open().read(100_000)

    late = [threading.Thread(target=read_on) for _ in range(3)]
    for thread in late:
        thread.start()
    found = [b"".join(body) for _ in range(50)]
    over.set()
    for thread in late:
        thread.join()
    assert found == [content] * 50
    body.close()
