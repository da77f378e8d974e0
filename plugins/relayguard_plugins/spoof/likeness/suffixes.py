"""Public suffixes: the names under which domains are given to anybody, by registries, and by providers to tenants."""

from publicsuffixlist import PublicSuffixList


class Suffixes:
    """The Public Suffix List. It takes long to read, and can be used again."""

    def __init__(self) -> None:
        self._all = PublicSuffixList()
        self._of_registries = PublicSuffixList(accept_unknown=False, only_icann=True)

    def registrable(self, domain: str) -> str | None:
        """Return the name that its holder has registered, or has as a tenant; None for a suffix itself.

        >>> Suffixes().registrable("mail.example.co.uk")
        'example.co.uk'
        """
        found: str | None = self._all.privatesuffix(domain)
        return found

    def is_of_provider(self, suffix: str) -> bool:
        """Tell whether a suffix is a provider's, who has registered it: ``github.io``."""
        return self._of_registries.privatesuffix(suffix) is not None

    def is_of_registry(self, domain: str) -> bool:
        """Tell whether a domain is itself the suffix of a registry, of which nobody can be the holder."""
        return bool(self._of_registries.is_public(domain))
