"""What the own codecs share: the error of a frame that cannot be taken."""

from __future__ import annotations

from translations import text


class WireError(ValueError):
    """A frame or value is not what the protocol allows; nothing of it is used.

    Parameters
    ----------
    reason
        Key of the sentence that says why.
    values
        What the sentence names in braces.
    """

    def __init__(self, reason: str, /, **values: object) -> None:
        super().__init__(reason)
        self.reason = reason
        self.values = values

    def __str__(self) -> str:
        return self.said("zh")

    def said(self, language: str) -> str:
        """Return the reason as a sentence in the language."""
        return text(self.reason, language, **self.values)
