"""The only place where everything is wired: from a configuration to a pipeline that runs."""

import difflib
import inspect
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, is_dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

from pydantic import ConfigDict, TypeAdapter

from relayguard.config import Config, ConfigError, FilterPolicy, Problem, split_host_port, validate
from relayguard.core.envelope import Role
from relayguard.dns.resolver import CachingResolver, DnsObserver, Nameserver, system_nameservers
from relayguard.files import OperatorFiles
from relayguard.log import Logger
from relayguard.pipeline.connection import Pipeline
from relayguard.pipeline.discovery import FilterError, find_class, known_names
from relayguard.pipeline.dispatch import Dispatcher
from relayguard.pipeline.filters import Filter, Mode, OnFailure, Policy
from relayguard.pipeline.forged import name_pattern
from relayguard.pipeline.needs import needs_of
from relayguard.pipeline.record import Observer
from relayguard.pipeline.registry import Candidate, register
from relayguard.pipeline.rules import Rules
from relayguard.services import Files, Metrics, Resolver, Services, Store
from relayguard.snapshot import Snapshot
from relayguard.stores.backend import Backend
from relayguard.stores.memory import MemoryBackend
from relayguard.stores.shared import Place, SharedStore, StoreObserver


class SystemClock:
    """See `relayguard.services.Clock`."""

    def now(self) -> float:
        """See `Clock`."""
        return time.time()


@dataclass(frozen=True, slots=True)
class _Blueprint:
    """A filter that is known to be loadable, with its checked options."""

    name: str
    cls: type
    policy: Policy
    options: object | None


def build_filters(snapshot: Snapshot, services: Services, listener: str) -> tuple[Filter, ...]:
    """Return the filters of a listener; raises ConfigError with every problem found."""
    blueprints, problems = _plan(snapshot, listener)
    candidates = []
    for blueprint in blueprints:
        try:
            own = replace(services, listeners=_listeners_of(blueprint.name, snapshot.config))
            candidates.append(Candidate(blueprint.name, _construct(blueprint, own), blueprint.policy))
        # A stranger's constructor may raise anything; the operator gets it with the filter's name.
        except Exception as error:
            problems.append(Problem(f"filter.{blueprint.name}", f"{type(error).__name__}: {error}"))
    if not problems:
        try:
            return register(candidates)
        except FilterError as error:
            problems.append(Problem("filters", str(error)))
    raise ConfigError(sorted(problems))


def _listeners_of(name: str, config: Config) -> tuple[str, ...]:
    return tuple(listener for listener in config.listener if name in config.filters_of(listener))


def build_pipeline(
    config: Config, filters: Iterable[Filter], observer: Observer, metrics: Metrics, listener: str
) -> Pipeline:
    """Return the pipeline of one listener."""
    filters = tuple(filters)
    rules = Rules(
        authserv_id=config.authserv_id,
        local_networks=config.local_networks,
        submission_networks=config.submission_networks,
        submission_daemons=config.submission_daemons,
        trusted_relays=config.trusted_relays,
        comments=config.authentication_results.comments,
        strip_headers=name_pattern(config.strip_headers),
    )
    return Pipeline(
        listener=listener,
        needs=needs_of(filters),
        dispatcher=Dispatcher(filters, observer),
        observer=observer,
        rules=rules,
        metrics=metrics,
    )


def build_resolver(config: Config, observer: DnsObserver) -> CachingResolver:
    """Return the resolver; raises ConfigError if there is no nameserver to ask."""
    servers: list[Nameserver] = [split_host_port(server) for server in config.dns.nameservers]
    try:
        return CachingResolver(
            servers or system_nameservers(), config.dns.timeout, config.dns.cache_entries, observer
        )
    except ValueError as error:
        raise ConfigError([Problem("dns.nameservers", str(error))]) from error


def build_backend(config: Config, moved_aside: Callable[[str], None] = lambda _: None) -> Backend:
    """Return where limits are counted as long as all is well; raises ConfigError. Opens and connects nothing."""
    store = config.store
    if store.kind == "redis":
        from relayguard.stores.redis.backend import RedisBackend

        try:
            return RedisBackend(store.url, store.password_file, store.ca_file, store.prefix, store.timeout)
        except ValueError as error:
            raise ConfigError([Problem("store", str(error))]) from error
    if store.kind == "lmdb":
        from relayguard.stores.lmdb.backend import LmdbBackend

        return LmdbBackend(store.folder, store.max_keys, store.timeout, moved_aside=moved_aside)
    return MemoryBackend()


def build_store(config: Config, observer: StoreObserver, logger: Logger, workers: int) -> SharedStore:
    """Return where limits are counted, best first: what all hosts share, what this host has, what each worker has.

    Opens and connects nothing: that is done when something is counted. `workers` is how many there are on this host.
    """

    def moved(path: str) -> None:
        observer.store_moved_aside()
        logger.error("a broken file of counters was moved aside", path=path)

    def places() -> list[Place]:
        # Who counts by itself in a place has its share of a limit there.
        kind, hosts = config.store.kind, config.store.hosts
        if kind == "memory":
            return [Place(build_backend(config), workers)]
        if kind == "lmdb":
            return [Place(build_backend(config, moved)), Place(MemoryBackend(), workers)]
        alone = config.model_copy(update={"store": config.store.model_copy(update={"kind": "lmdb"})})
        own = [Place(build_backend(alone, moved), hosts), Place(MemoryBackend(), hosts * workers)]
        return [Place(build_backend(config)), *own]

    return SharedStore(places, observer, logger)


