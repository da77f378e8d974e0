import base64

import pytest

from relayguard.core.encoded_words import decode_words, is_undecodable


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("plain", "plain"),
        ("=?utf-8?Q?a_b?=", "a b"),
        ("=?UTF-8?b?w7w=?= x", "\u00fc x"),
        ("=?iso-8859-1*de?q?=FC?=", "\u00fc"),
        ("=?unicode_escape?q?x?=", "=?unicode_escape?q?x?="),
        ("=?utf-8?b?!?=", ""),
        ("=?utf-8?q?never ends", "=?utf-8?q?never ends"),
    ],
)
def test_encoded_words_are_decoded_as_readers_do(text: str, decoded: str) -> None:
    assert decode_words(text) == decoded


@pytest.mark.parametrize(
    "charset",
    [
        *("latin1", "cp932", "ks_c_5601-1987", "iso-8859-8-i", "macintosh", "windows-874", "ISO8859-1", "us-ascii"),
        *("utf-16", "utf-7", "gb2312", "shift_jis", "euc-kr", "iso-2022-kr", "tis-620", "cp850", "utf8"),
    ],
)
def test_a_name_is_read_in_any_charset_that_mail_has(charset: str) -> None:
    raw = "Jane Doe".encode("utf-16" if charset == "utf-16" else "ascii")
    word = f"=?{charset}?B?{base64.b64encode(raw).decode()}?="
    assert decode_words(word) == "Jane Doe"
    assert not is_undecodable(word)


def test_latin_1_is_read_as_windows_1252() -> None:
    assert decode_words("=?iso-8859-1?Q?=93example=94_=96_Support?=") == "\u201cexample\u201d \u2013 Support"


def test_a_word_longer_than_it_may_be_is_decoded_as_readers_do() -> None:
    assert decode_words(f"=?utf-8?Q?Jane_Doe{'_' * 600}?=").rstrip() == "Jane Doe"


@pytest.mark.parametrize(
    "text",
    ["=?utf8mb4?Q?Jane?=", "=?zlib?B?YQ==?=", "=?iso-8859-12?Q?a?=", "=?utf-8?Q?a b?=", "=?utf-8?q?never ends"],
)
def test_what_cannot_be_decoded_is_told(text: str) -> None:
    assert is_undecodable(text)


@pytest.mark.parametrize("text", ["Jane", "=?utf-8?Q?Jane?=", "a =? b", "x=?y"])
def test_what_is_decoded_or_no_encoded_word_is_not(text: str) -> None:
    assert not is_undecodable(text)
