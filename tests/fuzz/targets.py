"""The table of targets: every parser of bytes that a stranger sends, by name."""

from collections.abc import Mapping

from tests.fuzz.fields import FIELDS
from tests.fuzz.records import RECORDS
from tests.fuzz.signatures import SIGNATURES
from tests.fuzz.target import Target
from tests.fuzz.wire import WIRE

TARGETS: Mapping[str, Target] = {each.name: each for each in (*FIELDS, *SIGNATURES, *RECORDS, *WIRE)}
