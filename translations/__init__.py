"""Texts in the user's language: Chinese is the key, English the catalogue."""

from __future__ import annotations

import gettext
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
LANGUAGES = ("zh", "en")


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    """Return the catalogue of a language; Chinese needs none, being the key."""
    if language == "zh":
        return gettext.NullTranslations()
    return gettext.translation("messages", HERE, languages=[language])


def text(key: str, language: str = "zh", /, **values: object) -> str:
    """Return the sentence in the language, with its named values filled in."""
    sentence = _catalogue(language).gettext(key)
    return sentence.format(**values) if values else sentence
