import pytest

from relayguard.core.stages import Stage
from relayguard.milter.macros import USUAL, Macros, requested
from relayguard.milter.protocol import ProtocolError


def test_the_usual_macros_tell_login_queue_id_and_client() -> None:
    assert {"{auth_authen}", "{client_addr}"} <= set(USUAL[Stage.MAIL_FROM])
    assert "i" in USUAL[Stage.END_OF_MESSAGE]


def test_what_filters_declare_is_asked_for_once_beside_the_usual() -> None:
    wanted = requested(["{mail_mailer}", "i"])
    assert wanted[Stage.MAIL_FROM] == (*USUAL[Stage.MAIL_FROM], "{mail_mailer}")


def sent(*packets: bytes) -> Macros:
    macros = Macros()
    for packet in packets:
        macros.take(packet)
    return macros


def test_what_was_sent_last_for_a_macro_holds() -> None:
    macros = sent(b"Cj\0mx.example.com\0{daemon_name}\0smtpd\0", b"Mi\0Q1\0", b"Mi\0Q2\0{auth_authen}\0bob\0")
    assert macros.of(["i", "{auth_authen}", "{daemon_name}", "{cipher}"]) == {
        "i": "Q2",
        "{auth_authen}": "bob",
        "{daemon_name}": "smtpd",
    }


def test_the_queue_id_is_that_of_the_envelope_in_progress() -> None:
    macros = sent(b"Cj\0mx\0", b"Ri\0Q1\0", b"Ei\0Q1\0")
    assert macros.queue_id() == "Q1"
    macros.forget_message()
    assert macros.queue_id() is None
    assert macros.of(["j"]) == {"j": "mx"}


def test_a_value_that_is_not_utf_8_counts_as_not_sent() -> None:
    assert sent(b"M{auth_type}\0PLAIN\0{auth_authen}\0j\xfcrgen\0").of(["{auth_type}", "{auth_authen}"]) == {
        "{auth_type}": "PLAIN"
    }


def test_broken_macros_are_no_macros() -> None:
    assert sent(b"M", b"Hi", b"R\0\0\0", b"E\xff\0x\0").of(["i"]) == {}


@pytest.mark.parametrize("packet", [b"", b"?i\0Q1\0", b"\0i\0Q1\0", b"M" + b"x" * 65_536])
def test_macros_that_only_fill_memory_are_refused(packet: bytes) -> None:
    with pytest.raises(ProtocolError, match="of macros for"):
        sent(packet)


def test_the_latest_macros_hold_although_others_came_between() -> None:
    assert sent(b"Ci\0Q1\0", b"Mi\0Q2\0", b"Ci\0Q3\0").of(["i"]) == {"i": "Q3"}
