from typing import Any

import pytest

from relayguard import Role, comes_from_outside
from relayguard.core.envelope import decide_role, parse_parameters
from relayguard.testing import a_session, an_envelope

DAEMONS = frozenset({"ORIGINATING"})


@pytest.mark.parametrize(
    ("login", "facts", "role"),
    [
        (None, {}, Role.INCOMING),
        ("alice", {}, Role.SUBMISSION),
        ("", {}, Role.SUBMISSION),
        (None, {"daemon_name": "ORIGINATING"}, Role.SUBMISSION),
        (None, {"daemon_name": "smtpd"}, Role.INCOMING),
        (None, {"submission_network": True}, Role.SUBMISSION),
        (None, {"local": True}, Role.LOCAL),
        ("alice", {"local": True}, Role.SUBMISSION),
        (None, {"trusted_relay": True}, Role.INCOMING),
    ],
)
def test_the_role_follows_from_what_the_mta_vouches_for(login: str | None, facts: dict[str, Any], role: Role) -> None:
    assert decide_role(a_session(**facts), login, DAEMONS) is role


def test_esmtp_parameters_are_found_by_upper_case_name() -> None:
    assert parse_parameters(("size=1000", "SMTPUTF8", "AUTH=<a=b>")) == {
        "SIZE": "1000",
        "SMTPUTF8": "",
        "AUTH": "<a=b>",
    }


@pytest.mark.parametrize(
    ("size", "declared"),
    [("1000", 1000), ("0", 0), ("", None), ("-1", None), ("1e3", None), ("\u0661", None), ("9" * 21, None)],
)
def test_only_a_valid_size_is_a_declared_size(size: str, declared: int | None) -> None:
    assert an_envelope(parameters={"SIZE": size}).declared_size == declared


def test_smtputf8_is_what_the_client_asked_for() -> None:
    assert an_envelope(parameters={"SMTPUTF8": ""}).smtputf8
    assert not an_envelope().smtputf8


@pytest.mark.parametrize(
    ("role", "trusted_relay", "outside"),
    [
        (Role.INCOMING, False, True),
        (Role.INCOMING, True, False),
        (Role.SUBMISSION, False, False),
        (Role.LOCAL, False, False),
    ],
)
def test_only_incoming_mail_that_no_relay_of_ours_has_accepted_comes_from_outside(
    role: Role,
    trusted_relay: bool,  # noqa: FBT001
    outside: bool,  # noqa: FBT001
) -> None:
    assert comes_from_outside(a_session(trusted_relay=trusted_relay), an_envelope(role=role)) is outside
