from relayguard.core.stages import Stage
from relayguard.milter.macros import USUAL, requested


def test_the_usual_macros_tell_login_queue_id_and_client() -> None:
    assert {"{auth_authen}", "{client_addr}"} <= set(USUAL[Stage.MAIL_FROM])
    assert "i" in USUAL[Stage.END_OF_MESSAGE]


def test_what_filters_declare_is_asked_for_once_beside_the_usual() -> None:
    wanted = requested(["{mail_mailer}", "i"])
    assert wanted[Stage.MAIL_FROM] == (*USUAL[Stage.MAIL_FROM], "{mail_mailer}")
