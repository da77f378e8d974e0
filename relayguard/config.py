"""The configuration: one TOML file, read strictly; every error is reported at once, with its path."""

import difflib
import json
import re
import socket
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from relayguard.core.domain import to_a_labels
from relayguard.core.envelope import Role

DEFAULT_PATH = Path("/etc/relayguard/relayguard.toml")

ModeName = Literal["enforce", "shadow"]
TransportName = Literal["libmilter", "native"]


def _check_id(value: str) -> str:
    name = to_a_labels(value)
    if name is None:
        raise ValueError("must be a domain name such as mx.example.com")
    return name


_SOCKET_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,255}\Z")


def _check_socket(value: str) -> str:
    kind, _, rest = value.partition(":")
    if kind == "unix" and rest.startswith("/"):
        return value
    if kind == "inet" and _is_host_port(rest):
        return value
    if kind == "systemd" and _SOCKET_NAME.match(rest):
        return value
    raise ValueError("must be unix:/path/of/socket, inet:host:port or systemd:name")


def _check_host_port(value: str) -> str:
    if not _is_host_port(value):
        raise ValueError("must be host:port, such as 127.0.0.1:9108")
    return value


def _is_host_port(value: str) -> bool:
    host, _, port = value.rpartition(":")
    return bool(host) and port.isdecimal() and 0 < int(port) < 65536


def split_host_port(value: str) -> tuple[str, int]:
    """Split ``host:port``; an IPv6 address stands in brackets."""
    host, _, port = value.rpartition(":")
    return host.strip("[]"), int(port)


def _check_nameserver(value: str) -> str:
    try:
        ip_address(split_host_port(_check_host_port(value))[0])
    except ValueError:
        raise ValueError("must be address:port, such as 127.0.0.1:53") from None
    return value


HostPort = Annotated[str, AfterValidator(_check_host_port)]
Nameserver = Annotated[str, AfterValidator(_check_nameserver)]
Network = IPv4Network | IPv6Network

# RFC 5322 §3.6.8 ftext.
_FIELD_PATTERN = re.compile(r"[\x21-\x29\x2b-\x39\x3b-\x7e]{1,76}\*?\Z")
# Without them mail is no mail, or could not be told where it came from.
_NEVER_STRIPPED = frozenset({"from", "received", "authentication-results"})


def _check_field_pattern(value: str) -> str:
    if not _FIELD_PATTERN.match(value):
        raise ValueError("must be the name of a header field, perhaps with * at its end, such as X-Spam-*")
    matched = [name for name in _NEVER_STRIPPED if name == value.lower() or _begins(name, value.lower())]
    if matched:
        raise ValueError(f"must not match {matched[0].title()}")
    return value


def _begins(name: str, pattern: str) -> bool:
    return pattern.endswith("*") and name.startswith(pattern[:-1])


FieldPattern = Annotated[str, AfterValidator(_check_field_pattern)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Listener(_Table):
    """Where the MTA connects, and who serves it there."""

    address: Annotated[str, AfterValidator(_check_socket)] = "unix:/run/relayguard/milter.sock"
    mode: str = Field("0660", pattern=r"^0[0-7]{3}$")
    group: str | None = None
    transport: TransportName = "native"
    workers: int | None = Field(None, ge=1, le=512)
    filters: tuple[str, ...] | None = None


ListenerName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]


def _check_listeners(listeners: dict[str, Listener]) -> dict[str, Listener]:
    names: dict[str, str] = {}
    for name, listener in listeners.items():
        if listener.address in names:
            raise ValueError(f"{names[listener.address]} and {name} have the same address")
        names[listener.address] = name
    return listeners


class Daemon(_Table):
    """How the processes are run. Times are in seconds, memory in MB."""

    control: Path | Literal["off"] = Path("/run/relayguard/control.sock")
    pin: bool = True
    worker_memory: int = Field(512, ge=128)
    heartbeat: float = Field(15.0, ge=3)
    drain: float = Field(330.0, gt=0)
    stop: float = Field(30.0, gt=0)


class Dns(_Table):
    """How DNS is asked."""

    nameservers: tuple[Nameserver, ...] = ()
    timeout: float = Field(5.0, gt=0, le=30)
    cache_entries: int = Field(50_000, ge=100)


