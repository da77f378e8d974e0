"""The domains that mail of the corpus comes from, and what each publishes in DNS."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from bench.keys import KeyPair

FORWARDER = ("192.0.2.77", "fwd.rgb-forwarder.org")
SPAMMER = ("192.0.2.66", "evil.rgb-spammer.net")
SPREAD = ("com", "net", "org", "co.uk", "de", "fr", "com.au", "io", "co.jp", "eu")

_NAMES = [
    "acme",
    "bluefin",
    "cobalt",
    "dynamo",
    "evergreen",
    "falcon",
    "granite",
    "harbor",
    "indigo",
    "juniper",
    "kestrel",
    "lumen",
    "mosaic",
    "nimbus",
    "onyx",
    "pioneer",
    "quartz",
    "ridge",
    "summit",
    "tundra",
]
_POLICIES = ("reject", "quarantine", "none", "reject")
_LONGEST_STRING = 250


@dataclass(frozen=True, slots=True)
class Record:
    """One DNS record, in the words of a zone file; the name is absolute, without its dot."""

    name: str
    type: str
    value: str


@dataclass(frozen=True, slots=True)
class Site:
    """A sending domain, and the provider through which it may send.

    `number` makes sites differ: in their policies, in the shape of their SPF records, in their addresses.
    """

    number: int
    domain: str
    provider: str
    keys: KeyPair
    provider_keys: KeyPair

    @property
    def address(self) -> str:
        """The address that it sends from: the provider's, through an include, or its own."""
        host = 10 + self.number % 90
        return f"203.0.113.{host}" if self.number % 2 else f"198.51.100.{host}"

    @property
    def stranger(self) -> str:
        """What SPF says of everybody else."""
        return "fail" if self.number % 3 else "softfail"


def known_sites(keys: tuple[KeyPair, ...]) -> list[Site]:
    """Return twenty domains that share one provider: after a moment, every cache knows them."""
    *own, shared = keys
    provider = "rgb-espmail.com"
    return [
        Site(n, f"rgb-{name}.{SPREAD[n % len(SPREAD)]}", provider, own[n % len(own)], shared)
        for n, name in enumerate(_NAMES)
    ]


def unknown_site(number: int, keys: tuple[KeyPair, ...]) -> Site:
    """Return a domain of which no name is shared with any other site."""
    domain = f"rgb-c{number:05d}.{SPREAD[number % len(SPREAD)]}"
    return Site(number, domain, f"rgb-e{number:05d}.net", keys[number % len(keys)], keys[-1])


def text_record(name: str, value: str) -> Record:
    """Return a TXT record in strings that are short enough."""
    strings = textwrap.wrap(value, _LONGEST_STRING, drop_whitespace=False, break_on_hyphens=False)
    return Record(name, "TXT", " ".join(f'"{string}"' for string in strings))


def records_of(site: Site) -> Iterator[Record]:
    """Yield what a site publishes."""
    domain, host = site.domain, 100 + site.number % 50
    rest = "-all" if site.number % 3 else "~all"
    yield text_record(domain, f"v=spf1 {_mechanisms(site)} {rest}")
    yield text_record(f"bounces.{domain}", f"v=spf1 redirect={domain}")
    yield text_record(f"mail.{domain}", "v=spf1 a -all")
    for name in (domain, f"news.{domain}"):
        yield Record(name, "A", f"203.0.113.{host + 100}")
    for name in (domain, f"news.{domain}", f"bounces.{domain}"):
        yield Record(name, "MX", f"10 mail.{domain}.")
    yield Record(f"mail.{domain}", "A", site.address)
    yield Record(_reverse(site.address), "PTR", f"mail.{domain}.")
    alignment = "; adkim=r; aspf=r" if site.number % 2 else ""
    policy = _POLICIES[site.number % len(_POLICIES)]
    yield text_record(f"_dmarc.{domain}", f"v=DMARC1; p={policy}; rua=mailto:dmarc@{domain}{alignment}")
    yield from _key_records(domain, site.keys)


def provider_records(site: Site) -> Iterator[Record]:
    """Yield what a site's provider publishes: an include chain two deep."""
    provider = site.provider
    ranges = " ".join(f"ip4:192.0.2.{128 + 4 * block}/30" for block in range(8))
    yield text_record(f"_spf.{provider}", f"v=spf1 include:_a.{provider} include:_b.{provider} ~all")
    yield text_record(f"_a.{provider}", f"v=spf1 {ranges} ~all")
    yield text_record(f"_b.{provider}", "v=spf1 ip4:198.51.100.0/24 ip4:203.0.113.252/30 ~all")
    yield text_record(provider, f"v=spf1 include:_spf.{provider} -all")
    yield text_record(f"o1.{provider}", "v=spf1 a -all")
    yield text_record(f"_dmarc.{provider}", "v=DMARC1; p=none")
    yield Record(provider, "MX", f"10 o1.{provider}.")
    yield Record(f"o1.{provider}", "A", "198.51.100.200")
    yield from _key_records(provider, site.provider_keys)


def stranger_records() -> Iterator[Record]:
    """Yield what a forwarder and a spammer publish."""
    for address, name in (FORWARDER, SPAMMER):
        yield Record(name, "A", address)
    yield text_record(FORWARDER[1], "v=spf1 a -all")
    yield Record(_reverse(FORWARDER[0]), "PTR", f"{FORWARDER[1]}.")


def _mechanisms(site: Site) -> str:
    own = 10 + site.number % 90
    if site.number % 2 == 0:
        return f"ip4:203.0.113.{100 + site.number % 50} include:_spf.{site.provider}"
    if site.number % 4 == 1:
        return f"ip4:203.0.113.{own}/32 ip6:2001:db8:{site.number}::/48"
    return f"mx a:mail.{site.domain} include:_spf.{site.provider}"


def _key_records(domain: str, keys: KeyPair) -> Iterator[Record]:
    # The note tells records apart whose key is the same, so that none is parsed already.
    note = f"n={domain}; "
    yield text_record(f"s2048._domainkey.{domain}", f"v=DKIM1; k=rsa; {note}p={keys.published_rsa}")
    yield text_record(f"ed1._domainkey.{domain}", f"v=DKIM1; k=ed25519; {note}p={keys.published_ed25519}")


def _reverse(address: str) -> str:
    return ".".join(reversed(address.split("."))) + ".in-addr.arpa"
