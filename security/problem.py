"""What is refused, said in the reader's language: the reason, and what to do about it."""

from __future__ import annotations

from translations import text


class Problem(Exception):
    """Something is refused; never carries a byte of a key or of what was sealed.

    Parameters
    ----------
    reason, remedy
        Sentences in Chinese, the key of the catalogue, with named values in braces.
    values
        What is filled in.
    """

    def __init__(self, reason: str, remedy: str = "", **values: object) -> None:
        super().__init__(reason, remedy)
        self.reason, self.remedy, self.values = reason, remedy, values

    def __str__(self) -> str:
        return self.told("zh")

    def told(self, language: str) -> str:
        """Return reason and remedy.

        Parameters
        ----------
        language
            The reader's.

        Returns
        -------
        str
            One or two sentences.
        """
        return " ".join(
            text(part, language).format(**self.values)
            for part in (self.reason, self.remedy)
            if part
        )
