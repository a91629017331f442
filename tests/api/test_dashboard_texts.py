"""The catalogues: every text in four languages with the same placeholders, every key in use and none missing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from jinja2 import Environment, nodes

from api import dashboard
from api.dashboard.blocks import BREAKDOWNS
from api.dashboard.localiser import TEXTS, Localiser
from domain.identity.values import Means
from domain.kernel import Audience, Jurisdiction
from domain.organisations.values import OrganisationType
from projections import figures
from projections.figures.definition import TEXTS as FIGURE_TEXTS
from projections.figures.definition import Topic, Unit, Window
from projections.figures.figure_definitions import DEFINITIONS
from projections.figures.figure_values import Quality
from projections.figures.translations import TRANSLATED, Language, Text, read_messages, read_texts

DASHBOARD = Path(dashboard.__file__).parent
FOLDERS = (DASHBOARD / "texts", Path(figures.__file__).parent / "texts")
PLACEHOLDER = re.compile(r"\{\w+\}")


class Named(Protocol):
    @property
    def value(self) -> str: ...


GROUPS: dict[str, Iterable[Named]] = {
    "country": Jurisdiction,
    "heading": Jurisdiction,
    "topic": Topic,
    "quality": Quality,
    "window": Window,
    "unit": Unit,
    "audience": Audience,
    "among": Audience,
    "organisation_type": OrganisationType,
    "means": Means,
}
"""Texts that are asked for by the value of an enumeration: each value has one, and there are no others."""

OTHER_GROUPS = {
    "level": {"low", "substantial", "high"},
    "line": {"active_consents", "unique_mailbox_users"},
    "half": {"1", "2"},
    "half_of_year": {"1", "2"},
    "series_headline": {"more", "fewer"},
    "series_title": {"during", "as_of_end"},
    **{group: {it.names for it in BREAKDOWNS} for group in ("share_column", "share_headline", "share_chart")},
}


def keys_in_python(source: str) -> Iterator[str]:
    """Yield the keys that Python asks a localiser for; one that is put together ends in a dot."""
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or not call.args:
            continue
        match call.func.attr, call.args[0]:
            case "text" | "text_between", ast.Constant(value=str(key)):
                yield key
            case "text" | "text_between", ast.JoinedStr(values=[ast.Constant(value=str(group)), _]):
                yield group
            case "name", ast.Constant(value=str(group)):
                yield f"{group}."


def keys_in_template(source: str) -> Iterator[str]:
    for call in Environment(autoescape=True).parse(source).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "t":
            key = call.args[0]
            first = key.nodes[0] if isinstance(key, nodes.Concat) else key
            assert isinstance(first, nodes.Const), f"line {call.lineno} asks for a key that is not written there"
            yield first.value


def asked_for() -> set[str]:
    python = (key for path in DASHBOARD.glob("*.py") for key in keys_in_python(path.read_text()))
    templates = (key for path in DASHBOARD.glob("templates/*.j2") for key in keys_in_template(path.read_text()))
    # The names of a dimension's parts are asked for by the name of their group, which is a field.
    return {*python, *templates, *(f"{dimension.names}." for dimension in BREAKDOWNS)}


@pytest.mark.parametrize("folder", FOLDERS, ids=["dashboard", "figures"])
def test_every_translation_is_of_the_english_text_and_keeps_its_placeholders(folder: Path) -> None:
    english = read_messages(folder / "texts.pot")
    for language in TRANSLATED:
        translated = read_messages(folder / f"{language}.po")
        assert list(translated) == list(english), language
        for key, message in english.items():
            assert translated[key].id == message.id, (language, key)
            assert not translated[key].fuzzy, (language, key)
            text = str(translated[key].string)
            assert text.strip(), (language, key)
            assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(str(message.id))), (language, key)


def test_every_key_of_the_page_is_used_and_every_key_that_is_used_exists() -> None:
    asked = asked_for()
    groups = {key for key in asked if key.endswith(".")}
    assert asked - groups <= set(TEXTS)
    assert {key for key in TEXTS if key not in asked and f"{key.split('.')[0]}." not in groups} == set()


def test_every_key_of_the_figures_belongs_to_a_figure() -> None:
    assert set(FIGURE_TEXTS) == {f"{id_}.{part}" for id_ in DEFINITIONS for part in ("title", "text", "population")}


def test_everything_that_is_counted_has_a_name() -> None:
    named: dict[str, set[str]] = {}
    for key in TEXTS:
        group, dot, value = key.partition(".")
        if dot:
            named.setdefault(group, set()).add(value)
    assert len(named.pop("family")) >= 12
    assert named == {**{group: {it.value for it in values} for group, values in GROUPS.items()}, **OTHER_GROUPS}


def test_a_value_without_a_name_is_shown_as_it_is_stored() -> None:
    assert Localiser(Language.FR).name("family", "land-of_the-living") == "Land of the living"


def test_a_translation_that_is_missing_is_an_error(tmp_path: Path) -> None:
    for name, text in (("texts.pot", ""), ("nl.po", "Ja"), ("fr.po", "Oui"), ("de.po", "Ja")):
        (tmp_path / name).write_text(f'msgctxt "yes"\nmsgid "Yes"\nmsgstr "{text}"\n')
    assert read_texts(tmp_path) == {"yes": Text(nl="Ja", fr="Oui", de="Ja", en="Yes")}
    (tmp_path / "fr.po").write_text('msgctxt "no"\nmsgid "No"\nmsgstr "Non"\n')
    with pytest.raises(KeyError):
        read_texts(tmp_path)


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        Localiser(Language.NL).text("none_such")
