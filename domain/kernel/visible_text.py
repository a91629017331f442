"""Text that people read: whether it has a visible character, and which of its characters are invisible.

Source: the Unicode Character Database, property Default_Ignorable_Code_Point, with the controls of direction of
Unicode Standard Annex 9 and the joiners that Persian, Indic scripts and emoji are written with.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

_ZERO_WIDTH_JOINER = "\u200d"
_JOINERS = f"\u200c{_ZERO_WIDTH_JOINER}"
_SELECTORS = "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
_DIRECTION_MARKS = "\u061c\u200e\u200f"
_SOFT_HYPHEN = "\u00ad"
_IGNORABLE = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
_CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_BREAKS = "\t\n\r\u2028\u2029"
_SHOWING_NOTHING = "\u2800\ufffc"
"""Symbols without a visible form: the empty Braille cell, and the place of an object that is not there."""

_CONTROL = re.compile(f"[{_CONTROLS}]")
_PLAIN = re.compile("[!-~\u00c0-\u024f]")
_SUSPECT = re.compile(f"[{_IGNORABLE}{_DIRECTION_MARKS}{_SOFT_HYPHEN}{_BREAKS}{_JOINERS}{_SELECTORS}]")
_NOT_IN_LINES = re.compile(f"[{_IGNORABLE}]")
_NOT_IN_ONE_LINE = re.compile(f"[{_IGNORABLE}{_DIRECTION_MARKS}{_SOFT_HYPHEN}{_BREAKS}]")
_JOINER = re.compile(f"[{_JOINERS}]")
_SELECTOR = re.compile(f"[{_SELECTORS}]")
_UNSEEN = re.compile(f"[{_IGNORABLE}{_SELECTORS}{_SHOWING_NOTHING}]")

# Letters of these scripts change their shape beside a joiner: Arabic and its neighbours, those of South and South-East
# Asia, Mongolian, Adlam.
_JOINING_SCRIPT = re.compile(
    "[\u0600-\u109f\u1780-\u18af\u1900-\u1cff\ua800-\uabff\ufb50-\ufdff\ufe70-\ufefc"
    "\U00010a00-\U00011fff\U0001e900-\U0001e95f]"
)
# The flags of England, Scotland and Wales: a black flag, tags that spell the region, and a tag that ends them.
_FLAG_OF_REGION = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f")
_KEYCAPS = frozenset("#*0123456789")


def has_visible_character(text: str) -> bool:
    """Return whether a reader sees a character: a letter, a digit, a sign of punctuation or a symbol."""
    return _PLAIN.search(text) is not None or any(_is_visible(character) for character in text)


def has_control_character(text: str) -> bool:
    """Return whether the text holds a control character other than tab, line feed and carriage return."""
    return _CONTROL.search(text) is not None


def has_hidden_character(text: str, *, one_line: bool) -> bool:
    """Return whether the text has an invisible character, or one that turns the direction of others.

    In one line, a line break, a tab, a soft hyphen and a mark of direction are hidden characters too.
    """
    if (text.isascii() and text.isprintable()) or _SUSPECT.search(text) is None:
        return False
    forbidden = _NOT_IN_ONE_LINE if one_line else _NOT_IN_LINES
    text = _FLAG_OF_REGION.sub("\U0001f3f4", text)
    return forbidden.search(text) is not None or _has_stray_modifier(text)


def _is_visible(character: str) -> bool:
    if character.isascii():
        return "!" <= character <= "~"
    category = unicodedata.category(character)
    # Emoji that are newer than the Unicode of this Python have the category Cn.
    return (category[0] in "LNPS" or category in {"Cn", "Co"}) and _UNSEEN.match(character) is None


def _has_stray_modifier(text: str) -> bool:
    """Return whether a joiner or a variation selector is at a place where it has no visible effect."""
    base = " "
    for character, following in pairwise(f"{text} "):
        if _JOINER.match(character):
            if not _may_join(base, character, following):
                return True
        elif _SELECTOR.match(character):
            if _SELECTOR.match(following) or not _may_be_selected(base):
                return True
        elif unicodedata.category(character)[0] != "M":
            base = character
    return False


def _may_join(base: str, joiner: str, following: str) -> bool:
    if _JOINING_SCRIPT.match(base):
        return not _JOINER.match(following)
    return joiner == _ZERO_WIDTH_JOINER and _may_be_emoji(base) and _may_be_emoji(following)


def _may_be_emoji(character: str) -> bool:
    category = unicodedata.category(character)
    return not character.isascii() and (category[0] == "S" or category == "Cn")


def _may_be_selected(base: str) -> bool:
    return base in _KEYCAPS or (not base.isascii() and _is_visible(base))