class Store(_Table):
    """Where limits are counted. ``lmdb``: by all workers of this host, in `folder`; ``redis``: by all hosts, at `url`.

    `hosts` is how many share a Redis: each counts by such a part of a limit while Redis does not answer.
    """

    kind: Literal["lmdb", "memory", "redis"] = "lmdb"
    folder: Path = Path("/var/lib/relayguard/limits")
    max_keys: int = Field(1_000_000, ge=1000, le=100_000_000)
    url: str = "redis://127.0.0.1:6379/0"
    password_file: Path | None = None
    ca_file: Path | None = None
    prefix: str = Field("relayguard", pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    hosts: int = Field(1, ge=1, le=1000)
    timeout: float = Field(0.05, gt=0, le=5)


class Log(_Table):
    """What is logged, and how."""

    format: Literal["auto", "json", "logfmt", "journald"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


class Metrics(_Table):
    """Where metrics are served."""

    address: HostPort | Literal["off"] = "127.0.0.1:9108"


class AuthenticationResults(_Table):
    """How our Authentication-Results field is written."""

    comments: bool = True


class FilterPolicy(_Table):
    """What can be set for every filter, beside its own options."""

    mode: ModeName | dict[Role, ModeName] | None = None
    on_failure: Literal["continue", "defer"] = "continue"


class Config(_Table):
    """The whole file. ``docs/relayguard.toml`` shows every option with its default, and says what it does."""

    authserv_id: Annotated[str, AfterValidator(_check_id)] = Field(
        default_factory=lambda: to_a_labels(socket.getfqdn()) or "localhost",
    )
    profile: Literal["monitor", "enforce"] = "monitor"
    filters: tuple[str, ...] = ("author", "spf", "dkim", "arc", "dmarc")
    plugin_directory: Path | None = None
    local_networks: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
    submission_networks: tuple[Network, ...] = ()
    submission_daemons: frozenset[str] = frozenset({"ORIGINATING"})
    trusted_relays: tuple[Network, ...] = ()
    strip_headers: tuple[FieldPattern, ...] = ()
    listener: Annotated[dict[ListenerName, Listener], AfterValidator(_check_listeners)] = Field(
        default_factory=lambda: {"default": Listener()}, min_length=1
    )
    daemon: Daemon = Daemon()
    dns: Dns = Dns()
    store: Store = Store()
    log: Log = Log()
    metrics: Metrics = Metrics()
    authentication_results: AuthenticationResults = AuthenticationResults()
    filter: dict[str, dict[str, Any]] = Field(default_factory=dict)

    def filters_of(self, listener: str) -> tuple[str, ...]:
        """Return the filters that run on a listener, in their order."""
        own = self.listener[listener].filters
        return self.filters if own is None else own

    def crews(self, cores: int) -> list["Crew"]:
        """Return who serves what. libmilter serves one listener a process; all native listeners share theirs."""
        native = tuple(name for name, listener in self.listener.items() if listener.transport == "native")
        crews: list[Crew] = []
        for name, listener in self.listener.items():
            if listener.transport == "libmilter":
                crews.append(Crew((name,), "libmilter", self._workers_of((name,), cores)))
            elif name == native[0]:
                crews.append(Crew(native, "native", self._workers_of(native, cores)))
        return crews

    def _workers_of(self, listeners: tuple[str, ...], cores: int) -> int:
        """As many as the most demanding of them has: by default all cores the first of the file, and 1 each other."""
        first = next(iter(self.listener))
        return max(self.listener[name].workers or (cores if name == first else 1) for name in listeners)


@dataclass(frozen=True, slots=True)
class Crew:
    """Listeners that are served by the same `workers` processes."""

    listeners: tuple[str, ...]
    transport: TransportName
    workers: int


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with the configuration: where (dotted path), what, and perhaps what to write instead."""

    path: str
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        hint = f" (did you mean {self.suggestion!r}?)" if self.suggestion else ""
        return f"{self.path}: {self.message}{hint}" if self.path else f"{self.message}{hint}"


class ConfigError(Exception):
    """The configuration cannot be used; `problems` holds every reason.

    `rest` is the configuration with defaults in place of what is wrong, for finding more problems in it.
    """

    def __init__(self, problems: Iterable[Problem], rest: Config | None = None) -> None:
        self.problems = tuple(problems)
        self.rest = rest
        super().__init__("\n".join(str(problem) for problem in self.problems))


def load(path: Path) -> Config:
    """Read the configuration file at `path`; raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError([Problem("", f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([Problem("", f"not UTF-8: byte {error.start}")]) from error
    return parse(text)


def parse(text: str) -> Config:
    """Read a configuration from TOML text; raises ConfigError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([Problem("", f"not valid TOML: {error}")]) from error
    try:
        return _config(table)
    except ConfigError as error:
        wrong = {problem.path.partition(".")[0] for problem in error.problems}
        # What could be a misspelt list of filters tells nothing about filters.
        tells = wrong <= Config.model_fields.keys() - {"filters", "filter", "plugin_directory"}
        rest = _config({name: value for name, value in table.items() if name not in wrong}) if tells else None
        raise ConfigError(error.problems, rest) from error


def _config(table: Mapping[str, Any]) -> Config:
    config: Config = validate(TypeAdapter(Config), table, "", Config.model_fields)
    return config


def validate(adapter: TypeAdapter[Any], table: Mapping[str, Any], path: str, options: Iterable[str]) -> Any:
    """Validate a TOML table strictly; raises ConfigError with all problems.

    JSON mode is used because TOML, like JSON, has arrays where Python has tuples and sets.
    """
    try:
        return adapter.validate_json(json.dumps(table, default=str), strict=True)
    except ValidationError as error:
        known = set(options)
        raise ConfigError(_distinct(_problem(details, path, known) for details in error.errors())) from error


def _distinct(problems: Iterable[Problem]) -> list[Problem]:
    """Keep one problem for each path: every branch of a union complains, and one mistake is to be told once."""
    by_path: dict[str, Problem] = {}
    for problem in problems:
        by_path.setdefault(problem.path, problem)
    inner = {path.rpartition(".")[0] for path in by_path}
    return sorted(problem for path, problem in by_path.items() if path not in inner or not path)


# Of a table and of a filter's own options.
_UNKNOWN = frozenset({"extra_forbidden", "unexpected_keyword_argument"})


def _problem(details: Any, path: str, known: set[str]) -> Problem:
    # Steps that name a branch of a union or a model, not a key, would only confuse.
    *outer, last = (str(step) for step in details["loc"]) if details["loc"] else ("",)
    shown_last = last if details["type"] in _UNKNOWN or not _BRANCH.match(last) else ""
    steps = [*(step for step in outer if not _BRANCH.match(step)), shown_last]
    where = ".".join(filter(None, [path, *steps]))
    if details["type"] in _UNKNOWN:
        key = str(details["loc"][-1])
        siblings = known if len(details["loc"]) == 1 else _keys_of(str(details["loc"][0]))
        close = difflib.get_close_matches(key, sorted(siblings), 1)
        return Problem(where, "unknown option", close[0] if close else None)
    if details["loc"][:1] == ("listener",) and details["type"] == "model_type":
        return Problem(where, "each listener is a table of its own, with a name: write [listener.default]")
    message = (
        details["msg"]
        .removeprefix("Value error, ")
        .replace("an object", "a table")
        .replace("valid tuple", "valid array")
    )
    given = details.get("input")
    # A whole table says nothing that its path does not.
    shown = "" if isinstance(given, dict) else f", not {_shown(given)}"
    return Problem(where, f"{message[0].lower()}{message[1:]}{shown}")


_BRANCH = re.compile(r"IPv[46]Network\Z|is_instance\Z|str\Z|constrained-str\Z|[a-z-]+\[.*\]\Z|\[key\]\Z", re.DOTALL)


def _keys_of(table: str) -> set[str]:
    field = Config.model_fields.get(table)
    model = field.annotation if field is not None else None
    candidates = [model, *get_args(model)]
    return {
        key
        for each in candidates
        if isinstance(each, type) and issubclass(each, BaseModel)
        for key in each.model_fields
    }


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
