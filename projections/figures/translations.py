"""Texts in the four languages of the platform, read from gettext catalogues that translators edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from babel.messages.catalog import Message
from babel.messages.pofile import read_po


class Language(StrEnum):
    """A language of the platform."""

    NL = "nl"
    FR = "fr"
    DE = "de"
    EN = "en"


TRANSLATED = (Language.NL, Language.FR, Language.DE)
"""The languages with a catalogue of their own; the English sentences are what they translate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One sentence or label in the four languages of the platform."""

    nl: str
    fr: str
    de: str
    en: str

    def in_language(self, language: Language) -> str:
        text: str = getattr(self, language)
        return text


def read_texts(folder: Path) -> Mapping[str, Text]:
    """Read `texts.pot`, which is in English, and its translations `nl.po`, `fr.po` and `de.po`.

    The key of a text is its `msgctxt`. A translation that is missing is a KeyError.
    """
    english = read_messages(folder / "texts.pot")
    translated = {language: read_messages(folder / f"{language}.po") for language in TRANSLATED}
    return {
        key: Text(en=str(message.id), **{language: str(translated[language][key].string) for language in TRANSLATED})
        for key, message in english.items()
    }


def read_messages(catalogue: Path) -> Mapping[str, Message]:
    """Read one catalogue: its messages by `msgctxt`."""
    with catalogue.open("rb") as file:
        return {message.context: message for message in read_po(file) if message.context}
