from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from relayguard import AuthResult, Effect, Envelope, Session, Stage, hookimpl
from relayguard.pipeline.discovery import FilterError
from relayguard.pipeline.filters import HookKind, Policy
from relayguard.pipeline.registry import Candidate, register


def a_filter(function: Callable[..., object], **attributes: object) -> object:
    return type("F", (), {function.__name__: function, **attributes})()


def loaded(instance: object) -> None:
    register([Candidate("mine", instance, Policy())])


def plain(name: str) -> object:
    """Make a hook called `name` that does nothing wrong."""

    def hook(self: object, session: Session) -> Iterator[Effect]:
        yield from ()

    hook.__name__ = name
    return a_filter(hookimpl(hook))


@hookimpl(tryfirst=True)
def connect(self: object, session: Session) -> Iterator[Effect]:
    yield from ()


TRYFIRST = a_filter(connect)


@hookimpl(trylast=True)
def helo(self: object, session: Session) -> Iterator[Effect]:
    yield from ()


TRYLAST = a_filter(helo)


@hookimpl(wrapper=True)
def mail_from(self: object, session: Session) -> Iterator[Effect]:
    yield from ()


WRAPPER = a_filter(mail_from)


@hookimpl
def rcpt_to(self: object, session: Session, *, recipient: object) -> Iterator[Effect]:
    yield from ()


KEYWORD_ONLY = a_filter(rcpt_to)


@hookimpl
def end_of_headers(self: object, session: Session | None = None) -> Iterator[Effect]:
    yield from ()


DEFAULTED = a_filter(end_of_headers)


@hookimpl
async def end_of_message(self: object, session: Session) -> None: ...


NO_YIELD = a_filter(end_of_message)


@hookimpl
def outgoing(self: object, *everything: object) -> Iterator[Effect]:
    yield from ()


STARRED = a_filter(outgoing)


@hookimpl
def decided(self: object, verdict: object) -> None: ...


UNKNOWN_ARGUMENT = a_filter(decided)
STATIC = a_filter(rcpt_to, rcpt_to=staticmethod(rcpt_to))


class BlockingAsync:
    blocking = True

    @hookimpl
    async def helo(self) -> AsyncIterator[Effect]:
        yield AuthResult()


class BlockingCoroutine:
    blocking = True

    @hookimpl
    async def decided(self) -> None: ...


BLOCKING_ASYNC, BLOCKING_COROUTINE = BlockingAsync(), BlockingCoroutine()


@pytest.mark.parametrize(
    ("instance", "hook", "reason"),
    [
        pytest.param(TRYFIRST, "connect", "the order is the configuration's list", id="tryfirst"),
        pytest.param(TRYLAST, "helo", "the order is the configuration's list", id="trylast"),
        pytest.param(WRAPPER, "mail_from", "the order is the configuration's list", id="wrapper"),
        pytest.param(KEYWORD_ONLY, "rcpt_to", "plain arguments by name", id="keyword-only"),
        pytest.param(DEFAULTED, "end_of_headers", "without defaults", id="default"),
        pytest.param(STARRED, "outgoing", "plain arguments by name", id="star"),
        pytest.param(STATIC, "rcpt_to", "plain arguments by name", id="static method"),
        pytest.param(NO_YIELD, "end_of_message", "'async def' without 'yield'", id="async without yield"),
        pytest.param(UNKNOWN_ARGUMENT, "decided", "verdict", id="unknown argument"),
        pytest.param(BLOCKING_ASYNC, "helo", "is 'async def', but the filter says blocking = True", id="blocking"),
        pytest.param(BLOCKING_COROUTINE, "decided", "what runs in threads is plain 'def'", id="blocking coroutine"),
        pytest.param(plain("mail_form"), "'mail_form'", "hooks are connect, helo, mail_from", id="misspelt"),
    ],
)
def test_what_could_surprise_is_refused_at_load_naming_filter_and_hook(
    instance: object, hook: str, reason: str
) -> None:
    with pytest.raises(FilterError) as refused:
        loaded(instance)
    assert "filter mine" in str(refused.value)
    assert hook in str(refused.value)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("attribute", "reason"),
    [
        ({"after": "spf"}, "'after' must be a set"),
        ({"after": {1}}, "'after' must be a set"),
        ({"macros": {"mail": ("i",)}}, "'macros' must be a set of names"),
        ({"macros": ["i"]}, "'macros' must be a set of names"),
        ({"macros": {"auth_ssf"}}, "'auth_ssf' is no macro"),
        ({"blocking": 1}, "'blocking' must be True or False"),
        ({"blocking": "yes"}, "'blocking' must be True or False"),
    ],
)
def test_a_declaration_that_means_nothing_is_refused(attribute: dict[str, Any], reason: str) -> None:
    instance = plain("connect")
    for name, value in attribute.items():
        setattr(instance, name, value)
    with pytest.raises(FilterError, match=f"filter mine: {reason}"):
        loaded(instance)


