from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from relayguard.metrics.exporter import Exporter
from relayguard.metrics.prometheus import PrometheusMetrics


class Health:
    serving = True

    def __call__(self) -> bool:
        return self.serving


HEALTH = Health()


@pytest.fixture(scope="module")
def exporter() -> Iterator[Exporter]:
    served = Exporter(("127.0.0.1", 0), PrometheusMetrics("1.2.3").registry, HEALTH)
    served.start()
    yield served
    served.stop()


def get(exporter: Exporter, path: str, **headers: str) -> tuple[int, str, str]:
    connection = HTTPConnection("127.0.0.1", exporter.port, timeout=5)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.headers["Content-Type"], response.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["/metrics", "/metrics?name[]=up"])
def test_metrics_are_served(exporter: Exporter, path: str) -> None:
    status, kind, text = get(exporter, path)
    assert (status, kind.partition(";")[0]) == (200, "text/plain")
    assert 'relayguard_build_info{version="1.2.3"} 1.0' in text


def test_prometheus_may_ask_for_openmetrics(exporter: Exporter) -> None:
    _, kind, text = get(exporter, "/metrics", Accept="application/openmetrics-text")
    assert kind.startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


@pytest.mark.parametrize(("serving", "status"), [(True, 200), (False, 503)])
def test_health_is_whether_mail_is_served(
    exporter: Exporter,
    monkeypatch: pytest.MonkeyPatch,
    serving: bool,  # noqa: FBT001
    status: int,
) -> None:
    monkeypatch.setattr(HEALTH, "serving", serving)
    assert get(exporter, "/healthz")[0] == status


def test_there_is_nothing_else(exporter: Exporter) -> None:
    assert get(exporter, "/etc/passwd")[0] == 404


def test_serving_says_nothing_on_standard_error(exporter: Exporter, capfd: pytest.CaptureFixture[str]) -> None:
    get(exporter, "/metrics")
    assert capfd.readouterr() == ("", "")


def test_a_stopped_exporter_frees_its_port() -> None:
    first = Exporter(("127.0.0.1", 0), PrometheusMetrics("0").registry, HEALTH)
    first.start()
    first.stop()
    second = Exporter(("127.0.0.1", first.port), PrometheusMetrics("0").registry, HEALTH)
    second.start()
    second.stop()
