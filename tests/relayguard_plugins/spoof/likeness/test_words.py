from relayguard_plugins.spoof.likeness.words import LONG_WORDS, WORDS


def test_the_words_of_common_frauds_are_known() -> None:
    common = (
        "support login mail secure account billing security online service help invoice payment portal admin team"
    )
    assert LONG_WORDS.issuperset(common.split())
    assert WORDS.issuperset([*LONG_WORDS, "it", "hr", "my"])


def test_words_that_end_honest_names_need_a_hyphen() -> None:
    assert not LONG_WORDS & {"it", "hr", "id", "com", "tech", "app"}
