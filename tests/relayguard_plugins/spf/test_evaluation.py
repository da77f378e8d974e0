import asyncio
from collections.abc import Iterable, Mapping
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relayguard import Answer, Cap, Question, RecordType, SpfValue, Status
from relayguard.testing import CountedMetrics, ZoneResolver
from relayguard_plugins.spf.evaluation import MAX_QUERIES, Checked, Evaluator
from relayguard_plugins.spf.filter import Options

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
