from pathlib import Path

import pytest

from relayguard.testing.ports import free_port
from relayguard.testing.prometheus import PrivatePrometheus, PrometheusError


def test_it_answers_queries_and_says_what_is_wrong_with_one(tmp_path: Path) -> None:
    with PrivatePrometheus(tmp_path, [f"127.0.0.1:{free_port()}"]) as prometheus:
        assert prometheus.query("vector(1)")[0]["value"][1] == "1"
        with pytest.raises(PrometheusError, match="parse error"):
            prometheus.query("sum by")


def test_rules_that_are_none_are_told_at_the_start(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text("groups: nonsense")
    with pytest.raises(PrometheusError, match="did not start"):
        PrivatePrometheus(tmp_path / "server", [], rules).__enter__()
