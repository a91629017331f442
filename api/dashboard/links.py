"""The addresses of the page's own parts, for one language, country and period."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from domain.kernel import Jurisdiction
from projections.figures.period import Period
from projections.figures.translations import Language

ROOT = "/dashboard"


def slug(name: str) -> str:
    """Write an id as it stands in a path: active-consents."""
    return name.replace("_", "-")


@dataclass(frozen=True, slots=True)
class Files:
    """The addresses of one table as files."""

    csv: str
    json: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Builds addresses that keep the language, the country and the chosen period."""

    language: Language
    jurisdiction: Jurisdiction
    period: Period | None
    path: str = ""
    extra: tuple[tuple[str, str], ...] = ()

    def home(self) -> str:
        return self._url("")

    def definitions(self) -> str:
        return self._url("/figures")

    def figure(self, figure_id: str) -> str:
        return self._url(f"/figures/{slug(figure_id)}")

    def files(self, figure_id: str, dimension: str = "") -> Files:
        path = "/".join(("/figures", slug(figure_id), *([slug(dimension)] if dimension else ())))
        return Files(*(self._url(f"{path}.{form}", *self.extra) for form in ("csv", "json")))

    def here_in(self, language: Language) -> str:
        """Return the same page in another language."""
        return replace(self, language=language).here()

    def here_for(self, jurisdiction: Jurisdiction) -> str:
        """Return the same page for another country, in the period that is current there."""
        return replace(self, jurisdiction=jurisdiction, period=None).here()

    def newest(self) -> str:
        """Return the same page in the newest period that has data."""
        return replace(self, period=None).here()

    def here(self) -> str:
        return self._url(self.path, *self.extra)

    def _url(self, path: str, *extra: tuple[str, str]) -> str:
        query = [("jurisdiction", self.jurisdiction.value)]
        if self.period:
            query.append(("period", str(self.period)))
        return f"{ROOT}/{self.language}{path}?{urlencode([*query, *extra], safe='/')}"
