from pathlib import Path

import pytest

from relayguard.testing.daemon import Daemon, DaemonError, sample


def test_a_daemon_that_does_not_start_says_what_it_logged(tmp_path: Path) -> None:
    with pytest.raises(DaemonError, match="profile: input should be"), Daemon(tmp_path, 'profile = "none"'):
        pass


def test_samples_are_summed_over_the_labels_that_are_not_asked_for() -> None:
    text = 'a_total{x="1",y="2"} 3.0\na_total{x="1",y="3"} 4.0\na_total{x="2",y="2"} 5.0\nb 1.0\n'
    assert sample(text, "a_total", x="1") == 7
    assert sample(text, "a_total") == 12
    assert sample(text, "b") == 1
