"""Milkbot: an autonomous, deterministic, auditable trader for Kalshi's weather markets."""

__version__ = "0.1.0"
