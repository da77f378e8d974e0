"""Closed sets of words: the base of those that are keys wherever something is counted or decided."""

from enum import StrEnum


class Word(StrEnum):
    """A word of a closed set. It is found in a table as fast as the text that it is: an Enum's own hash is slow."""

    __hash__ = str.__hash__
