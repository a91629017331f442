"""What of a text can be seen, and what is hidden in it."""

from __future__ import annotations

import pytest

from domain.kernel.visible_text import has_hidden_character, has_visible_character

READABLE = (
    *(
        "Gent",
        "Liège \u2013 5 €",
        "Cafe\u0301",
        "a\u00a0b",
        "\u0395\u03bb\u03bb\u03ac\u03b4\u03b1",
        "\u05d9\u05e9\u05e8\u05d0\u05dc",
        "\u65e5\u672c",
        "\U0001d49c",
        "\U0001fae8",
    ),
    # Persian and Hindi words, and a Persian abbreviation that ends in a joiner.
    *(
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u06f1\u06f0\u200c\u0647\u0627",
        "\u0915\u094d\u200d\u0937",
        "\u0647\u200d.\u0634",
    ),
    # Emoji: a profession, two flags, a heart on fire, a keycap, a skin with hair, arrows.
    *(
        "\U0001f469\u200d\U0001f4bb",
        "\U0001f3f3\ufe0f\u200d\U0001f308",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    ),
    *(
        "\u2764\ufe0f\u200d\U0001f525",
        "1\ufe0f\u20e3",
        "\U0001f468\U0001f3fd\u200d\U0001f9b0",
        "\U0001f642\u200d\u2194\ufe0f",
        "\u2139\ufe0f",
        "\u845b\U000e0100",
    ),
)
HIDING_IN_A_LINE = (
    *("Stad \u202eneg\u202c", "x\u2066y\u2069", "a\u200eb", "\u05d0\u200f\u05d1", "a\u061cb"),
    *("a\nb", "a\r\nb", "a\tb", "a\u2028b", "a\u2029b"),
    *("a\u200bb", "\ufeffGent", "a\u00adb", "a\u034fb", "a\u3164b", "a\u2060b", "a\U000e0061b", "a\ufff9b"),
    # Joiners and selectors where they change nothing that is seen.
    *(
        "a\u200db",
        "a\u200cb",
        "\u200dx",
        "\U0001f469\u200d",
        "\U0001f469\u200dx",
        "\u4e2d\u200c\u6587",
        "\u0645\u06cc\u200c\u200c\u062e",
        "a\ufe0fb",
        "\u2764\ufe0f\ufe0f",
    ),
)
HIDING_IN_LINES = ("a\u202eb", "a\u202ab", "a\u2066b", "a\u200bb", "a\ufeffb", "a\U000e0061b", "a\u200db")
EMPTY = (
    *("", " ", "\n\t", "\u00a0", "\u3000", "\u200b", "\u200e\u200f", "\u2060", "\ufeff", "\u00ad", "\u2028"),
    *("\ufe0f", "\u200d", "\u3164", "\u115f", "\u2800", "\ufffc", "\u0301", "\U000e0020", "\u202e\u202c"),
)


@pytest.mark.parametrize("text", READABLE, ids=ascii)
def test_what_people_write_is_seen_and_hides_nothing(text: str) -> None:
    assert has_visible_character(text)
    assert not has_hidden_character(text, one_line=True)
    assert not has_hidden_character(text, one_line=False)


@pytest.mark.parametrize("text", HIDING_IN_A_LINE, ids=ascii)
def test_one_line_hides_nothing(text: str) -> None:
    assert has_hidden_character(text, one_line=True)


@pytest.mark.parametrize("text", HIDING_IN_LINES, ids=ascii)
def test_several_lines_hide_nothing(text: str) -> None:
    assert has_hidden_character(text, one_line=False)


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\tb", "a\u200eb", "a\u00adb", "a\u2028b"], ids=ascii)
def test_several_lines_may_be_broken_and_marked(text: str) -> None:
    assert not has_hidden_character(text, one_line=False)


@pytest.mark.parametrize("text", EMPTY, ids=ascii)
def test_what_nobody_sees_is_no_text(text: str) -> None:
    assert not has_visible_character(text)
