import asyncio
import gc
from collections.abc import Iterable, Mapping
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relayguard import Answer, Cap, Question, RecordType, SpfValue, Status
from relayguard.testing import CountedMetrics, ZoneResolver
from relayguard_plugins.spf.evaluation import MAX_KEPT, MAX_QUERIES, Checked, Evaluator, Sender
from relayguard_plugins.spf.filter import Options
from relayguard_plugins.spf.query import Query

ZONE = """\
example.com.        IN TXT "v=spf1 a:mail.example.com include:example.net -all"
mail.example.com.   IN A 192.0.2.1
example.net.        IN TXT "v=spf1 ip4:192.0.2.2 -all"
loop.example.       IN TXT "v=spf1 include:loop2.example -all"
loop2.example.      IN TXT "v=spf1 include:loop.example -all"
spin.example.       IN TXT "v=spf1 redirect=spin.example"
two.example.        IN TXT "v=spf1 +all"
two.example.        IN TXT "v=spf1 -all"
ten.example.        IN TXT "v=spf10 +all"
deep.example.       IN TXT "v=spf1 include:a.deep.example -all"
xn--mnchen-3ya.example. IN TXT "v=spf1 +all"
com.                IN TXT "v=spf1 +all"
$SERVFAIL broken.example.
$SILENT silent.example.
"""


class Slow:
    """A `Resolver` that takes longer than anybody waits."""

    def cached(self, question: Question) -> Answer | None:
        return None

    def prefetch(self, questions: Iterable[Question]) -> None:
        pass

    async def resolve(self, question: Question) -> Answer:
        await asyncio.sleep(3600)
        raise AssertionError

    async def resolve_all(self, questions: Iterable[Question]) -> Mapping[Question, Answer]:
        return {question: await self.resolve(question) for question in questions}


def check(domain: str, client: str = "192.0.2.1", zone: str = ZONE, local_part: str = "alice") -> Checked:
    evaluator = Evaluator(ZoneResolver(zone), CountedMetrics(), "unknown", timeout=8)
    return asyncio.run(evaluator.check(ip_address(client), local_part, domain, "mail.example.com"))


@pytest.mark.parametrize(
    ("domain", "client", "value"),
    [
        ("example.com", "192.0.2.1", SpfValue.PASS),
        ("example.com", "192.0.2.2", SpfValue.PASS),
        ("example.com", "192.0.2.3", SpfValue.FAIL),
        ("EXAMPLE.com.", "192.0.2.1", SpfValue.PASS),
        ("münchen.example", "192.0.2.1", SpfValue.PASS),
        ("nothing.example", "192.0.2.1", SpfValue.NONE),
        ("ten.example", "192.0.2.1", SpfValue.NONE),
        ("two.example", "192.0.2.1", SpfValue.PERMERROR),
        ("loop.example", "192.0.2.1", SpfValue.PERMERROR),
        ("spin.example", "192.0.2.1", SpfValue.PERMERROR),
        ("broken.example", "192.0.2.1", SpfValue.TEMPERROR),
        ("silent.example", "192.0.2.1", SpfValue.TEMPERROR),
    ],
)
def test_a_domain_says_who_may_send_for_it(domain: str, client: str, value: SpfValue) -> None:
    assert check(domain, client).value is value


def test_an_evaluation_leaves_nothing_behind_for_the_collection_of_garbage() -> None:
    gc.collect()
    gc.disable()
    try:
        # A local part of its own, for there may be evaluations of others about.
        check("example.com", "192.0.2.2", local_part="transient")
        left = [each for each in gc.get_objects() if isinstance(each, Query) and each.l == "transient"]
    finally:
        gc.enable()
    assert not left


@pytest.mark.parametrize(
    "domain", ["", "com", "a..example.com", "[192.0.2.1]", "exam ple.com", "x" * 300 + ".example"]
)
def test_what_is_no_domain_name_has_no_policy_and_is_not_asked_for(domain: str) -> None:
    resolver = ZoneResolver(ZONE)
    evaluator = Evaluator(resolver, CountedMetrics(), "unknown", timeout=8)
    checked = asyncio.run(evaluator.check(ip_address("192.0.2.1"), "alice", domain, "mail.example.com"))
    assert (checked, resolver.asked) == (Checked(SpfValue.NONE), [])


