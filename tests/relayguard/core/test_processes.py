from enum import StrEnum

import pytest

from relayguard.core.processes import Cause, Reload, State
from relayguard.metrics import catalog


@pytest.mark.parametrize(
    ("metric", "label", "words"),
    [
        (catalog.WORKERS, "state", State),
        (catalog.WORKERS_REPLACED, "cause", Cause),
        (catalog.RELOADS, "outcome", Reload),
    ],
)
def test_the_words_of_the_log_are_the_labels_of_the_metrics(
    metric: catalog.Metric, label: str, words: type[StrEnum]
) -> None:
    assert dict(metric.labels)[label] is words
    assert all(word.value == word.name.lower() for word in words)


def test_only_a_worker_in_state_serving_serves() -> None:
    assert [state for state in State if state.value.startswith("serv")] == [State.SERVING]
