from collections.abc import Iterator
from typing import ClassVar

import pytest

from relayguard import Address, Body, Effect, Headers, Message, Role, Session, Stage, hookimpl
from relayguard.pipeline.filters import Mode, Policy
from relayguard.pipeline.needs import Needs, needs_of
from tests.relayguard.pipeline.rig import SHADOW, filters_of


class AtConnect:
    @hookimpl
    def connect(self, session: Session) -> Iterator[Effect]:
        yield from ()


class AtRecipient:
    macros: ClassVar[frozenset[str]] = frozenset({"{rcpt_host}"})

    @hookimpl
    def rcpt_to(self, recipient: Address) -> Iterator[Effect]:
        yield from ()


class AtHeaders:
    @hookimpl
    def end_of_headers(self, headers: Headers) -> Iterator[Effect]:
        yield from ()


class AtEnd:
    @hookimpl
    def end_of_message(self, headers: Headers) -> Iterator[Effect]:
        yield from ()


class OfBody:
    @hookimpl
    def end_of_message(self, body: Body) -> Iterator[Effect]:
        yield from ()


class Signer:
    @hookimpl
    def outgoing(self, message: Message) -> Iterator[Effect]:
        yield from ()


def needs(*instances: object, policy: Policy = Policy()) -> Needs:  # noqa: B008
    return needs_of(filters_of(*instances, policy=policy))


def test_without_filters_only_the_end_of_a_message_is_answered() -> None:
    assert needs() == Needs(frozenset({Stage.END_OF_MESSAGE}), watch=False, keep_body=False, macros=frozenset())


@pytest.mark.parametrize(
    ("instance", "replies", "body"),
    [
        (AtConnect(), {Stage.CONNECT}, (False, False)),
        (AtRecipient(), {Stage.RCPT_TO}, (False, False)),
        (AtHeaders(), set(), (True, False)),
        (AtEnd(), set(), (False, False)),
        (OfBody(), set(), (False, True)),
        (Signer(), set(), (False, True)),
    ],
)
def test_the_signature_is_the_manifest(instance: object, replies: set[Stage], body: tuple[bool, bool]) -> None:
    found = needs(instance)
    assert found.replies == replies | {Stage.END_OF_MESSAGE}
    assert (found.watch, found.keep_body) == body
    assert found.body is any(body)


def test_a_recipient_waits_for_no_filter_in_shadow_mode() -> None:
    assert Stage.RCPT_TO not in needs(AtRecipient(), policy=SHADOW).replies
    mixed = Policy(dict.fromkeys(Role, Mode.SHADOW) | {Role.SUBMISSION: Mode.ENFORCE})
    assert Stage.RCPT_TO in needs(AtRecipient(), policy=mixed).replies


def test_the_needs_of_all_filters_add_up() -> None:
    found = needs(AtConnect(), AtHeaders(), OfBody(), AtRecipient())
    assert found.replies == {Stage.CONNECT, Stage.RCPT_TO, Stage.END_OF_MESSAGE}
    assert (found.watch, found.keep_body) == (True, True)
    assert found.macros == {"{rcpt_host}"}