def test_a_client_without_an_address_has_no_result() -> None:
    evaluator = Evaluator(ZoneResolver(ZONE), CountedMetrics(), "unknown", timeout=8)
    checked = asyncio.run(evaluator.check(None, "alice", "example.com", "mail.example.com"))
    assert checked == Checked(SpfValue.NONE)


@pytest.mark.parametrize(
    ("client", "value"),
    [("fe80::1%eth0", SpfValue.FAIL), ("::1", SpfValue.FAIL), ("::ffff:192.0.2.2", SpfValue.PASS)],
)
def test_no_form_of_address_breaks_the_evaluation(client: str, value: SpfValue) -> None:
    assert check("example.net", client).value is value


@pytest.mark.parametrize(("includes", "value"), [(10, SpfValue.PASS), (11, SpfValue.PERMERROR)])
def test_ten_lookups_are_allowed_and_no_more(includes: int, value: SpfValue) -> None:
    chain = "".join(f'd{n}.example. IN TXT "v=spf1 include:d{n + 1}.example"\n' for n in range(includes))
    assert check("d0.example", zone=chain + f'd{includes}.example. IN TXT "v=spf1 +all"\n').value is value


def test_a_loop_is_given_up_after_ten_lookups() -> None:
    resolver = ZoneResolver(ZONE)
    evaluator = Evaluator(resolver, CountedMetrics(), "unknown", timeout=8)
    asyncio.run(evaluator.check(ip_address("192.0.2.1"), "alice", "loop.example", "mail.example.com"))
    assert resolver.asked == [Question(f"{name}.example", RecordType.TXT) for name in ("loop", "loop2")]


def test_dns_that_takes_too_long_is_a_temporary_error() -> None:
    evaluator = Evaluator(Slow(), CountedMetrics(), "unknown", timeout=0.01)
    checked = asyncio.run(evaluator.check(ip_address("192.0.2.1"), "alice", "example.com", "mail.example.com"))
    assert checked == Checked(SpfValue.TEMPERROR, "DNS took too long")


class SilentPtr(ZoneResolver):
    """The client's own reverse zone is served by name servers that never answer."""

    async def resolve(self, question: Question) -> Answer:
        if question.type is RecordType.PTR:
            return Answer(status=Status.FOUND, hosts=("a.silent.example", "b.silent.example"))
        if question.name.endswith("silent.example"):
            await asyncio.sleep(60)
        return await super().resolve(question)


def test_a_client_cannot_force_an_error_with_a_silent_reverse_zone() -> None:
    resolver = SilentPtr('example.com. IN TXT "v=spf1 ptr -all"\n')
    evaluator = Evaluator(resolver, CountedMetrics(), "unknown", timeout=0.4)
    checked = asyncio.run(evaluator.check(ip_address("192.0.2.1"), "alice", "example.com", "mail.example.com"))
    assert checked.value is SpfValue.FAIL


class Slowly(ZoneResolver):
    """Addresses take longer than anybody waits for those of a PTR."""

    async def resolve(self, question: Question) -> Answer:
        if question.type is RecordType.A:
            await asyncio.sleep(0.3)
        return await super().resolve(question)


def test_what_came_too_late_for_a_ptr_is_asked_again_where_it_is_needed() -> None:
    zone = (
        'example.com. IN TXT "v=spf1 ptr mx -all"\nexample.com. IN MX 1 mail.example.com.\n'
        "mail.example.com. IN A 192.0.2.1\n1.2.0.192.in-addr.arpa. IN PTR mail.example.com.\n"
    )
    evaluator = Evaluator(Slowly(zone), CountedMetrics(), "unknown", timeout=0.7)
    checked = asyncio.run(evaluator.check(ip_address("192.0.2.1"), "alice", "example.com", "mail.example.com"))
    assert checked.value is SpfValue.PASS


def test_names_without_address_in_the_clients_own_zone_are_not_held_against_the_domain() -> None:
    names = "".join(f"7.100.51.198.in-addr.arpa. IN PTR n{number}.other.example.\n" for number in range(3))
    zone = 'example.com. IN TXT "v=spf1 ptr:other.example ip4:198.51.100.7 -all"\n' + names
    evaluator = Evaluator(ZoneResolver(zone), CountedMetrics(), "unknown", timeout=5)
    checked = asyncio.run(evaluator.check(ip_address("198.51.100.7"), "alice", "example.com", "mail.example.com"))
    assert checked.value is SpfValue.PASS


