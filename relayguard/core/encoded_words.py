"""Encoded words (RFC 2047) as readers decode them: in the charsets that mail has, whatever these are called."""

import base64
import binascii
import quopri
import re

# No text holds a question mark: a name full of beginnings of encoded words costs no more than another. Their
# length is not what RFC 2047 §2 allows (75), for readers decode what is longer.
_ENCODED_WORD = re.compile(r"=\?([A-Za-z0-9_.:*-]{1,40})\?([BbQq])\?([!->@-~]{0,4096})\?=")
_BEGINNING = re.compile(r"=\?([^?\s]{1,80}+)\?[BbQq]\?")
_BETWEEN_WORDS = re.compile(r"(?<=\?=)[ \t]+(?==\?)")

# Not every codec that Python knows is one of mail, nor linear; of these all are, or unknown to it.
_FAMILIES = re.compile(
    r"(?:utf-?(?:7|8|16|32)(?:-?[lb]e)?|(?:cp|ibm)\d{3,4}|windows-\d{3,4}|iso-8859-\d{1,2}"
    r"|iso-2022-(?:jp(?:-[1-3]|-2004|-ext)?|kr)|koi8-[rut]|gb18030|hz|big5(?:hkscs)?|euc-jp|shift-jis-?2004|johab|tis-620)"
)
_CP1252 = "iso-8859-1 latin1 latin-1 l1 us-ascii ascii"
_CP932 = "shift-jis sjis x-sjis ms-kanji windows-31j"
_CP949 = "euc-kr ks-c-5601-1987 ks-c-5601-1989 ksc5601 ksc-5601 korean ks-c-5601"
_GB18030 = "gb2312 gbk x-gbk gb-2312-80 euc-cn chinese"
# As the WHATWG's Encoding Standard has it, and all readers do: who writes Latin-1 means windows-1252.
_ALIASES = {
    **dict.fromkeys(_CP1252.split(), "cp1252"),
    **dict.fromkeys(_CP932.split(), "cp932"),
    **dict.fromkeys(_CP949.split(), "cp949"),
    **dict.fromkeys(_GB18030.split(), "gb18030"),
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "big5-hkscs": "big5hkscs",
    "hz-gb-2312": "hz",
    "macintosh": "mac_roman",
    "x-mac-roman": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
}


def decode_words(text: str) -> str:
    """Decode the encoded words in a display name (RFC 2047); what cannot be decoded stays as it is. Linear.

    >>> decode_words("=?utf-8?Q?J=C3=BCrgen?= B.")
    'Jürgen B.'
    """
    return _ENCODED_WORD.sub(_decoded, _BETWEEN_WORDS.sub("", text)) if "=?" in text else text


def is_undecodable(text: str) -> bool:
    """Tell whether an encoded word in a text stays as it is: readers may do better, or show nothing.

    >>> is_undecodable("=?utf8mb4?Q?Jane?=")
    True
    """
    return _BEGINNING.search(decode_words(text)) is not None


def _decoded(matched: re.Match[str]) -> str:
    codec, encoding, text = _codec_of(matched[1]), matched[2].lower(), matched[3]
    if codec is None:
        return matched[0]
    try:
        # RFC 2047 §4.2: an underscore is a space.
        raw = (
            base64.b64decode(text + "=" * (-len(text) % 4))
            if encoding == "b"
            else quopri.decodestring(text.replace("_", " ").encode())
        )
        return raw.decode(codec, "replace")
    except (binascii.Error, LookupError):
        return matched[0]


def _codec_of(charset: str) -> str | None:
    """Return Python's name of a charset, as encoded words call it: with a language behind (RFC 2231 §5), in any case."""
    name = charset.lower().partition("*")[0].replace("_", "-")
    # RFC 1556: the order of letters is the reader's business; and "iso8859-1" is wrong, and everywhere.
    name = re.sub(r"\Aiso-?8859-?(\d{1,2})(?:-[ei])?\Z", r"iso-8859-\1", name)
    if name in _ALIASES:
        return _ALIASES[name]
    return name.replace("windows-", "cp") if _FAMILIES.fullmatch(name) else None
