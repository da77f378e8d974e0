import pytest

from relayguard.pipeline.rules import Rules
from tests.relayguard.pipeline.rig import RULES


def test_by_default_nobody_is_trusted() -> None:
    rules = Rules(authserv_id="mx.example.com")
    assert not any((rules.local_networks, rules.submission_networks, rules.submission_daemons, rules.trusted_relays))


def test_rules_do_not_change_under_a_running_envelope() -> None:
    with pytest.raises(AttributeError):
        RULES.authserv_id = "other.example"  # type: ignore[misc]