def test_the_hosts_of_an_mx_are_asked_at_once() -> None:
    resolver = Counted(
        'example.com. IN TXT "v=spf1 mx -all"\nexample.com. IN MX 1 a.example.com.\n'
        "example.com. IN MX 2 b.example.com.\nb.example.com. IN A 192.0.2.1\n"
    )
    evaluator = Evaluator(resolver, CountedMetrics(), "unknown", timeout=5)
    checked = asyncio.run(evaluator.check(ip_address("192.0.2.1"), "alice", "example.com", "mail.example.com"))
    assert checked.value is SpfValue.PASS
    assert resolver.rounds == [1, 1, 2]


class Counted(ZoneResolver):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.rounds: list[int] = []

    async def resolve_all(self, questions: Iterable[Question]) -> Mapping[Question, Answer]:
        wanted = list(questions)
        self.rounds.append(len(wanted))
        return await super().resolve_all(wanted)


@pytest.mark.parametrize("timeout", [0.0, -1.0, 20.0])
def test_a_timeout_that_the_stage_does_not_allow_is_refused(timeout: float) -> None:
    with pytest.raises(ValueError, match="at most 9 seconds"):
        Options(timeout=timeout)


def test_the_reason_of_an_error_is_told_and_of_a_failure_is_not() -> None:
    assert check("two.example").reason == "Two or more type TXT spf records found."
    assert check("broken.example").reason == "DNS SERVFAIL for TXT of broken.example"
    assert check("example.com", "192.0.2.3").reason is None


TEN_HOSTS = "".join(
    f"m{n}.example. IN MX 10 h{n}x{m}.example.\nh{n}x{m}.example. IN A 198.51.100.1\n"
    for n in range(10)
    for m in range(10)
)


def test_an_identity_may_cause_fifty_queries_and_no_more() -> None:
    metrics = CountedMetrics()
    zone = f'greedy.example. IN TXT "v=spf1 {" ".join(f"mx:m{n}.example" for n in range(10))} -all"\n' + TEN_HOSTS
    resolver = ZoneResolver(zone)
    evaluator = Evaluator(resolver, metrics, "unknown", timeout=60)
    checked = asyncio.run(evaluator.check(ip_address("192.0.2.1"), "alice", "greedy.example", "mail.example.com"))
    assert checked == Checked(SpfValue.PERMERROR, "more than 50 DNS queries")
    assert metrics.caps == [Cap.DNS_QUERIES]
    # The eleven of the MX that was one too many were not asked.
    assert MAX_QUERIES - 11 < len(resolver.asked) <= MAX_QUERIES


@given(st.text(max_size=30), st.text(max_size=30))
@settings(deadline=None, max_examples=200)
def test_no_sender_whatsoever_breaks_the_evaluation(local_part: str, helo: str) -> None:
    zone = 'example.com. IN TXT "v=spf1 exists:%{l}.%{h}.%{s}.example.com -all"\n'
    evaluator = Evaluator(ZoneResolver(zone), CountedMetrics(), "unknown", timeout=8)
    checked = asyncio.run(evaluator.check(ip_address("192.0.2.1"), local_part, "example.com", helo))
    assert checked.value in (SpfValue.FAIL, SpfValue.PERMERROR, SpfValue.TEMPERROR)


class Records:
    """A `Resolver` whose answers hold for a time, on a clock that a test moves; `asked` counts its questions."""

    def __init__(self, answers: Mapping[tuple[str, RecordType], Answer]) -> None:
        self.answers = {Question(*question): answer for question, answer in answers.items()}
        self.asked: list[str] = []
        self.seconds = 0.0
        self.evaluator = Evaluator(self, CountedMetrics(), "unknown", timeout=8, monotonic=lambda: self.seconds)

    def cached(self, question: Question) -> Answer | None:
        self.asked.append(question.name)
        return self.answers.get(question, Answer(status=Status.NXDOMAIN, expires=1000.0))

    def prefetch(self, questions: Iterable[Question]) -> None:
        pass

    async def resolve(self, question: Question) -> Answer:
        raise AssertionError("all is at hand")

    async def resolve_all(self, questions: Iterable[Question]) -> Mapping[Question, Answer]:
        return {question: await self.resolve(question) for question in questions}

    def check(
        self,
        client: str = "192.0.2.1",
        domain: str = "example.com",
        local_part: str = "alice",
        helo: str = "a.example",
    ) -> SpfValue:
        return asyncio.run(self.evaluator.check(ip_address(client), local_part, domain, helo)).value

    def publish(self, name: str, record: str, expires: float = 1000.0) -> None:
        answer = Answer(status=Status.FOUND, texts=(record.encode(),), expires=expires)
        self.answers[Question(name, RecordType.TXT)] = answer


