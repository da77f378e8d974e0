import tracemalloc

import pytest

from relayguard import Answer, MailExchange, Question, RecordType, Status
from relayguard.dns.cache import Cache, _size


class Stopwatch:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def question(name: str) -> Question:
    return Question(name, RecordType.TXT)


def answer(expires: float) -> Answer:
    return Answer(status=Status.FOUND, texts=(b"x",), expires=expires)


def test_an_answer_is_kept_until_it_expires() -> None:
    watch = Stopwatch()
    cache = Cache(10, watch)
    cache.put(question("a"), answer(110.0))
    watch.seconds = 109.9
    assert cache.get(question("a")) == answer(110.0)
    watch.seconds = 110.0
    assert cache.get(question("a")) is None


def test_an_answer_that_has_expired_makes_room_for_its_successor() -> None:
    watch = Stopwatch()
    cache = Cache(10, watch)
    cache.put(question("a"), answer(110.0))
    watch.seconds = 110.0
    cache.put(question("a"), answer(120.0))
    assert cache.get(question("a")) == answer(120.0)
    assert len(cache) == 1


def test_answers_that_have_expired_are_forgotten_though_nobody_asks_for_them_again() -> None:
    watch = Stopwatch()
    cache = Cache(100_000, watch)
    for number in range(4000):
        cache.put(question(f"old{number}"), answer(110.0))
    watch.seconds = 110.0
    for number in range(1000):
        cache.put(question(f"new{number}"), answer(200.0))
    assert len(cache) == 1000
    assert cache._bytes == 1000 * _size(answer(200.0))
    assert cache.get(question("new0")) == answer(200.0)


def test_reading_changes_nothing_so_that_any_thread_may() -> None:
    watch = Stopwatch()
    cache = Cache(10, watch)
    cache.put(question("a"), answer(110.0))
    before = vars(cache) | {"_answers": dict(cache._answers)}
    watch.seconds = 110.0
    assert cache.get(question("a")) is None
    assert vars(cache) == before


@pytest.mark.parametrize("status", [Status.NXDOMAIN, Status.NODATA, Status.TEMPERROR])
def test_bad_news_is_kept_too(status: Status) -> None:
    cache = Cache(10, Stopwatch())
    cache.put(question("a"), Answer(status=status, expires=101.0))
    assert cache.get(question("a")) == Answer(status=status, expires=101.0)


def test_a_full_cache_forgets_the_oldest_answer() -> None:
    cache = Cache(2, Stopwatch())
    for name in ("a", "b", "c"):
        cache.put(question(name), answer(200.0))
    assert [cache.get(question(name)) is not None for name in ("a", "b", "c")] == [False, True, True]
    assert len(cache) == 2


def test_another_type_is_another_question() -> None:
    cache = Cache(2, Stopwatch())
    cache.put(question("a"), answer(200.0))
    assert cache.get(Question("a", RecordType.MX)) is None


def test_large_answers_of_a_stranger_cannot_fill_the_memory() -> None:
    cache = Cache(100, Stopwatch())
    for number in range(100):
        cache.put(question(str(number)), Answer(status=Status.FOUND, texts=(b"x" * 20_000,), expires=200.0))
    assert len(cache) == 1
    cache.put(question("a"), answer(200.0))
    cache.put(question("a"), answer(200.0))
    assert cache.get(question("a")) == answer(200.0)


def test_of_several_questions_the_answers_that_are_still_good_are_found() -> None:
    watch = Stopwatch()
    cache = Cache(10, watch)
    cache.put(question("a"), answer(110.0))
    cache.put(question("b"), answer(120.0))
    watch.seconds = 115.0
    assert cache.find([question("a"), question("b"), question("c"), question("b")]) == {question("b"): answer(120.0)}


def kept(answer: Answer) -> tuple[object, ...]:
    return tuple((each,) for each in (*answer.texts, *answer.hosts, *answer.exchanges))


@pytest.mark.parametrize("kind", ["texts", "hosts", "exchanges"])
def test_the_bound_on_memory_holds_for_answers_of_thousands_of_small_records(kind: str) -> None:
    def made(number: int) -> Answer:
        names = [f"{number}.{index}" for index in range(3000)]
        if kind == "texts":
            return Answer(status=Status.FOUND, texts=tuple(name.encode() for name in names), expires=110.0)
        if kind == "hosts":
            return Answer(status=Status.FOUND, hosts=tuple(names), expires=110.0)
        exchanges = tuple(MailExchange(1, name) for name in names)
        return Answer(status=Status.FOUND, exchanges=exchanges, expires=110.0)

    cache = Cache(1000, Stopwatch())
    tracemalloc.start()
    try:
        for number in range(10):
            answer = made(number)
            answer.read(kept)
            cache.put(question(str(number)), answer)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1.5 * max(cache._bytes, 1000 * 1024)
