import asyncio
import tracemalloc

import dns.rdatatype
import pytest

from relayguard import Answer, Clock, Files, Metrics, Question, RecordType, Resolver, Services, Status, Store
from relayguard.app import SystemClock
from relayguard.dns.resolver import CachingResolver
from relayguard.dns.zone import ZoneResolver
from relayguard.files import OperatorFiles
from relayguard.metrics.prometheus import PrometheusMetrics
from relayguard.stores.declared import NoStore
from relayguard.testing import CountedMetrics, FrozenClock, some_services


def test_what_filters_get_in_the_daemon_and_in_tests_answers_to_the_same_names() -> None:
    metrics = PrometheusMetrics("0")

    async def resolver() -> Resolver:
        return CachingResolver([("127.0.0.1", 53)], 1.0, 100, metrics)

    real: tuple[Resolver, Clock, Metrics] = (asyncio.run(resolver()), SystemClock(), metrics)
    fake: tuple[Resolver, Clock, Metrics] = (ZoneResolver(""), FrozenClock(), CountedMetrics())
    counting: tuple[Store, Files] = (NoStore(), OperatorFiles())
    for services in (Services(*real, *counting, "mx"), Services(*fake, *counting, "mx"), some_services()):
        question = Question("example.com", RecordType.A)
        assert services.resolver.cached(question) is None
        assert services.clock.now() > 1_700_000_000
        assert services.authserv_id.startswith("mx")


@pytest.mark.parametrize("kind", RecordType)
def test_a_record_type_is_one_that_dns_knows(kind: RecordType) -> None:
    assert dns.rdatatype.from_text(kind.value).name == kind.name


def test_an_answer_without_records_is_empty_and_cannot_be_changed() -> None:
    answer = Answer(status=Status.NODATA)
    assert (answer.texts, answer.hosts, answer.exchanges) == ((), (), ())
    with pytest.raises(AttributeError):
        answer.status = Status.FOUND  # type: ignore[misc]


def test_an_answer_is_read_once_by_each_reader() -> None:
    read: list[str] = []

    def length(answer: Answer) -> int:
        read.append("length")
        return len(answer.texts[0])

    def nothing(answer: Answer) -> None:
        read.append("nothing")

    answer = Answer(status=Status.FOUND, texts=(b"v=spf1 -all",))
    assert [answer.read(length), answer.read(nothing), answer.read(length), answer.read(nothing)] == [
        11,
        None,
        11,
        None,
    ]
    assert read == ["length", "nothing"]


def test_what_was_read_of_an_answer_does_not_make_it_another() -> None:
    answer = Answer(status=Status.FOUND, texts=(b"v=spf1 -all",))
    answer.read(len_of_texts)
    assert answer == Answer(status=Status.FOUND, texts=(b"v=spf1 -all",))
    assert hash(answer) == hash(Answer(status=Status.FOUND, texts=(b"v=spf1 -all",)))


def test_a_reader_that_raises_is_asked_again() -> None:
    answer = Answer(status=Status.NODATA)
    for _ in range(2):
        with pytest.raises(IndexError):
            answer.read(first_text)


def len_of_texts(answer: Answer) -> int:
    return len(answer.texts)


def first_text(answer: Answer) -> bytes:
    return answer.texts[0]


def test_what_one_reader_made_of_an_answer_costs_less_than_the_answer() -> None:
    answers = [Answer(status=Status.FOUND, hosts=("192.0.2.1",)) for _ in range(1000)]
    tracemalloc.start()
    try:
        for answer in answers:
            answer.read(len_of_texts)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 100 * len(answers)
