from collections.abc import Callable
from pathlib import Path

from tests.relayguard.cli.conftest import Run


def test_filters_are_shown_in_order_with_stages_and_needs(relayguard: Run, config: Callable[[str], Path]) -> None:
    shown = relayguard("filters", "-c", config('filters = ["author", "spf", "dkim", "arc", "dmarc"]')).stdout
    assert shown.index("author") < shown.index("spf") < shown.index("dkim") < shown.index("dmarc")
    assert "envelope, headers" in shown
    assert "shadow" in shown
    assert "body: streamed" in " ".join(shown.split())
