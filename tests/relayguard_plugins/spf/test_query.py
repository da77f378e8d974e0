from collections.abc import Mapping

import pytest
import spf
from hypothesis import given, settings
from hypothesis import strategies as st

from relayguard import Answer, MailExchange, Question, RecordType, Status
from relayguard_plugins.spf.query import MAX_RECORD, MAX_TERM, MAX_TERMS, MissingAnswer, Query, Terms, first_question

A, MX, PTR, TXT = RecordType.A, RecordType.MX, RecordType.PTR, RecordType.TXT
CLIENT = ("A", "c", "cidrmax", "i", "ipaddr", "iplist", "v")
REVERSE = "1.2.0.192.in-addr.arpa"

Dns = Mapping[tuple[str, RecordType], Answer]


def texts(*records: str) -> Answer:
    return Answer(status=Status.FOUND, texts=tuple(record.encode() for record in records))


def hosts(*names: str) -> Answer:
    return Answer(status=Status.FOUND, hosts=names)


NOTHING = Answer(status=Status.NODATA)
BROKEN = Answer(status=Status.TEMPERROR, reason="SERVFAIL")


def query(
    dns: Dns,
    client: str = "192.0.2.1",
    local_part: str = "alice",
    domain: str = "example.com",
    terms: Terms | None = None,
) -> Query:
    answers = {Question(*question): answer for question, answer in dns.items()}
    return Query(
        client, local_part, domain, "mail.example.com", "unknown", answers, Terms() if terms is None else terms
    )


def result(record: str, more: Dns | None = None, client: str = "192.0.2.1") -> str:
    return query({("example.com", TXT): texts(record), **(more or {})}, client).check()[0]


@pytest.mark.parametrize(
    ("record", "client", "value"),
    [
        ("v=spf1 ip4:192.0.2.1 -all", "192.0.2.1", "pass"),
        ("v=spf1 ip4:192.0.2.0/24 -all", "192.0.2.77", "pass"),
        ("v=spf1 ip4:192.0.3.0/24 -all", "192.0.2.77", "fail"),
        ("v=spf1 ip4:0.0.0.0/0 -all", "192.0.2.77", "pass"),
        ("v=spf1 ip6:2001:db8::/32 -all", "2001:db8::1", "pass"),
        ("v=spf1 ip6:2001:db8::/32 -all", "::1", "fail"),
        ("v=spf1 ip6:2001:db8::/32 -all", "192.0.2.1", "fail"),
        ("v=spf1 ip4:192.0.2.1 -all", "::ffff:192.0.2.1", "pass"),
        ("v=spf1 ip4:192.0.2.999 -all", "192.0.2.1", "permerror"),
    ],
)
def test_an_address_matches_its_network_alone(record: str, client: str, value: str) -> None:
    assert result(record, client=client) == value


def test_what_is_not_at_hand_is_named() -> None:
    with pytest.raises(MissingAnswer) as missing:
        query({}).check()
    assert missing.value.questions == [Question("example.com", TXT)]


@pytest.mark.parametrize(
    "domain",
    [
        "example.com",
        "EXAMPLE.com",
        "a_b.example",
        "example.com.",
        "a..b",
        ".a.b",
        "x" * 64 + ".b",
        "x." * 130 + "b",
        "ü.b",
    ],
)
def test_the_first_question_of_an_evaluation_is_known_beforehand(domain: str) -> None:
    first = first_question(domain)
    if first is None:
        assert query({}, domain=domain).check()[0] == "none"
        return
    with pytest.raises(MissingAnswer) as missing:
        query({}, domain=domain).check()
    assert missing.value.questions == [first]


