import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayguard import Headers, read_authors
from relayguard_plugins.spoof.claimed import claimed_in

BOSS = b" Boss <boss@example.com>"


def domains(*values: bytes) -> tuple[str, ...]:
    headers = Headers.of(*(("From", value) for value in values))
    return claimed_in(headers, read_authors(headers)).domains


@pytest.mark.parametrize(
    "values",
    [
        (BOSS,),
        (BOSS, BOSS),
        (b" x@evil.example", BOSS),
        (BOSS, *[b" x@evil.example"] * 100),
        (*[b" x@evil.example"] * 100, BOSS),
        (BOSS + b" x",),
        (b" Boss, CEO. <boss@example.com>",),
        (b" Jane (CEO <boss@example.com>",),
        (BOSS + b", x@[1.2.3.4]",),
        (BOSS + b", a@a.example, b@b.example, c@c.example, d@d.example",),
        (BOSS + b"\r\n " * 9000,),
        (b"\r\n " * 9000 + BOSS,),
        (b" (" + b"x" * 20_000 + b")" + BOSS,),
        (b' "Boss"@example.com x',),
        (b" <boss @ EXAMPLE.com.> x",),
    ],
)
def test_whom_a_reader_may_take_for_the_author_is_found_however_unclear_from_is(values: tuple[bytes, ...]) -> None:
    assert "example.com" in domains(*values)


def test_the_name_before_an_address_is_found_too() -> None:
    headers = Headers.of(("From", b' "Jane Doe" <jane@free.example> x'))
    (mailbox,) = claimed_in(headers, read_authors(headers)).mailboxes
    assert (mailbox.name, mailbox.local, mailbox.domain) == ("Jane Doe", "jane", "free.example")


def test_the_first_of_each_field_comes_first() -> None:
    assert domains(b" a@a.example, b@b.example", b" c@c.example") == ("a.example", "c.example", "b.example")


def test_what_names_nobody_claims_nothing() -> None:
    assert domains() == ()
    assert domains(b"") == ()
    assert domains(b" undisclosed") == ()


def test_of_many_domains_a_few_are_looked_at() -> None:
    assert len(domains(b", ".join(b"a@d%d.example" % number for number in range(90)))) == 10


def test_an_address_that_is_cut_is_none() -> None:
    assert set(domains(b"a@evil.example, " * 5000)) == {"evil.example"}


@given(st.binary(max_size=200) | st.text('a@<>(),;:." \\\u00fc', max_size=100).map(str.encode))
def test_no_field_breaks_it(value: bytes) -> None:
    domains(value)


@pytest.mark.parametrize("value", [b"a" * 60_000, b"@" * 60_000, b"a@" * 30_000, b". " * 30_000, b"a@b " * 15_000])
def test_a_field_made_to_be_slow_is_not(value: bytes) -> None:
    domains(value, value, value)
