import re
from pathlib import Path

import pytest

from bench.peers import DEBIAN, PYPI, RELAYGUARD, SUBJECTS, Part, Subject
from bench.places import HERE

PARTS = [part for subject in SUBJECTS.values() for part in subject.parts]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_each_peer_says_what_installs_it(part: Part) -> None:
    source, _, package = part.package.partition(": ")
    assert package in {"Debian": DEBIAN, "PyPI": PYPI}.get(source, ()) or part.name == "relayguard"


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_each_configuration_is_filled_in(part: Part) -> None:
    filled = part.filled((HERE / "conf" / part.template).read_text(), Path("/run/bench"))
    assert not re.search(r"@[A-Z_]+@", filled)


def test_a_missing_peer_is_told_of_with_its_package() -> None:
    subject = Subject("gone", (Part("gone", ("no-such-program",), "unix:@RUN@/gone", "gone.conf", "Debian: gone"),))
    assert subject.missing
    assert "Debian: gone" in subject.missing
    assert SUBJECTS[RELAYGUARD].missing is None
