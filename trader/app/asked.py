"""What an argument of the command line may be, refused in words that say what was expected."""

from argparse import ArgumentTypeError
from datetime import date


def day(text: str) -> date:
    """Return a day written as 2026-07-16. Raises ArgumentTypeError."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"expected a day such as 2026-07-16, found {text!r}") from error