def records(**published: str) -> Records:
    made = Records({})
    for name, record in published.items():
        made.publish(f"{name}.com", record)
    return made


def test_a_result_is_given_again_without_a_question() -> None:
    dns = records(example="v=spf1 ip4:192.0.2.1 -all")
    assert dns.check() is SpfValue.PASS
    dns.asked.clear()
    assert [dns.check(), dns.check(local_part="bob", helo="b.example")] == [SpfValue.PASS, SpfValue.PASS]
    assert dns.asked == []


def test_another_client_and_another_domain_have_results_of_their_own() -> None:
    dns = records(example="v=spf1 ip4:192.0.2.1 -all", other="v=spf1 ?all")
    assert dns.check() is SpfValue.PASS
    assert dns.check(client="192.0.2.2") is SpfValue.FAIL
    assert dns.check(client="2001:db8::1") is SpfValue.FAIL
    assert dns.check(domain="other.com") is SpfValue.NEUTRAL
    assert dns.check(client="::ffff:192.0.2.1") is SpfValue.PASS


def test_a_result_holds_no_longer_than_the_first_of_its_records() -> None:
    dns = records(example="v=spf1 include:other.com -all")
    dns.publish("other.com", "v=spf1 ip4:192.0.2.1 -all", expires=60.0)
    assert dns.check() is SpfValue.PASS
    dns.publish("other.com", "v=spf1 -all")
    dns.seconds = 59.9
    assert dns.check() is SpfValue.PASS
    dns.seconds = 60.0
    assert dns.check() is SpfValue.FAIL


def test_that_there_is_no_record_holds_as_long_as_dns_says_so() -> None:
    dns = Records({("example.com", RecordType.TXT): Answer(status=Status.NODATA, expires=60.0)})
    assert dns.check() is SpfValue.NONE
    dns.publish("example.com", "v=spf1 -all")
    dns.seconds = 59.9
    assert dns.check() is SpfValue.NONE
    dns.seconds = 60.0
    assert dns.check() is SpfValue.FAIL


@pytest.mark.parametrize(
    ("status", "expires"), [(Status.TEMPERROR, 1000.0), (Status.NODATA, 0.0)], ids=["an error", "no time"]
)
def test_what_is_not_sure_for_a_time_is_asked_for_again(status: Status, expires: float) -> None:
    dns = records(example="v=spf1 a:mail.com -all")
    reason = "SERVFAIL" if status is Status.TEMPERROR else None
    dns.answers[Question("mail.com", RecordType.A)] = Answer(status=status, reason=reason, expires=expires)
    assert dns.check() is not SpfValue.PASS
    dns.answers[Question("mail.com", RecordType.A)] = Answer(
        status=Status.FOUND, hosts=("192.0.2.1",), expires=1000.0
    )
    assert dns.check() is SpfValue.PASS


@pytest.mark.parametrize("macro", ["%{l}", "%{s}", "%{L1r+}", "%{S}", "%{l}.%{i}"])
def test_a_record_that_asks_for_the_mailbox_is_evaluated_for_each(macro: str) -> None:
    dns = records(example=f"v=spf1 exists:{macro}.ok.com -all")
    answer = Answer(status=Status.FOUND, hosts=("127.0.0.2",), expires=1000.0)
    for expanded in ("alice", "alice@example.com", "alice%40example.com", "alice.192.0.2.1"):
        dns.answers[Question(f"{expanded}.ok.com", RecordType.A)] = answer
    assert [dns.check(), dns.check(local_part="mallory"), dns.check()] == [
        SpfValue.PASS,
        SpfValue.FAIL,
        SpfValue.PASS,
    ]


