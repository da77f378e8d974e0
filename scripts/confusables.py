"""Write the Unicode data of the spoof filter: the confusables of UTS 39 and the scripts of UAX 24.

It asks ICU, whose spoof checker is the reference of UTS 39, and which `pip install icu4py` brings along. Run it when
ICU has followed a new version of Unicode, with the folder of that package's libraries, and commit what it writes:

    python -m venv icu && icu/bin/pip install icu4py
    python scripts/confusables.py icu/lib/python3*/site-packages/icu4py.libs

No build and no test runs it. Its licence, Unicode-3.0, stands beside the data, in LICENSE.unicode.
"""

import ctypes
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "plugins/relayguard_plugins/spoof/likeness"
SURROGATES = range(0xD800, 0xE000)
CODE_POINTS = [code for code in range(0x110000) if code not in SURROGATES]
UNKNOWN = "Zzzz"
ROOM = 200


class Icu:
    """The few functions of ICU that are needed, whatever version their names carry."""

    def __init__(self, libraries: Path) -> None:
        paths = {part: next(libraries.glob(f"libicu{part}-*")) for part in ("data", "uc", "i18n")}
        loaded = {part: ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL) for part, path in paths.items()}
        version = paths["uc"].name.partition(".so.")[2].partition(".")[0]
        self._skeleton = loaded["i18n"][f"uspoof_getSkeleton_{version}"]
        self._extensions = loaded["uc"][f"uscript_getScriptExtensions_{version}"]
        self._short_name = loaded["uc"][f"uscript_getShortName_{version}"]
        self._short_name.restype = ctypes.c_char_p
        numbers = (ctypes.c_uint8 * 4)()
        loaded["uc"][f"u_getUnicodeVersion_{version}"](numbers)
        self.unicode_version = ".".join(map(str, numbers[:3]))
        open_checker = loaded["i18n"][f"uspoof_open_{version}"]
        open_checker.restype = ctypes.c_void_p
        self._checker = ctypes.c_void_p(open_checker(ctypes.byref(ctypes.c_int(0))))

    def skeleton(self, text: str) -> str:
        """The skeleton of a text (UTS 39 §4)."""
        error, units = ctypes.c_int(0), text.encode("utf-16-le")
        room = ctypes.create_string_buffer(2 * ROOM)
        length = self._skeleton(self._checker, 0, units, len(units) // 2, room, ROOM, ctypes.byref(error))
        if error.value > 0:
            raise RuntimeError(f"ICU error {error.value} for {text!r}")
        return room.raw[: 2 * length].decode("utf-16-le")

    def scripts(self, code: int) -> tuple[str, ...]:
        """The scripts that a character is used in (UAX 24, Script_Extensions)."""
        error, room = ctypes.c_int(0), (ctypes.c_int * ROOM)()
        count = self._extensions(code, room, ROOM, ctypes.byref(error))
        return tuple(sorted(self._short_name(script).decode("ascii") for script in room[:count]))


def prototypes(icu: Icu) -> dict[str, list[int]]:
    """The characters that have another skeleton than themselves, by that skeleton."""
    sources = defaultdict(list)
    for code in CODE_POINTS:
        char = chr(code)
        prototype = icu.skeleton(char)
        # A skeleton is made of what is decomposed already.
        if prototype != char and unicodedata.normalize("NFD", char) == char:
            sources[" ".join(f"{ord(part):04X}" for part in prototype)].append(code)
    return sources


def scripts(icu: Icu) -> dict[str, list[int]]:
    """The characters of each set of scripts; those of no known script are left out."""
    members = defaultdict(list)
    for code in CODE_POINTS:
        names = icu.scripts(code)
        if names != (UNKNOWN,):
            members[" ".join(names)].append(code)
    return members


def ranges(codes: Iterable[int]) -> Iterator[str]:
    """Sorted code points as ``0041-005A 0061``."""
    first = last = -2
    for code in [*codes, sys.maxsize]:
        if code != last + 1:
            if first >= 0:
                yield f"{first:04X}" if first == last else f"{first:04X}-{last:04X}"
            first = code
        last = code


def write(name: str, title: str, version: str, table: dict[str, list[int]]) -> None:
    """Write one table, sorted, below a header."""
    header = f"# {title}, Unicode {version}.\n# Written by scripts/confusables.py.\n"
    licence = "# Copyright (c) 2016-2025 Unicode, Inc. SPDX-License-Identifier: Unicode-3.0 (LICENSE.unicode)\n"
    lines = (f"{key}: {' '.join(ranges(codes))}\n" for key, codes in sorted(table.items()))
    (FOLDER / name).write_text(header + licence + "".join(lines), "ascii")


def main(libraries: Path) -> None:
    """Write both tables."""
    icu = Icu(libraries)
    write("confusables.txt", "prototype: what looks like it (UTS 39)", icu.unicode_version, prototypes(icu))
    write("scripts.txt", "scripts: characters (UAX 24, Script_Extensions)", icu.unicode_version, scripts(icu))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
