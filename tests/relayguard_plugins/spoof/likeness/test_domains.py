import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard import to_a_labels
from relayguard_plugins.spoof.likeness.domains import Kind, ProtectedDomains, Resemblance, read_domains
from relayguard_plugins.spoof.likeness.suffixes import Suffixes

SUFFIXES = Suffixes()
EXAMPLE = ProtectedDomains(["example.com"], suffixes=SUFFIXES)
SEVERAL = ProtectedDomains(
    ["example.com", "acme-widgets.co.uk", "m\u00fcller.de", "corp.initech.example", "abb.com", "hoster.github.io"],
    honest=["examples.com", "example.de"],
    suffixes=SUFFIXES,
)


@pytest.mark.parametrize(
    ("domain", "kind"),
    [
        ("examp1e.com", Kind.CONFUSABLE),
        ("exarnple.com", Kind.CONFUSABLE),
        ("3xample.com", Kind.CONFUSABLE),
        ("xn--exmple-cua.com", Kind.CONFUSABLE),
        ("ex\u00e4mple.com", Kind.CONFUSABLE),
        ("exampl\u0435.com", Kind.CONFUSABLE),
        ("examp1e.net", Kind.CONFUSABLE),
        ("mail.examp1e.com", Kind.CONFUSABLE),
        ("xn--example-.com", Kind.CONFUSABLE),
        ("example.co", Kind.OTHER_SUFFIX),
        ("example.net.co", Kind.OTHER_SUFFIX),
        ("login.example.co.uk", Kind.OTHER_SUFFIX),
        ("exam-ple.com", Kind.HYPHEN),
        ("examp-1e.com", Kind.HYPHEN),
        ("example-support.com", Kind.ADDED_WORD),
        ("support-example.com", Kind.ADDED_WORD),
        ("my-example.com", Kind.ADDED_WORD),
        ("it-example.net", Kind.ADDED_WORD),
        ("examplesupport.com", Kind.ADDED_WORD),
        ("secure-login-example.com", Kind.ADDED_WORD),
        ("examp1e-billing.com", Kind.ADDED_WORD),
        ("my-examplelogin.com", Kind.ADDED_WORD),
        ("wwwexample.com", Kind.ADDED_WORD),
        ("exammple.com", Kind.DOUBLED),
        ("exmaple.com", Kind.TRANSPOSED),
        ("examle.com", Kind.EDIT),
        ("exampie.com", Kind.EDIT),
        ("examples.com", Kind.EDIT),
        ("mail.examples.com", Kind.EDIT),
        ("example.com.evil.net", Kind.SUBDOMAIN),
        ("example-com.evil.net", Kind.SUBDOMAIN),
        ("login.examp1e.com.a.b.evil.net", Kind.SUBDOMAIN),
        ("example.com-secure.net", Kind.SUBDOMAIN),
        ("account-example-com.evil.co.uk", Kind.SUBDOMAIN),
        ("EXAMP1E.COM.", Kind.CONFUSABLE),
    ],
)
def test_a_lookalike_is_told_with_its_kind(domain: str, kind: Kind) -> None:
    assert EXAMPLE.resembles(domain) == Resemblance(kind, "example.com", at_provider=kind is Kind.SUBDOMAIN)


@pytest.mark.parametrize("domain", ["example.github.io", "example.myshopify.com", "example.herokuapp.com"])
def test_a_tenant_of_a_provider_may_have_the_name_of_a_protected_domain(domain: str) -> None:
    assert EXAMPLE.resembles(domain) is None


@pytest.mark.parametrize(
    "domain",
    [
        "examp1e.myshopify.com",
        "example-support.github.io",
        "example.com.mail.protection.outlook.com",
        "example-com.zendesk.com",
        "bounce.example.com.sendgrid.net",
    ],
)
def test_what_looks_alike_below_another_holders_domain_may_be_a_customers(domain: str) -> None:
    found = EXAMPLE.resembles(domain)
    assert found is not None
    assert found.at_provider


@pytest.mark.parametrize(
    "domain",
    [
        "example.com",
        "EXAMPLE.com.",
        "mail.example.com",
        "exemplar.com",
        "counter-example.com",
        "example.evil.net",
        "sample.com",
        "exmapel.com",
        "examples.net",
        "for-example.org",
        "com",
        "co.uk",
        "localhost",
        "example",
        "",
        ".",
        "..",
        "[192.0.2.1]",
        "xn--",
        "\ud800.com",
        "example.com" * 50,
    ],
)
def test_honest_domains_and_what_is_no_domain_resemble_nothing(domain: str) -> None:
    assert EXAMPLE.resembles(domain) is None


