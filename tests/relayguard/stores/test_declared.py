import asyncio

import pytest

from relayguard.core.limits import Algorithm, Charge, Limit
from relayguard.stores.declared import Declarations, NoStore

LIMIT = Limit("logins", Algorithm.WINDOW, 10, 60.0)


def test_a_filter_of_two_listeners_says_the_same_twice() -> None:
    declared = Declarations()
    for _ in range(2):
        declared.declare(LIMIT, {"key": "login"})
    assert declared.declared == {"logins": (LIMIT, {"key": "login"})}


def test_two_limits_cannot_have_one_name() -> None:
    declared = Declarations()
    declared.declare(LIMIT, {"key": "login"})
    with pytest.raises(ValueError, match="two limits called 'logins'"):
        declared.declare(LIMIT, {"key": "client"})


def test_where_no_mail_is_served_everything_is_admitted() -> None:
    store = NoStore()
    for _ in range(20):
        assert asyncio.run(store.take([Charge(LIMIT, "a")]))[0].admitted
