"""The words that are added to a name, to make a domain that inspires trust."""

_LONG = """
account accounts accounting admin administration alert alerts auth billing customer delivery document documents
email employee finance help helpdesk intranet invoice invoices invoicing login logon mail mailer mailing message
messages notice notification notifications office online order orders password payment payments payroll portal
recovery refund secure secured security service services signin sso support team update updates verification
verify voicemail vpn webmail www
"""
_SHORT = """
app biz careers cloud co com company connect contact corp de desk docs eu fax file global group home hr id inc
info it jobs llc ltd my net network news org pay safe server shop store system systems tech the uk us user vendor
web
"""

LONG_WORDS = frozenset(_LONG.split())
"""They are told from the name even without a hyphen."""

WORDS = LONG_WORDS | frozenset(_SHORT.split())
"""All of them; those that are short, or parts of honest names, count only beside a hyphen."""
