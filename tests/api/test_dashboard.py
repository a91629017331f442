"""The Digital Dashboard as a client of HTTP sees it: addresses, languages, caching, tables, and what is not there."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from api.dashboard import pages
from api.dashboard.charts import year_ticks
from api.dashboard.choice import accepted_language, latest_period
from api.dashboard.localiser import Localiser
from projections.figures.figure_definitions import DEFINITIONS
from projections.figures.period import Period
from projections.figures.translations import Language
from tests.api.world import Client, over
from tests.api.world.figures import NOW, POSITION, FakeFigures, dashboard_over


def visitor(figures: FakeFigures | None = None) -> Client:
    reader = figures or FakeFigures()
    return over(dashboard_over(reader, lambda: reader.now))


# --- Addresses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("nl-BE,nl;q=0.9,en;q=0.8", "nl"),
        ("fr", "fr"),
        ("en;q=0.4, de-AT;q=0.9", "de"),
        ("pt-BR, ja", "en"),
        ("", "en"),
        ("fr;q=0", "en"),
        ("de;q=much, fr;q=0.1", "fr"),
    ],
)
def test_the_entrance_leads_to_the_language_of_the_browser(header: str, language: Language) -> None:
    assert accepted_language(header) == language
    answer = visitor().reads("/dashboard", {"accept-language": header})
    assert (answer.status_code, answer.headers["location"]) == (307, f"/dashboard/{language}")
    assert answer.headers["vary"] == "Accept-Language"


def test_the_entrance_takes_a_language_and_keeps_the_choice() -> None:
    answer = visitor().reads("/dashboard?lang=de&jurisdiction=nl&period=2018&next=https://elsewhere.example")
    assert answer.headers["location"] == "/dashboard/de?jurisdiction=nl&period=2018"


@pytest.mark.parametrize("language", Language)
def test_every_page_speaks_its_language(language: Language) -> None:
    for path in ("", "/figures", "/figures/active-consents", "/figures/open-rate", "/figures/use-index"):
        answer = visitor().reads(f"/dashboard/{language}{path}")
        assert answer.status_code == 200, path
        assert f'<html lang="{language}">' in answer.text
        assert answer.headers["content-language"] == language
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "<script" not in answer.text


def test_the_form_leads_to_one_address_for_each_period() -> None:
    for query, period in (
        ("year=2022&part=H1", "2022-H1"),
        ("year=2021&part=11", "2021-11"),
        ("year=2021&part=", "2021"),
    ):
        answer = visitor().reads(f"/dashboard/nl?jurisdiction=be&{query}")
        assert (answer.status_code, answer.headers["location"]) == (
            307,
            f"/dashboard/nl?jurisdiction=be&period={period}",
        )


@pytest.mark.parametrize(
    "path",
    [
        "/dashboard/es",
        "/dashboard/EN",
        "/dashboard/en?period=2021-13",
        "/dashboard/en?period=<script>alert(1)</script>",
        "/dashboard/en?jurisdiction=fr",
        "/dashboard/en?year=2022&part=H3",
        "/dashboard/en/figures/active_consents",
        "/dashboard/en/figures/none-such",
        "/dashboard/en/elsewhere/and/further",
        "/dashboard?lang=es",
        "/dashboard?period=21",
    ],
)
def test_what_is_not_there_is_said_in_a_page(path: str) -> None:
    answer = visitor().reads(path)
    assert answer.status_code == 404
    assert "This page does not exist" in answer.text
    assert "<script" not in answer.text


def test_not_found_is_said_in_the_language_of_the_address() -> None:
    assert "Deze pagina bestaat niet" in visitor().reads("/dashboard/nl/figures/none-such").text
    assert "Cette page n&#39;existe pas" in visitor().reads("/dashboard/fr/a/b/c").text


# --- Periods --------------------------------------------------------------------------------------------------------


def test_the_usual_period_is_the_latest_that_is_over_and_has_something_in_it() -> None:
    assert "First half of 2022" in visitor().reads("/dashboard/en").text.replace("first half", "First half")
    assert "<title>The digital government of the Netherlands in figures, 2018 " in (
        visitor().reads("/dashboard/en?jurisdiction=nl").text
    )


@pytest.mark.parametrize(
    ("months", "period"),
    [
        (("2022-05", "2022-06"), "2022-H1"),
        (("2022-06", "2022-11"), "2022"),
        (("2022-06", "2026-10"), "2022-H1"),
        (("2026-03", "2026-10"), "2026-H1"),
        (("2026-10",), "2026-10"),
    ],
)
def test_a_few_events_of_today_do_not_hide_the_last_full_period(months: tuple[str, ...], period: str) -> None:
    assert str(latest_period(months, NOW)) == period
    assert latest_period((), NOW) is None


def test_a_period_that_still_runs_is_marked_provisional() -> None:
    figures = FakeFigures(now=NOW.replace(year=2022, month=5))
    page = visitor(figures).reads("/dashboard/en?period=2022-H1").text
    assert 'class="quality doubtful">provisional' in page
    assert "The period still runs" in page


def test_without_any_event_a_plain_sentence() -> None:
    page = visitor(FakeFigures(empty=True)).reads("/dashboard/nl")
    assert page.status_code == 200
    assert "Er zijn nog geen gegevens voor deze keuze." in page.text
    assert "Geen gegevens voor deze periode: Actieve toestemmingen" not in page.text


def test_a_sample_says_so() -> None:
    assert "Sample data" in visitor(FakeFigures(sample=True)).reads("/dashboard/en").text
    assert "Sample data" not in visitor().reads("/dashboard/en").text


# --- Figures --------------------------------------------------------------------------------------------------------


def test_a_tile_says_value_growth_period_quality_and_leads_to_its_definition() -> None:
    page = visitor().reads("/dashboard/en?period=2022-H1").text
    tile = re.search(
        r'<li class="tile">\s*<h4><a href="([^"]*active-consents[^"]*)">Active consents</a>.*?</li>', page, re.DOTALL
    )
    assert tile is not None
    for said in ("3,102,226", "+113% (2.13×)", "1,455,257 a year earlier", "on 30 June 2022", "exact"):  # noqa: RUF001
        assert said in tile[0]
    definition = visitor().reads(tile[1].replace("&amp;", "&"))
    assert "consent.granted.v1" in definition.text
    assert "consent_id, grant_number" in definition.text


def test_every_figure_has_a_page_with_its_definition_and_a_table() -> None:
    for figure_id, definition in DEFINITIONS.items():
        slug = figure_id.replace("_", "-")
        page = visitor().reads(f"/dashboard/en/figures/{slug}")
        assert definition.events[0] in page.text
        assert f"/dashboard/en/figures/{slug}.csv?" in page.text
        assert visitor().reads(f"/dashboard/en/figures/{slug}.csv").status_code == 200


def test_a_figure_without_data_is_named_and_not_shown_as_a_tile() -> None:
    page = visitor().reads("/dashboard/en").text
    assert "No data for this period: E-invoice receivers." in page


def test_the_page_says_up_to_where_it_was_computed() -> None:
    page = visitor().reads("/dashboard/de").text
    assert "Berechnet bis einschließlich Position 1.234.567 des Protokolls, am 21. November 2026" in page


def test_filters_of_the_open_rates_are_kept_in_the_addresses() -> None:
    page = (
        visitor()
        .reads("/dashboard/en/figures/open-rate?jurisdiction=nl&period=2018&filtered=1&outsideGovernment=1")
        .text
    )
    assert 'name="outsideGovernment" value="1" checked' in page
    assert 'name="notificationOnly" value="1">' in page
    assert "open-rate.csv?jurisdiction=nl&amp;period=2018&amp;filtered=1&amp;outsideGovernment=1" in page


# --- Caching --------------------------------------------------------------------------------------------------------


def test_a_page_is_not_sent_twice_while_the_log_stands_still() -> None:
    figures = FakeFigures()
    first = visitor(figures).reads("/dashboard/en")
    figures.asked.clear()
    again = visitor(figures).reads("/dashboard/en", {"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content, figures.asked) == (304, b"", [])
    figures.position = POSITION + 1
    assert visitor(figures).reads("/dashboard/en", {"if-none-match": first.headers["etag"]}).status_code == 200


def test_another_day_language_or_address_is_another_page() -> None:
    tags = {
        visitor(FakeFigures(now=now)).reads(path).headers["etag"]
        for now in (NOW, NOW.replace(day=22))
        for path in ("/dashboard/en", "/dashboard/nl", "/dashboard/en?period=2021")
    }
    assert len(tags) == 6


def test_the_style_sheet_is_kept_by_its_own_content() -> None:
    url = re.search(r'rel="stylesheet" href="([^"]+)"', visitor().reads("/dashboard/en").text)
    assert url is not None
    answer = visitor().reads(url[1])
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]


def test_the_page_is_light() -> None:
    page = visitor().reads("/dashboard/nl?jurisdiction=nl").content
    style = visitor().reads("/dashboard/static/dashboard.css").content
    assert len(page) < 60_000
    assert len(style) < 20_000


# --- Words and colours ----------------------------------------------------------------------------------------------


def test_numbers_are_written_as_each_language_does() -> None:
    written = {language: Localiser(language) for language in Language}
    assert [it.number(3_102_226) for it in written.values()] == [
        "3.102.226",
        "3\N{NARROW NO-BREAK SPACE}102\N{NARROW NO-BREAK SPACE}226",
        "3.102.226",
        "3,102,226",
    ]
    growth = [it.percent(Decimal(85), signed=True) for it in written.values()]
    assert growth == ["+85%", "+85\N{NO-BREAK SPACE}%", "+85\N{NO-BREAK SPACE}%", "+85%"]
    assert [it.decimal(Decimal("169.70")) for it in written.values()] == ["169,70", "169,70", "169,70", "169.70"]
    assert [it.period(Period.parse("2017-09/2017-10")) for it in written.values()] == [
        "september \N{EN DASH} oktober 2017",
        "septembre \N{EN DASH} octobre 2017",
        "September \N{EN DASH} Oktober 2017",
        "September \N{EN DASH} October 2017",
    ]


def test_years_on_a_time_axis_keep_their_distance() -> None:
    periods = [Period(2014 + (10 + at) // 12, (10 + at) % 12 + 1, 2) for at in range(0, 92, 2)]
    ticks = [tick for tick in year_ticks(periods, 190) if tick]
    assert ticks == ["2015", "2017", "2019", "2021"]


TOKEN = re.compile(r"--([\w-]+): (#[0-9a-f]{6});")
ON = {
    "paper": ("ink", "soft", "accent"),
    "card": ("ink", "soft", "accent", "series-1", "series-2", "series-3"),
    "band": ("on-band", "on-band-soft"),
    "accent-soft": ("accent",),
    "warn-soft": ("warn",),
    "accent": ("card",),
}


def _tokens() -> dict[str, dict[str, str]]:
    style = (Path(pages.__file__).parent / "static" / "dashboard.css").read_text()
    light, dark = style.split("@media (prefers-color-scheme: dark)")[:2]
    tokens = dict(TOKEN.findall(light))
    return {"light": tokens, "dark": tokens | dict(TOKEN.findall(dark.split("*, *::before")[0]))}


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_colour_of_text_stands_out_from_its_ground(theme: str) -> None:
    tokens = _tokens()[theme]
    for ground, inks in ON.items():
        for ink in inks:
            lighter, darker = sorted((_luminance(tokens[ground]), _luminance(tokens[ink])), reverse=True)
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5, f"{ink} on {ground}, {theme}"
