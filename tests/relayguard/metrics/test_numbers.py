from relayguard.metrics import catalog
from relayguard.metrics.numbers import Histograms, Numbers, private


def test_what_is_counted_under_some_labels_is_one_number() -> None:
    numbers = Numbers(catalog.CONNECTIONS, private)
    numbers["a",].add()
    numbers["a",].add(2)
    numbers["b",].set(7)
    (*_, first, second) = numbers.family().samples
    assert (first.name, first.labels, first.value) == ("relayguard_connections_total", {"listener": "a"}, 3)
    assert (second.labels, second.value) == ({"listener": "b"}, 7)


def test_a_number_without_labels_is_told_before_anything_was_counted() -> None:
    assert [sample.value for sample in Numbers(catalog.DNS_CACHE_HITS, private).family().samples] == [0]
    assert not Numbers(catalog.CONNECTIONS, private).family().samples


def test_an_observation_counts_for_its_bound_and_all_above() -> None:
    histograms = Histograms(catalog.MESSAGE_BYTES, private)
    for size in (2_000, 2_001, 60_000_000):
        histograms["incoming",].observe(size)
    counts = {
        sample.labels.get("le"): sample.value for sample in histograms.family().samples if sample.labels.get("le")
    }
    assert (counts["2000.0"], counts["10000.0"], counts["5e+07"], counts["+Inf"]) == (1, 2, 2, 3)
    (total,) = [sample.value for sample in histograms.family().samples if sample.name.endswith("_sum")]
    assert total == 60_004_001