def services_of(
    config: Config, resolver: Resolver, metrics: Metrics, store: Store, files: Files | None = None
) -> Services:
    """Return what filters may ask for; `files` are those of the disk unless said."""
    return Services(
        resolver=resolver,
        clock=SystemClock(),
        metrics=metrics,
        store=store,
        files=files or OperatorFiles(),
        authserv_id=config.authserv_id,
        listeners=tuple(config.listener),
    )


def _plan(snapshot: Snapshot, listener: str) -> tuple[list[_Blueprint], list[Problem]]:
    config = snapshot.config
    problems = _unused_tables(config)
    blueprints: list[_Blueprint] = []
    for name, count in Counter(config.filters_of(listener)).items():
        if count > 1:
            problems.append(Problem("filters", f"{name!r} is named {count} times; a filter runs once"))
        try:
            cls = find_class(name, snapshot.drop_ins.get(name))
            blueprints.append(_blueprint(config, name, cls))
        except FilterError as error:
            problems.append(_not_usable(name, snapshot, error))
        except ConfigError as error:
            problems += error.problems
    return blueprints, problems


def _not_usable(name: str, snapshot: Snapshot, error: FilterError) -> Problem:
    folder = snapshot.config.plugin_directory
    sought = f", and there is no {folder / name}.py" if folder and name not in snapshot.drop_ins else ""
    return Problem("filters", f"there is no filter {name!r}: {error}{sought}", _close(name, folder))


def _blueprint(config: Config, name: str, cls: type) -> _Blueprint:
    table = dict(config.filter.get(name, {}))
    path = f"filter.{name}"
    common = {key: table.pop(key) for key in FilterPolicy.model_fields if key in table}
    problems: list[Problem] = []
    policy, options = Policy(), None
    try:
        parsed: FilterPolicy = validate(TypeAdapter(FilterPolicy), common, path, FilterPolicy.model_fields)
        # A filter whose class says so judges content, and by default only as far as the profile goes.
        follows = getattr(cls, "follows_profile", False) and config.profile == "monitor"
        policy = _policy(parsed, Mode.SHADOW if follows else Mode.ENFORCE)
    except ConfigError as error:
        problems += error.problems
    try:
        options = _options(cls, table, path)
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(problems)
    return _Blueprint(name, cls, policy, options)


def _options(cls: type, table: dict[str, Any], path: str) -> object | None:
    """Check a filter's own options against the dataclass that its constructor takes."""
    options_class = constructor_hints(cls).get("options")
    if options_class is None:
        if table:
            raise ConfigError([Problem(f"{path}.{key}", "unknown option: this filter has none") for key in table])
        return None
    if not (isinstance(options_class, type) and is_dataclass(options_class)):
        raise ConfigError([Problem(path, f"the 'options' of {cls.__name__} must be annotated with a dataclass")])
    _be_strict(options_class)
    fields = (*options_class.__dataclass_fields__, *FilterPolicy.model_fields)
    options: object = validate(TypeAdapter(options_class), table, path, fields)
    return options


def _be_strict(options_class: type) -> None:
    """Have a dataclass, and those that its fields are made of, refuse unknown options and wrong types."""
    seen: set[type] = set()
    hints: list[Any] = [options_class]
    while hints:
        hint = hints.pop()
        hints += get_args(hint)
        if isinstance(hint, type) and is_dataclass(hint) and hint not in seen:
            seen.add(hint)
            hint.__pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[attr-defined]
            hints += get_type_hints(hint).values()


def constructor_hints(cls: type) -> dict[str, Any]:
    """Return the annotations of a filter's constructor: it takes any of ``options`` and ``services``."""
    initializer = inspect.getattr_static(cls, "__init__")
    try:
        return get_type_hints(initializer)
    except NameError as error:
        raise FilterError(f"the annotations of {cls.__name__}.__init__ cannot be read: {error}") from error


def _construct(blueprint: _Blueprint, services: Services) -> object:
    hints = constructor_hints(blueprint.cls)
    given = {"options": blueprint.options, "services": services}
    arguments = {name: value for name, value in given.items() if name in hints}
    return blueprint.cls(**arguments)


def _policy(parsed: FilterPolicy, default: Mode) -> Policy:
    if isinstance(parsed.mode, str):
        modes = dict.fromkeys(Role, Mode(parsed.mode))
    else:
        modes = {role: Mode((parsed.mode or {}).get(role, default)) for role in Role}
    return Policy(modes, OnFailure(parsed.on_failure))


def _unused_tables(config: Config) -> list[Problem]:
    """A table for a filter that does not run is a mistake, or a filter that was forgotten."""
    message = "this filter is not named in 'filters', so the table has no effect"
    named = {name for listener in config.listener for name in config.filters_of(listener)}
    return [Problem(f"filter.{name}", message) for name in config.filter if name not in named]


def _close(name: str, folder: Path | None) -> str | None:
    matches = difflib.get_close_matches(name, sorted(known_names(folder)), 1)
    return matches[0] if matches else None
