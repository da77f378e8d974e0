from collections.abc import AsyncIterator

import pytest

from relayguard import AuthResult, Effect, Role
from relayguard.pipeline.filters import HookKind, Mode, OnFailure, Policy, kind_of

SHADOW_INCOMING = Policy({Role.INCOMING: Mode.SHADOW, Role.SUBMISSION: Mode.ENFORCE, Role.LOCAL: Mode.ENFORCE})


@pytest.mark.parametrize("role", Role)
def test_a_filter_is_enforced_unless_it_is_said_otherwise(role: Role) -> None:
    assert Policy().mode(role) is Mode.ENFORCE
    assert Policy().on_failure is OnFailure.CONTINUE


def test_a_mode_may_differ_by_role() -> None:
    assert [SHADOW_INCOMING.mode(role) for role in Role] == [Mode.SHADOW, Mode.ENFORCE, Mode.ENFORCE]


def test_before_the_role_is_known_only_a_filter_enforced_for_all_roles_is_enforced() -> None:
    assert Policy().mode(None) is Mode.ENFORCE
    assert SHADOW_INCOMING.mode(None) is Mode.SHADOW


def test_a_hook_is_called_as_it_is_written() -> None:
    def plain() -> None: ...

    async def coroutine() -> None: ...

    async def stream() -> AsyncIterator[Effect]:
        if False:
            yield AuthResult()

    assert [kind_of(each) for each in (plain, coroutine, stream)] == [
        HookKind.PLAIN,
        HookKind.COROUTINE,
        HookKind.ASYNC_GENERATOR,
    ]
