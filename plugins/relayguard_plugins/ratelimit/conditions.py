"""Whom a rule is for, and whom it spares."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields

from relayguard import Address, IpNetwork, Role, contains, lies_under, read_authors, to_a_labels
from relayguard_plugins.ratelimit.facts import Fact, Known, unmapped


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """A table of conditions; None where nothing is said.

    A `login` is written in full, or ``@example.com`` for all of a domain. `sender`, `recipient` and `author` are
    addresses, or domains, which stand for all below them, too; for an author, domains alone.
    """

    listener: tuple[str, ...] | None = None
    role: tuple[Role, ...] | None = None
    client: tuple[IpNetwork, ...] | None = None
    login: tuple[str, ...] | None = None
    sender: tuple[str, ...] | None = None
    recipient: tuple[str, ...] | None = None
    author: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("listener", "login"):
            if "" in (getattr(self, name) or ()):
                raise ValueError(f"{name}: an empty name is nobody's")
        for network in self.client or ():
            if (
                network.version == 6
                and network.prefixlen >= 96
                and unmapped(network.network_address) != network.network_address
            ):
                raise ValueError(f"client: {network} is IPv4: write it so")
        for name in ("sender", "recipient", "author"):
            for entry in getattr(self, name) or ():
                _, at, domain = entry.rpartition("@")
                if to_a_labels(domain) is None or (at and name == "author"):
                    raise ValueError(
                        f"{name}: {entry!r} is no {'domain' if name == 'author' else 'address or domain'}"
                    )

    @property
    def said(self) -> dict[str, tuple[object, ...]]:
        """Return what is said, by field."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def facts(self) -> set[Fact]:
        """Return the facts that must be known to tell."""
        return {_FACTS[name] for name in self.said}


_FACTS = {
    "listener": Fact.LISTENER,
    "role": Fact.ROLE,
    "client": Fact.CLIENT,
    "login": Fact.LOGIN,
    "sender": Fact.SENDER,
    "recipient": Fact.RECIPIENT,
    "author": Fact.AUTHOR_DOMAIN,
}

Check = Callable[[Known], bool]


def checks_of(conditions: Conditions) -> list[Check]:
    """Return a check of each thing that is said."""
    return [_TESTS[name](conditions) for name in conditions.said]


def _listener(conditions: Conditions) -> Check:
    names = frozenset(conditions.listener or ())
    return lambda known: known.session.listener in names


def _role(conditions: Conditions) -> Check:
    roles = frozenset(conditions.role or ())
    return lambda known: known.envelope is not None and known.envelope.role in roles


def _client(conditions: Conditions) -> Check:
    networks = conditions.client or ()
    return lambda known: contains(networks, unmapped(known.session.client_address))


def _login(conditions: Conditions) -> Check:
    entries = [entry.casefold() for entry in conditions.login or ()]
    whole, domains = frozenset(entries), tuple(entry for entry in entries if entry.startswith("@"))

    def test(known: Known) -> bool:
        login = known.envelope.login if known.envelope is not None else None
        if not login:
            return False
        login = login.casefold()
        return login in whole or login.endswith(domains)

    return test


def _sender(conditions: Conditions) -> Check:
    matches = _addresses(conditions.sender or ())
    return lambda known: known.envelope is not None and matches(known.envelope.sender)


def _recipient(conditions: Conditions) -> Check:
    matches = _addresses(conditions.recipient or ())
    return lambda known: matches(known.recipient)


def _author(conditions: Conditions) -> Check:
    names = [to_a_labels(name) or "" for name in conditions.author or ()]

    def test(known: Known) -> bool:
        domain = read_authors(known.headers).domain if known.headers is not None else None
        return domain is not None and any(lies_under(domain, name) for name in names)

    return test


def _addresses(entries: Iterable[str]) -> Callable[[Address], bool]:
    whole: set[str] = set()
    domains: list[str] = []
    for entry in entries:
        local, at, domain = entry.rpartition("@")
        name = to_a_labels(domain) or ""
        if local:
            whole.add(f"{local.casefold()}{at}{name}")
        else:
            domains.append(name)
    return lambda address: (
        bool(address.domain)
        and (str(address).casefold() in whole or any(lies_under(address.domain, name) for name in domains))
    )


_TESTS: dict[str, Callable[[Conditions], Check]] = {
    "listener": _listener,
    "role": _role,
    "client": _client,
    "login": _login,
    "sender": _sender,
    "recipient": _recipient,
    "author": _author,
}
