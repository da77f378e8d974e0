import os
from pathlib import Path

import pytest

from relayguard.testing.postfix import Postfix, PostfixError


def test_a_path_too_long_for_the_sockets_of_postfix_is_refused_with_advice(tmp_path: Path) -> None:
    with (
        pytest.raises(PostfixError, match="set TMPDIR to a shorter one"),
        Postfix(tmp_path / ("x" * 90), "unix:/nowhere", ("example.com",)),
    ):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may start Postfix: tests/integration does")
def test_without_root_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PostfixError, match="sudo"), Postfix(tmp_path, "unix:/nowhere", ("example.com",)):
        pass
