"""Which rows there are: those of what is always there, and those that filters ship."""

from collections.abc import Iterable

from relayguard.core.panels import Row
from relayguard.dashboards import authentication, filters, limits, overview, services, workers
from relayguard.pipeline.discovery import FilterError, find_class, known_names

ROWS = (*overview.ROWS, *authentication.ROWS, *limits.ROWS, *filters.ROWS, *services.ROWS, *workers.ROWS)
"""Those of what is always there."""


def rows_of(owners: Iterable[object]) -> list[Row]:
    """Return all rows: ours, and the `rows` of these filters, or classes of filters. Raises FilterError.

    One whose filter is loaded twice, for two listeners, is there once.
    """
    shipped: dict[int, Row] = {}
    for owner in owners:
        own: object = getattr(owner, "rows", ())
        if not isinstance(own, list | tuple) or not all(isinstance(row, Row) for row in own):
            raise FilterError(f"{owner!r}: 'rows' must be a sequence of relayguard.panels.Row")
        shipped |= {id(row): row for row in own}
    return [*ROWS, *shipped.values()]


def installed() -> list[type]:
    """Return the classes of all installed filters; raises FilterError if one does not load."""
    return [find_class(name) for name in sorted(known_names(None))]
