"""The signal of a protected person's name at a strange address."""

from collections.abc import Iterator, Sequence

from relayguard import Mailbox
from relayguard_plugins.spoof.author import Vouched, suspicion
from relayguard_plugins.spoof.likeness.people import Match
from relayguard_plugins.spoof.signals import Signal, Suspicion


def impersonated(
    name: str, match: Match, mailbox: Mailbox, domain: str, answers: Sequence[Mailbox] | None, vouched: Vouched
) -> Iterator[Suspicion]:
    """The name is that of a protected person: a signal, unless it is proven that the person may write so.

    That is from a known address; or through a list or a service that writes in between, if all answers go to the person.
    Either way somebody must vouch for the author's domain.
    """
    known = {address.casefold() for address in match.person.addresses}
    is_known = f"{mailbox.local}@{domain}".casefold() in known
    answered = bool(answers) and all(f"{each.local}@{each.domain}".casefold() in known for each in answers or ())
    if (is_known or answered) and (vouched.of(domain) or vouched.may_be_of(domain)):
        return
    # Initials are those of many.
    signal = Signal.NAME_PERSON if match.exact else Signal.NAME_INITIALS
    yield suspicion(signal, f"{name} is the name of {match.person.name}, the address is of {domain}")
