from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from bench.corpus import MIXTURE, SIZES, Message, expected, messages, unknown_sites, write
from bench.keys import KeyPair, make_keys, pairs_of
from bench.material import local_data
from bench.site import known_sites, provider_records, records_of


@pytest.fixture(scope="module")
def keys() -> tuple[KeyPair, ...]:
    return pairs_of(make_keys(2))


def first(count: int, keys: tuple[KeyPair, ...]) -> list[Message]:
    return list(islice(messages(keys), count))


def test_the_same_keys_give_the_same_messages(keys: tuple[KeyPair, ...]) -> None:
    assert first(100, keys) == first(100, keys)


def test_each_kind_of_message_has_its_share(keys: tuple[KeyPair, ...]) -> None:
    small = first(SIZES["2K"], keys)
    counted = Counter(case.kind for case, _ in small)
    assert counted == {kind: MIXTURE.count(kind) * SIZES["2K"] // len(MIXTURE) for kind in set(MIXTURE)}
    assert all(
        raw.count(b"DKIM-Signature:") == (case.kind != "unsigned")
        for case, raw in small
        if case.kind in ("rsa", "unsigned")
    )


def test_a_site_of_a_cold_set_shares_no_name_with_another(keys: tuple[KeyPair, ...]) -> None:
    sites = [site for _, site in islice(unknown_sites(keys), 50)]
    names = [
        {record.name for record in (*records_of(site), *provider_records(site)) if record.type == "TXT"}
        for site in sites
    ]
    assert len(set().union(*names)) == sum(map(len, names))


def test_every_record_fits_into_the_resolvers_configuration(keys: tuple[KeyPair, ...]) -> None:
    text = local_data(records_of(known_sites(keys)[0]))
    assert all(line.count("'") in (0, 2) for line in text.splitlines())
    assert "_dmarc.rgb-acme.com. 300 IN TXT" in text


def test_what_is_expected_is_written_beside_the_messages(keys: tuple[KeyPair, ...], tmp_path: Path) -> None:
    written = first(5, keys)
    write(tmp_path, written)
    assert expected(tmp_path) == {case.id: case for case, _ in written}
    assert (tmp_path / written[0][0].file).read_bytes() == written[0][1]
    assert len((tmp_path / "index.tsv").read_text().splitlines()) == 5
