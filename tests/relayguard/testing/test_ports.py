import socket

from relayguard.testing.ports import free_port, listens


def test_a_preferred_port_is_taken_if_it_is_free_and_another_if_not() -> None:
    preferred = free_port()
    assert free_port(preferred) == preferred
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", preferred))
        taken.listen()
        assert free_port(preferred) != preferred
        assert listens(preferred)
    assert not listens(preferred)
