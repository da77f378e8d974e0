import os

import pytest

from tests.relayguard.cli.conftest import Run


@pytest.mark.skipif(os.geteuid() == 0, reason="root may run the demo: tests/integration/test_demo.py does")
def test_without_root_the_demo_says_what_it_needs(relayguard: Run) -> None:
    done = relayguard("demo")
    assert done.returncode == 1
    assert "root" in done.stderr


def test_the_demo_describes_itself(relayguard: Run) -> None:
    assert "--keep" in relayguard("demo", "--help").stdout
