"""A filter as the pipeline runs it: its hooks, compiled once, and the policy it runs under."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from relayguard.core.envelope import Role
from relayguard.core.stages import Stage

REFRESH_SECONDS = 60.0


class Mode(StrEnum):
    """What becomes of a filter's verdicts and edits."""

    ENFORCE = "enforce"
    """They are carried out."""
    SHADOW = "shadow"
    """They are recorded as would-be, and dropped."""


class OnFailure(StrEnum):
    """What a failure of the filter means for the message."""

    CONTINUE = "continue"
    """The filter's findings are missing, nothing else."""
    DEFER = "defer"
    """The client is asked to try again later."""


class HookKind(StrEnum):
    """How a hook is written, and so how it is called."""

    PLAIN = "plain"
    """Returns an iterable of effects, mostly as a generator, or None."""
    ASYNC_GENERATOR = "async generator"
    COROUTINE = "coroutine"


@dataclass(frozen=True, slots=True)
class Hook:
    """One hook of one filter, with the names of the arguments it takes."""

    function: Callable[..., object]
    arguments: tuple[str, ...]
    kind: HookKind


@dataclass(frozen=True, slots=True)
class Policy:
    """How the configuration wants a filter run. `modes` has a mode for every role."""

    modes: Mapping[Role, Mode] = field(default_factory=lambda: dict.fromkeys(Role, Mode.ENFORCE))
    on_failure: OnFailure = OnFailure.CONTINUE

    def mode(self, role: Role | None) -> Mode:
        """The mode for `role`; before the role is known a filter is enforced only if it is for all roles."""
        if role is not None:
            return self.modes[role]
        return Mode.ENFORCE if set(self.modes.values()) == {Mode.ENFORCE} else Mode.SHADOW


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that the configuration names, ready to run. The hooks of a `blocking` one run in threads.

    If it has a `refresh`, that is called every `refresh_seconds`.
    """

    name: str
    instance: object
    hooks: Mapping[Stage, Hook]
    policy: Policy
    macros: frozenset[str] = frozenset()
    blocking: bool = False
    refresh_seconds: float = REFRESH_SECONDS


_KINDS: tuple[tuple[Callable[[object], bool], HookKind], ...] = (
    (inspect.isasyncgenfunction, HookKind.ASYNC_GENERATOR),
    (inspect.iscoroutinefunction, HookKind.COROUTINE),
    (callable, HookKind.PLAIN),
)


def kind_of(function: Callable[..., object]) -> HookKind:
    """Tell how `function` is to be called."""
    return next(kind for matches, kind in _KINDS if matches(function))
