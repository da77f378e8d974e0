from relayguard import Oddity
from relayguard_plugins.authors import OddAuthor, SeveralAuthors


def test_what_the_author_filter_finds_is_for_other_filters_and_not_for_the_header() -> None:
    assert OddAuthor(oddities=frozenset({Oddity.ROUTE})).reported() is None
    assert SeveralAuthors(domains=("a.example", "b.example")).reported() is None
