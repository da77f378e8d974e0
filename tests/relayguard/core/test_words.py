from relayguard.core.words import Word


class Colour(Word):
    RED = "red"


def test_a_word_is_found_in_a_table_as_the_text_that_it_is() -> None:
    table: dict[str, int] = {Colour.RED: 1}
    assert table["red"] == {"red": 1}[Colour.RED] == 1
    assert Colour("red") is Colour.RED
