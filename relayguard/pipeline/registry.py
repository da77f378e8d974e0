"""Registers filters with pluggy and refuses, at start-up, whatever could surprise at run time."""

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pluggy

from relayguard import hookspecs
from relayguard.core.stages import Stage
from relayguard.pipeline.discovery import FilterError
from relayguard.pipeline.filters import REFRESH_SECONDS, Filter, Hook, HookKind, Policy, kind_of

_MACRO = re.compile(r"(?:[A-Za-z_]|\{[A-Za-z0-9_]+\})\Z")
_STAGES = {stage.value: stage for stage in Stage}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A filter before it is registered."""

    name: str
    instance: object
    policy: Policy


def register(candidates: Sequence[Candidate]) -> tuple[Filter, ...]:
    """Return the filters ready to run, in the given order. Raises FilterError, naming filter and hook."""
    _check_order(candidates)
    plugins = pluggy.PluginManager(hookspecs.PROJECT)
    plugins.add_hookspecs(hookspecs)
    for candidate in candidates:
        _check_signatures(candidate)
        try:
            plugins.register(candidate.instance, candidate.name)
            plugins.check_pending()
        except pluggy.PluginValidationError as error:
            raise FilterError(f"filter {candidate.name}: {_first_sentence(error)}") from error
    hooks = _compile(plugins)
    return tuple(
        Filter(
            candidate.name,
            candidate.instance,
            hooks.get(candidate.name, {}),
            candidate.policy,
            _macros(candidate),
            _blocking(candidate, hooks.get(candidate.name, {})),
            _refresh_seconds(candidate),
        )
        for candidate in candidates
    )


def _compile(plugins: pluggy.PluginManager) -> dict[str, dict[Stage, Hook]]:
    compiled: dict[str, dict[Stage, Hook]] = {}
    for stage in Stage:
        caller: pluggy.HookCaller = getattr(plugins.hook, stage.value)
        for implementation in caller.get_hookimpls():
            if (
                implementation.hookwrapper
                or implementation.wrapper
                or implementation.tryfirst
                or implementation.trylast
            ):
                raise FilterError(
                    f"filter {implementation.plugin_name}: {stage} uses tryfirst, trylast or a wrapper; "
                    "the order is the configuration's list"
                )
            kind = kind_of(implementation.function)
            if kind is HookKind.COROUTINE and stage is not Stage.DECIDED:
                raise FilterError(
                    f"filter {implementation.plugin_name}: {stage} is 'async def' without 'yield'; "
                    "a stage hook yields its effects"
                )
            compiled.setdefault(implementation.plugin_name, {})[stage] = Hook(
                implementation.function, tuple(implementation.argnames), kind
            )
    return compiled


def _check_signatures(candidate: Candidate) -> None:
    for name, method in inspect.getmembers(candidate.instance, inspect.isroutine):
        if not hasattr(method, f"{hookspecs.PROJECT}_impl"):
            continue
        for parameter in inspect.signature(method).parameters.values():
            # pluggy passes by position and would leave these out without a word.
            if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD or parameter.default is not parameter.empty:
                raise FilterError(
                    f"filter {candidate.name}: {name} takes {parameter}; "
                    "a hook takes plain arguments by name, without defaults"
                )
        if name not in _STAGES:
            raise FilterError(f"filter {candidate.name}: there is no hook {name!r}; hooks are {', '.join(_STAGES)}")


def _check_order(candidates: Iterable[Candidate]) -> None:
    seen: set[str] = set()
    names = {candidate.name for candidate in candidates}
    for candidate in candidates:
        required = _names(candidate, "requires")
        missing = sorted(required - names)
        if missing:
            raise FilterError(f"filter {candidate.name} needs {', '.join(missing)}: name them before it in 'filters'")
        late = sorted(((_names(candidate, "after") & names) | required) - seen)
        if late:
            raise FilterError(
                f"filter {candidate.name} must come after {', '.join(late)}: change their order in 'filters'"
            )
        if candidate.name in seen:
            raise FilterError(f"filter {candidate.name} is named twice in 'filters'")
        seen.add(candidate.name)


def _names(candidate: Candidate, attribute: str) -> frozenset[str]:
    names: object = getattr(candidate.instance, attribute, frozenset())
    if not isinstance(names, set | frozenset) or not all(isinstance(name, str) for name in names):
        raise FilterError(f"filter {candidate.name}: {attribute!r} must be a set of names")
    return frozenset(names)


def _macros(candidate: Candidate) -> frozenset[str]:
    macros = _names(candidate, "macros")
    wrong = sorted(macro for macro in macros if not _MACRO.match(macro))
    if wrong:
        raise FilterError(f"filter {candidate.name}: {wrong[0]!r} is no macro; write 'j' or '{{mail_mailer}}'")
    return macros


def _blocking(candidate: Candidate, hooks: Mapping[Stage, Hook]) -> bool:
    blocking: object = getattr(candidate.instance, "blocking", False)
    if not isinstance(blocking, bool):
        raise FilterError(f"filter {candidate.name}: 'blocking' must be True or False")
    for stage, hook in hooks.items():
        if blocking and hook.kind is not HookKind.PLAIN:
            raise FilterError(
                f"filter {candidate.name}: {stage} is 'async def', but the filter says blocking = True; "
                "what runs in threads is plain 'def'"
            )
    return blocking


def _refresh_seconds(candidate: Candidate) -> float:
    seconds: object = getattr(candidate.instance, "refresh_seconds", REFRESH_SECONDS)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds >= 1:
        raise FilterError(f"filter {candidate.name}: 'refresh_seconds' must be a number of seconds, 1 or more")
    refresh: object = getattr(candidate.instance, "refresh", None)
    if callable(refresh) and (inspect.iscoroutinefunction(refresh) or inspect.signature(refresh).parameters):
        raise FilterError(f"filter {candidate.name}: 'refresh' must be a plain method that takes nothing")
    return float(seconds)


def _first_sentence(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "; ".join(lines[1:] or lines)
