"""Shares as people read them, in one form wherever they are told."""

from __future__ import annotations


def percent(share: float, digits: int = 0) -> str:
    """0.9 -> "90 %"; with one digit behind the point "90.0 %"."""
    return f"{100 * share:.{digits}f} %"