@pytest.mark.parametrize("term", ["exists:%{h}.ok.com", "?include:%{h}", "a:%{H}.ok.com", "redirect=%{h}"])
def test_a_record_that_asks_for_the_helo_name_is_evaluated_for_each(term: str) -> None:
    dns = records(example=f"v=spf1 {term}", alice="v=spf1 ip4:192.0.2.1 -all", mallory="v=spf1 -all")
    for name in ("alice.com.ok.com", "mallory.com.ok.com"):
        hosts = ("192.0.2.1",) if "alice" in name else ()
        status = Status.FOUND if hosts else Status.NXDOMAIN
        dns.answers[Question(name, RecordType.A)] = Answer(status=status, hosts=hosts, expires=1000.0)
    first, second = dns.check(helo="alice.com"), dns.check(helo="mallory.com")
    assert first is dns.check(helo="alice.com")
    dns.asked.clear()
    assert second is dns.check(helo="mallory.com")
    assert "mallory.com" in " ".join(dns.asked)


def test_a_mailbox_named_in_an_included_record_counts_as_well() -> None:
    dns = records(example="v=spf1 include:other.com -all", other="v=spf1 exists:%{l}.ok.com -all")
    answer = Answer(status=Status.FOUND, hosts=("127.0.0.2",), expires=1000.0)
    dns.answers[Question("alice.ok.com", RecordType.A)] = answer
    assert [dns.check(), dns.check(local_part="bob"), dns.check()] == [SpfValue.PASS, SpfValue.FAIL, SpfValue.PASS]


def test_a_record_that_asks_for_the_client_alone_is_evaluated_once() -> None:
    dns = records(example="v=spf1 exists:%{ir}.%{d}.ok.com -all")
    assert dns.check() is SpfValue.FAIL
    dns.asked.clear()
    assert dns.check(local_part="bob") is SpfValue.FAIL
    assert dns.asked == []


def test_many_domains_of_a_stranger_cannot_fill_the_memory() -> None:
    dns = records()
    client = ip_address("192.0.2.1")
    senders = [Sender(client, "alice", f"a{number}.example", "a.example") for number in range(MAX_KEPT + 100)]
    asyncio.run(dns.evaluator.check_all(senders))
    assert len(dns.evaluator._kept) == MAX_KEPT


def test_identities_with_the_same_domain_are_evaluated_once() -> None:
    dns = records(example="v=spf1 ip4:192.0.2.1 -all")
    client = ip_address("192.0.2.1")
    senders = [Sender(client, name, "example.com", "example.com") for name in ("alice", "postmaster")]
    assert asyncio.run(dns.evaluator.check_all(senders)) == [Checked(SpfValue.PASS)] * 2
    assert dns.asked == ["example.com"]


NAMES = st.sampled_from(["a.example", "example.com"])
SPF_TERMS = st.sampled_from(
    [
        "a",
        "mx",
        "ptr",
        "-all",
        "ip4:192.0.2.1",
        "?include:a.example",
        "redirect=a.example",
        "exists:%{l}.a.example",
        "exists:%{h}",
        "exists:%{s}",
        "exists:%{ir}.a.example",
        "a:%{o}",
        "bad",
    ]
)
HOSTS = st.sampled_from(["a.example", "x.a.example", "1.2.0.192.a.example", "y.example", "example.com"])


@given(
    st.dictionaries(NAMES, st.lists(SPF_TERMS, max_size=4), min_size=1),
    st.dictionaries(HOSTS, st.sampled_from(["192.0.2.1", "192.0.2.2"]), min_size=1),
    st.lists(
        st.tuples(
            st.sampled_from(["192.0.2.1", "2001:db8::1"]),
            st.sampled_from(["x", "y"]),
            NAMES,
            HOSTS,
            st.sampled_from([0.0, 20.0]),
        ),
        min_size=4,
        max_size=12,
    ),
    st.lists(st.floats(1, 200), min_size=1),
)
@settings(deadline=None, max_examples=300)
def test_a_result_that_was_kept_is_the_one_that_would_be_found(
    texts: Mapping[str, list[str]],
    addresses: Mapping[str, str],
    mail: list[tuple[str, str, str, str, float]],
    times: list[float],
) -> None:
    warm = Records({})
    for number, (name, terms) in enumerate(texts.items()):
        warm.publish(name, " ".join(["v=spf1", *terms]), times[number % len(times)])
    for name, address in addresses.items():
        answer = Answer(status=Status.FOUND, hosts=(address,), expires=100.0)
        warm.answers[Question(name, RecordType.A)] = answer
    for client, local_part, domain, helo, later in mail * 2:
        warm.seconds += later
        cold = Records({})
        cold.answers = warm.answers
        arguments = ip_address(client), local_part, domain, helo
        assert asyncio.run(warm.evaluator.check(*arguments)) == asyncio.run(cold.evaluator.check(*arguments))
