"""What the own codecs share: the error of a frame that cannot be taken."""

from __future__ import annotations


class WireError(ValueError):
    """A frame or value is not what the protocol allows; nothing of it is used.

    Parameters
    ----------
    reason
        Sentence in Chinese, key of the catalogue.
    values
        What was found and expected, for the log.
    """

    def __init__(self, reason: str, **values: object) -> None:
        super().__init__(reason)
        self.reason = reason
        self.values = values

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={value}" for name, value in self.values.items())
        return f"{self.reason} ({shown})" if shown else self.reason