@pytest.mark.parametrize("client", ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1"])
def test_a_client_is_to_the_library_what_it_would_be_without_a_guard(client: str) -> None:
    own, stock = query({}, client=client), spf.query(client, "", "")
    assert [getattr(own, name) for name in CLIENT] == [getattr(stock, name) for name in CLIENT]


def test_the_library_never_asks_dns_itself() -> None:
    with pytest.raises(AssertionError, match="pyspf asked DNS itself"):
        spf.DNSLookup("example.com", "TXT")


def test_dns_trouble_is_a_temporary_error() -> None:
    assert query({("example.com", TXT): BROKEN}).check()[0] == "temperror"


@pytest.mark.parametrize("name", ["a..example.com", f"{'x' * 64}.example.com", ".".join(["x"] * 200)])
def test_a_name_that_cannot_exist_is_not_asked_for(name: str) -> None:
    assert result(f"v=spf1 exists:{name} -all") == "fail"


def test_a_local_part_beyond_ascii_matches_no_domain_name() -> None:
    dns = {("example.com", TXT): texts("v=spf1 exists:%{l}.example.com -all")}
    assert query(dns, local_part="böb").check()[0] == "fail"


def test_an_at_sign_in_a_quoted_local_part_moves_no_domain() -> None:
    dns = {("example.com", TXT): texts("v=spf1 +all")}
    assert query(dns, local_part='"a@example.net"').check()[0] == "pass"


@pytest.mark.parametrize("voids", [2, 3])
def test_the_third_name_without_records_is_a_permanent_error(voids: int) -> None:
    names = [f"v{number}.example.com" for number in range(voids)]
    record = f"v=spf1 {' '.join(f'a:{name}' for name in names)} -all"
    expected = {2: "fail", 3: "permerror"}[voids]
    assert result(record, {(name, A): NOTHING for name in names}) == expected


@pytest.mark.parametrize(
    ("reverse", "forward", "value"),
    [
        (hosts("mail.example.com"), hosts("192.0.2.1"), "pass"),
        (hosts("mail.example.com"), hosts("192.0.2.2"), "fail"),
        (hosts("mail.example.com"), BROKEN, "fail"),
        (BROKEN, NOTHING, "fail"),
    ],
    ids=["right", "elsewhere", "broken forward", "broken reverse"],
)
def test_the_owner_of_an_address_cannot_force_a_temporary_error(reverse: Answer, forward: Answer, value: str) -> None:
    assert result("v=spf1 ptr -all", {(REVERSE, PTR): reverse, ("mail.example.com", A): forward}) == value


def test_only_ten_names_of_an_address_are_looked_at() -> None:
    names = [f"h{number}.example.com" for number in range(11)]
    dns = {(REVERSE, PTR): hosts(*names), **{(name, A): hosts("192.0.2.2") for name in names[:10]}}
    assert result("v=spf1 ptr -all", dns) == "fail"


def test_a_domain_with_eleven_mail_hosts_is_a_permanent_error() -> None:
    exchanges = tuple(MailExchange(10, f"mx{number}.example.com") for number in range(11))
    answer = Answer(status=Status.FOUND, exchanges=exchanges)
    assert result("v=spf1 mx -all", {("example.com", MX): answer}) == "permerror"


def test_the_explanation_is_never_fetched() -> None:
    assert result("v=spf1 -all exp=explain.example.com") == "fail"


def test_a_record_that_costs_too_much_is_a_permanent_error() -> None:
    record = "v=spf1 " + "ip4:192.0.2.1 " * (MAX_RECORD // 14) + "-all"
    assert len(record) > MAX_RECORD
    assert result(record) == "permerror"


def test_a_macro_string_is_looked_through_once_however_many_labels_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[str] = []
    pattern = spf.RE_INVALID_MACRO

    class Counted:
        def search(self, text: str) -> object:
            searched.append(text)
            return pattern.search(text)

    monkeypatch.setattr(spf, "RE_INVALID_MACRO", Counted())
    assert result("v=spf1 exists:%{d}" + ".a" * 1000 + " -all") == "fail"
    assert len(searched) <= 2


TERMS = st.sampled_from(
    ["a", "mx", "ptr", "all", "-all", "ip4:", "ip6:", "exists:", "include:", "redirect=", "exp=", "%{", "}", "%{d}"]
)
NOISE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)


@given(st.lists(TERMS | NOISE, max_size=12), st.sampled_from(["", " "]))
@settings(deadline=None, max_examples=400)
def test_no_record_whatsoever_breaks_the_evaluation(parts: list[str], separator: str) -> None:
    answers = {("example.com", TXT): texts("v=spf1 " + separator.join(parts))}
    try:
        value = query(answers).check()[0]
    except (MissingAnswer, ValueError):
        return
    assert value in ("none", "neutral", "pass", "fail", "softfail", "temperror", "permerror")


@pytest.mark.parametrize(
    ("record", "client", "authorised"),
    [
        ("v=spf1 ip4:192.0.2.0/24 -all", "192.0.2.1", 2**8),
        ("v=spf1 ip4:192.0.2.1 ip4:10.0.0.0/8 -all", "192.0.2.1", 1 + 2**24),
        ("v=spf1 +all", "192.0.2.1", 2**32),
        ("v=spf1 ip4:192.0.2.1 all", "192.0.2.1", 1 + 2**32),
        ("v=spf1 -ip4:10.0.0.0/8 ?ip4:11.0.0.0/8 ip4:192.0.2.1 -all", "192.0.2.1", 1),
        ("v=spf1 ip4:192.0.2.1 -all ip4:0.0.0.0/0", "192.0.2.1", 1),
        ("v=spf1 ip4:0.0.0.0/0 ip6:2001:db8::/32 -all", "2001:db8::1", 2**96),
        ("v=spf1 a:mail.example.com/16 -all", "192.0.2.1", 2**16),
        ("v=spf1 include:other.example -all", "192.0.2.1", 2**16),
        ("v=spf1 ?include:deny.example -include:deny.example ip4:192.0.2.1 -all", "192.0.2.1", 1),
        ("v=spf1 exists:mail.example.com -all", "192.0.2.1", 2**32),
        ("v=spf1 exists:%{d} ip4:192.0.2.1 -all", "192.0.2.1", 1),
        ("v=spf1 include:all.example ?include:all.example -all", "192.0.2.1", 2**32),
        ("v=spf1 ?include:deny.example redirect=all.example", "192.0.2.1", 2**32),
        ("v=spf1 include:doubting.example redirect=all.example", "192.0.2.1", 2**32),
        ("v=spf1 exists:%{ir}.example.com ip4:192.0.2.1 -all", "192.0.2.1", 1),
    ],
)
def test_the_addresses_that_a_domain_lets_pass_are_added_up(record: str, client: str, authorised: int) -> None:
    dns = {
        ("example.com", RecordType.TXT): texts(record),
        ("mail.example.com", RecordType.A): hosts("192.0.2.77"),
        ("other.example", RecordType.TXT): texts("v=spf1 ip4:192.0.0.0/16 -all"),
        ("all.example", RecordType.TXT): texts("v=spf1 +all"),
        ("doubting.example", RecordType.TXT): texts("v=spf1 ?include:all.example -all"),
        ("deny.example", RecordType.TXT): texts("v=spf1 ip4:10.0.0.0/1 ?all"),
        ("example.com", RecordType.A): hosts(),
        ("1.2.0.192.example.com", RecordType.A): hosts(),
    }
    checked = query(dns, client)
    assert checked.check()[0] == "pass"
    assert checked.authorised == authorised


def test_records_that_are_large_together_are_a_permanent_error() -> None:
    includes = " ".join(f"include:i{number}.example" for number in range(5))
    dns = {("example.com", RecordType.TXT): texts(f"v=spf1 {includes} -all")}
    filler = " ".join(["ip4:10.0.0.1"] * 300)
    for number in range(5):
        dns["i" + str(number) + ".example", RecordType.TXT] = texts(f"v=spf1 {filler} -all")
    checked = query(dns)
    assert (checked.check()[0], checked.prob) == ("permerror", "SPF records are larger than 16 KB together")


def evaluated(
    record: str,
    terms: Terms,
    client: str = "192.0.2.1",
    local_part: str = "alice",
    domain: str = "example.com",
    more: Dns | None = None,
) -> tuple[str, int, bool]:
    checked = query({(domain, TXT): texts(record), **(more or {})}, client, local_part, domain, terms)
    return checked.check()[0], checked.authorised, checked.names_sender


MORE: Dns = {
    ("example.com", A): hosts("192.0.2.1"),
    ("example.com", RecordType.AAAA): hosts("2001:db8::1"),
    ("example.org", A): hosts("192.0.2.2"),
    ("example.org", RecordType.AAAA): hosts(),
    ("alice.example.com", A): hosts("127.0.0.2"),
    ("bob.example.com", A): hosts(),
    ("alice.example.org", A): hosts(),
    ("bob.example.org", A): hosts(),
    ("incl.example", TXT): texts("v=spf1 a -all"),
    ("incl.example", A): hosts("192.0.2.1"),
    ("incl.example", RecordType.AAAA): hosts(),
}


@given(
    st.lists(
        st.tuples(
            st.lists(
                st.sampled_from(
                    [
                        "a",
                        "a/24//64",
                        "a:example.org",
                        "-ip4:192.0.2.1",
                        "ip6:2001:db8::/32",
                        "include:incl.example",
                        "include:example.com",
                        "exists:%{l}.%{d}",
                        "a:%{o}",
                        "?all",
                        "ip4:1.2.3",
                        "junk",
                    ]
                ),
                max_size=4,
            ),
            st.sampled_from(["192.0.2.1", "2001:db8::1"]),
            st.sampled_from(["alice", "bob"]),
            st.sampled_from(["example.com", "example.org"]),
        ),
        max_size=6,
    )
)
@settings(deadline=None, max_examples=200)
def test_terms_that_were_read_before_mean_what_they_would_mean_anew(
    mail: list[tuple[list[str], str, str, str]],
) -> None:
    kept = Terms()
    for words, *sender in mail * 2:
        record = " ".join(["v=spf1", *words])
        assert outcome(record, kept, *sender) == outcome(record, Terms(), *sender)


def outcome(record: str, terms: Terms, client: str, local_part: str, domain: str) -> object:
    try:
        return evaluated(record, terms, client, local_part, domain, MORE)
    except MissingAnswer as missing:
        return missing.questions


def test_terms_that_depend_on_the_sender_are_read_for_each_message() -> None:
    terms = Terms()
    record = "v=spf1 exists:%{l}.example.com -all"
    assert [evaluated(record, terms, local_part=name, more=MORE)[0] for name in ("alice", "bob")] == ["pass", "fail"]
    assert len(terms) == 1


def test_a_domain_that_looks_like_a_macro_is_expanded_for_each_message() -> None:
    more = {**MORE, ("%{l}.example.com", TXT): texts("v=spf1 a -all"), ("alice.example.com", A): hosts("192.0.2.1")}
    terms = Terms()
    record = "v=spf1 include:%%{l}.example.com -all"
    results = [evaluated(record, terms, local_part=name, more=more) for name in ("alice", "bob")]
    assert results == [("pass", 1, True), ("fail", 1, True)]


def test_strangers_cannot_fill_the_memory_with_terms() -> None:
    terms = Terms()
    for number in range(MAX_TERMS + 10):
        terms.put(f"a:{number}.example", "example.com", "in-addr", ("", "a", "", 32, "pass"))
    terms.put("a:" + "x" * MAX_TERM, "example.com", "in-addr", ("", "a", "", 32, "pass"))
    assert len(terms) == 10