class Spf:
    @hookimpl
    async def mail_from(self, envelope: Envelope, session: Session) -> AsyncIterator[Effect]:
        if False:
            yield AuthResult()


class Dmarc:
    after = frozenset({"spf", "dkim"})

    @hookimpl
    def end_of_headers(self, session: Session) -> Iterator[Effect]:
        yield from ()

    @hookimpl
    async def decided(self) -> None: ...


def candidates(*names: str) -> list[Candidate]:
    return [Candidate(name, {"spf": Spf(), "dmarc": Dmarc()}[name], Policy()) for name in names]


def test_filters_run_in_the_order_of_the_configuration() -> None:
    assert [each.name for each in register(candidates("spf", "dmarc"))] == ["spf", "dmarc"]


def test_a_wrong_order_is_refused_and_never_sorted_silently() -> None:
    with pytest.raises(FilterError, match="filter dmarc must come after spf: change their order"):
        register(candidates("dmarc", "spf"))


def test_a_filter_may_come_after_one_that_does_not_run() -> None:
    assert [each.name for each in register(candidates("dmarc"))] == ["dmarc"]


def test_a_filter_cannot_run_twice() -> None:
    with pytest.raises(FilterError, match="filter spf is named twice"):
        register(candidates("spf", "spf"))


def test_hooks_are_compiled_with_the_arguments_they_take() -> None:
    spf, dmarc = register(candidates("spf", "dmarc"))
    assert {stage: (hook.arguments, hook.kind) for stage, hook in spf.hooks.items()} == {
        Stage.MAIL_FROM: (("envelope", "session"), HookKind.ASYNC_GENERATOR)
    }
    assert [hook.kind for hook in dmarc.hooks.values()] == [HookKind.PLAIN, HookKind.COROUTINE]


def test_macros_are_declared_as_a_set_of_names() -> None:
    instance = plain("connect")
    vars(instance)["macros"] = {"{auth_ssf}", "j"}
    (only,) = register([Candidate("mine", instance, Policy())])
    assert only.macros == {"{auth_ssf}", "j"}


def test_a_filter_without_what_it_requires_is_refused() -> None:
    instance = plain("connect")
    vars(instance)["requires"] = {"spf"}
    with pytest.raises(FilterError, match="filter mine needs spf: name them before it in 'filters'"):
        register([Candidate("mine", instance, Policy())])


def test_an_object_without_hooks_is_harmless() -> None:
    (only,) = register([Candidate("mine", object(), Policy())])
    assert only.hooks == {}


@pytest.mark.parametrize("blocking", [True, False])
def test_a_filter_says_itself_whether_it_blocks(*, blocking: bool) -> None:
    instance = plain("connect")
    vars(instance)["blocking"] = blocking
    (only,) = register([Candidate("mine", instance, Policy())])
    assert only.blocking is blocking