@pytest.mark.parametrize(
    ("domain", "kind", "protected"),
    [
        ("acmewidgets.com", Kind.HYPHEN, "acme-widgets.co.uk"),
        ("acme-widget.com", Kind.EDIT, "acme-widgets.co.uk"),
        ("acme-widgets-invoices.com", Kind.ADDED_WORD, "acme-widgets.co.uk"),
        ("acme-widgets.co.uk.evil.net", Kind.SUBDOMAIN, "acme-widgets.co.uk"),
        ("muller.de", Kind.CONFUSABLE, "xn--mller-kva.de"),
        ("xn--mller-kva.com", Kind.OTHER_SUFFIX, "xn--mller-kva.de"),
        ("initech.com", Kind.OTHER_SUFFIX, "corp.initech.example"),
        ("corp-initech-example.com", Kind.SUBDOMAIN, "corp.initech.example"),
        ("a8b.com", None, None),
        ("abd.com", None, None),
        ("4bb.com", Kind.CONFUSABLE, "abb.com"),
        ("abb-billing.com", Kind.ADDED_WORD, "abb.com"),
        ("abbmail.com", None, None),
        ("abb-it.com", None, None),
        ("a-b-b.com", None, None),
        ("h0ster.github.io", Kind.CONFUSABLE, "hoster.github.io"),
        ("github.io", None, None),
    ],
)
def test_of_several_protected_domains_the_one_that_is_meant_is_named(
    domain: str, kind: Kind | None, protected: str | None
) -> None:
    found = SEVERAL.resembles(domain)
    assert (found and found.kind, found and found.protected) == (kind, protected)


@pytest.mark.parametrize("domain", ["examples.com", "news.examples.com", "example.de", "initech.example"])
def test_declared_neighbours_and_the_holder_of_a_protected_domain_resemble_nothing(domain: str) -> None:
    assert SEVERAL.resembles(domain) is None


def test_the_neighbour_of_a_declared_neighbour_is_still_a_lookalike() -> None:
    assert SEVERAL.resembles("example.fr") == Resemblance(Kind.OTHER_SUFFIX, "example.com")


def test_two_protected_domains_with_similar_names_are_both_safe() -> None:
    both = ProtectedDomains(["example.com", "examp1e.com"], suffixes=SUFFIXES)
    assert both.resembles("example.com") is None
    assert both.resembles("www.examp1e.com") is None


def test_without_protected_domains_nothing_is_resembled() -> None:
    assert ProtectedDomains([]).resembles("example.com") is None


@pytest.mark.parametrize("name", ["a b.example", "", "x" * 64 + ".example"])
def test_what_is_no_domain_cannot_be_protected(name: str) -> None:
    with pytest.raises(ValueError, match="no domain name"):
        ProtectedDomains([name], suffixes=SUFFIXES)


labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,9}[a-z0-9])?", fullmatch=True)
domains = st.lists(labels, min_size=1, max_size=4).map(".".join)


@given(st.lists(domains, min_size=1, max_size=5), domains, st.data())
def test_everything_below_a_protected_domain_is_safe(names: list[str], below: str, data: st.DataObject) -> None:
    protected = ProtectedDomains(names, suffixes=SUFFIXES)
    name = data.draw(st.sampled_from(names))
    assert protected.resembles(name) is None
    assert protected.resembles(f"{below}.{name}") is None


@given(labels.filter(lambda label: "--" not in label), st.sampled_from(["com", "de", "co.uk"]), st.data())
def test_a_domain_that_looks_like_another_is_looked_like_by_it(name: str, suffix: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(name) - 1))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789"))
    other = name[:place] + letter + name[place + 1 :]
    there = ProtectedDomains([f"{name}.{suffix}"], suffixes=SUFFIXES).resembles(f"{other}.{suffix}")
    back = ProtectedDomains([f"{other}.{suffix}"], suffixes=SUFFIXES).resembles(f"{name}.{suffix}")
    assert (there is None) == (back is None)
    if there and back and Kind.ADDED_WORD not in {there.kind, back.kind}:
        assert there.kind == back.kind


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=260) | domains)
def test_no_domain_breaks_it(domain: str) -> None:
    SEVERAL.resembles(domain)


@given(st.text("exampl1r.-", max_size=30))
def test_a_resemblance_names_a_protected_domain(domain: str) -> None:
    found = SEVERAL.resembles(domain)
    assert found is None or to_a_labels(found.protected) == found.protected


def test_a_file_of_domains_is_read() -> None:
    text = "# ours\nexample.com\n\n  B\u00fccher.example.  # partner\r\nexample.org"
    assert read_domains(text, SUFFIXES) == ["example.com", "xn--bcher-kva.example", "example.org"]


@pytest.mark.parametrize("line", ["a b", "example.com, example.org", "bob@example.com", "*.example.com"])
def test_a_line_that_is_no_domain_is_named(line: str) -> None:
    with pytest.raises(ValueError, match="line 2: no domain name"):
        read_domains(f"example.com\n{line}\n", SUFFIXES)


@pytest.mark.parametrize("line", ["co.uk", "com", "\u9999\u6e2f"])
def test_a_line_that_is_a_public_suffix_is_named_and_a_hosters_own_domain_may_be_protected(line: str) -> None:
    with pytest.raises(ValueError, match=r"line 2: .* is a public suffix"):
        read_domains(f"example.com\n{line}\n", SUFFIXES)
    assert read_domains("github.io", SUFFIXES) == ["github.io"]


@given(st.text(max_size=200))
def test_any_file_of_domains_is_read_or_refused(text: str) -> None:
    try:
        names = read_domains(text, SUFFIXES)
    except ValueError:
        return
    ProtectedDomains(names, suffixes=SUFFIXES)
