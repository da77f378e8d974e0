import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relayguard_plugins.dkim.tags import TagError, _plain_tags, _tags, parse_tags, without_white, words


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        (b"v=1; a=b", {"v": b"1", "a": b"b"}),
        (b" v = 1 ;\r\n\ta=b c ;", {"v": b"1", "a": b"b c"}),
        (b"a=b;;; c=d", {"a": b"b", "c": b"d"}),
        (b"a=", {"a": b""}),
        (b"a=b=c", {"a": b"b=c"}),
        (b"A=1; a=2", {"A": b"1", "a": b"2"}),
        (b"n=\xff\0", {"n": b"\xff\0"}),
        (b"", {}),
    ],
)
def test_a_list_of_tags_is_read(value: bytes, tags: dict[str, bytes]) -> None:
    assert parse_tags(value) == tags


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"v=1; junk", "a tag has no value"),
        (b"1=a", "malformed tag name"),
        (b"=a", "malformed tag name"),
        (b"a b=c", "malformed tag name"),
        (b"b\xc3=c", "malformed tag name"),
        (b"a=1; a=1", "duplicate tag a="),
        (b"x" * 50 + b"=1; " + b"x" * 50 + b"=1", f"duplicate tag {'x' * 20}="),
    ],
)
def test_what_is_no_list_of_tags_is_refused(value: bytes, reason: str) -> None:
    with pytest.raises(TagError) as error:
        parse_tags(value)
    assert str(error.value) == reason


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_no_bytes_break_the_reader(value: bytes) -> None:
    try:
        tags = parse_tags(value)
    except TagError:
        return
    assert all(text in value for text in tags.values())


@given(
    st.lists(st.sampled_from([b"a", b"b1", b"_", b"=", b";", b" ", b"\r\n\t", b"\xff", b"1"]), max_size=24).map(
        b"".join
    )
)
@settings(max_examples=500, deadline=None)
def test_what_is_read_in_one_pass_is_read_as_tag_by_tag(value: bytes) -> None:
    plain = _plain_tags(value)
    if plain is not None:
        assert plain == _tags(value, strict=True)


@given(st.dictionaries(st.from_regex(r"\A[a-z][a-z0-9_]{0,5}\Z"), st.from_regex(rb"\A[!-:<-~]{0,9}\Z")))
@settings(deadline=None)
def test_tags_come_back_as_they_were_written(tags: dict[str, bytes]) -> None:
    written = b";\r\n ".join(name.encode() + b" = " + value for name, value in tags.items())
    assert parse_tags(written) == tags


def test_white_space_is_taken_out_everywhere() -> None:
    assert without_white(b" a\r\n\tb c ") == b"abc"


def test_a_list_is_split_at_its_colons() -> None:
    assert words(b" from : to\r\n :subject") == [b"from", b"to", b"subject"]


def test_a_list_of_more_than_a_hundred_tags_is_not_read() -> None:
    assert len(parse_tags(b";".join(b"a%d=1" % number for number in range(100)))) == 100
    for value in (b"a=1" + b";" * 100, b";".join(b"a%d=1" % number for number in range(101))):
        with pytest.raises(TagError, match="more than 100 tags"):
            parse_tags(value)
