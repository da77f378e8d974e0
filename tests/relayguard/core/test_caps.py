from prometheus_client import generate_latest

from relayguard import Cap
from relayguard.metrics.prometheus import PrometheusMetrics


def test_every_cap_is_a_label_of_caps_hit() -> None:
    metrics = PrometheusMetrics("0")
    for cap in Cap:
        metrics.cap_hit(cap)
    text = generate_latest(metrics.registry).decode()
    assert all(f'relayguard_caps_hit_total{{cap="{cap.value}"}} 1.0' in text for cap in Cap)
