"""Structured logs: one line for each envelope, and one for each thing an operator must know."""

from relayguard.log.floods import Floods
from relayguard.log.logger import Logger, make_logger

__all__ = ["Floods", "Logger", "make_logger"]
