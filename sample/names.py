"""Invented names of organisations and services, in the languages in which they would have one."""

from __future__ import annotations

from random import Random

from domain.kernel import Audience, Jurisdiction
from domain.organisations import Names, OrganisationType

_BEFORE = (
    *("Linden", "Berken", "Zilver", "Heide", "Water", "Molen", "Ooster", "Wester", "Noorder", "Zuider", "Klaver"),
    *("Hazel", "Reiger", "Valken", "Wilgen", "Elzen", "Duin", "Rozen", "Steen", "Kraai", "Vlas", "Leeuwerik", "Braam"),
)
_AFTER = (
    *("dael", "beke", "hove", "rode", "gem", "voorde", "meer", "kerke", "donk", "veld", "burg", "oord", "stede"),
    *("brugge", "lare", "wijk", "akker", "broek"),
)
_WALLOON = (
    *("Aubeval", "Clairfontaine", "Montrieux", "Beaupré-sur-Onde", "Valmarais", "Rochelinne", "Orneville", "Fraimont"),
    *(
        "Longuechamps",
        "Houyelle",
        "Pierrelaye-la-Neuve",
        "Sartemont",
        "Villerue",
        "Grandlieu",
        "Mesnilval",
        "Thorembois",
    ),
)
_SUBJECTS = (
    ("Pensioenen", "Pensions", "Renten", "Pensions"),
    ("Werk", "Emploi", "Arbeit", "Employment"),
    ("Mobiliteit", "Mobilité", "Mobilität", "Mobility"),
    ("Volksgezondheid", "Santé publique", "Volksgesundheit", "Public Health"),
    ("Justitie", "Justice", "Justiz", "Justice"),
    ("Financiën", "Finances", "Finanzen", "Finance"),
    ("Leefmilieu", "Environnement", "Umwelt", "Environment"),
    ("Onderwijs", "Enseignement", "Bildung", "Education"),
    ("Energie", "Énergie", "Energie", "Energy"),
    ("Wonen", "Logement", "Wohnen", "Housing"),
    ("Landbouw", "Agriculture", "Landwirtschaft", "Agriculture"),
    ("Statistiek", "Statistique", "Statistik", "Statistics"),
    ("Gezin", "Famille", "Familie", "Family"),
    ("Kadaster", "Cadastre", "Kataster", "Cadastre"),
    ("Ondernemingen", "Entreprises", "Unternehmen", "Enterprises"),
    ("Digitale Zaken", "Affaires numériques", "Digitales", "Digital Affairs"),
)
_KINDS: dict[OrganisationType, tuple[str, str, str, str]] = {
    OrganisationType.MUNICIPALITY: ("Gemeente {}", "Commune de {}", "Gemeinde {}", "Municipality of {}"),
    OrganisationType.PROVINCE: ("Provincie {}", "Province de {}", "Provinz {}", "Province of {}"),
    OrganisationType.NATIONAL_ORGANISATION: ("Dienst {}", "Service {}", "Dienst {}", "Service for {}"),
    OrganisationType.SOCIAL_SECURITY_INSTITUTION: ("Rijkskas {}", "Caisse {}", "Landeskasse {}", "Fund for {}"),
    OrganisationType.PARTNERSHIP: (
        "Samenwerkingsverband {}",
        "Groupement {}",
        "Zweckverband {}",
        "Partnership {}",
    ),
    OrganisationType.WATER_AUTHORITY: ("Waterschap {}", "Wateringue {}", "Wasserverband {}", "Water authority {}"),
    OrganisationType.PENSION_FUND: ("Pensioenfonds {}", "Fonds de pension {}", "Pensionsfonds {}", "Pension fund {}"),
    OrganisationType.PRIVATE_ORGANISATION: ("{} bv", "{} srl", "{} GmbH", "{} Ltd"),
    OrganisationType.VEHICLE_AUTHORITY: (
        "Voertuigendienst",
        "Service des véhicules",
        "Fahrzeugamt",
        "Vehicle Authority",
    ),
    OrganisationType.SOCIAL_INSURANCE_BANK: (
        "Volksverzekeringsbank",
        "Banque d'assurance sociale",
        "Sozialversicherungsbank",
        "Social Insurance Bank",
    ),
    OrganisationType.TAX_ADMINISTRATION: (
        "Belastingadministratie",
        "Administration fiscale",
        "Steuerverwaltung",
        "Tax Administration",
    ),
    OrganisationType.EMPLOYEE_INSURANCE_AGENCY: (
        "Werknemersverzekeringen",
        "Assurances des salariés",
        "Arbeitnehmerversicherung",
        "Employee Insurance Agency",
    ),
}
_SUBJECT_KINDS = frozenset({OrganisationType.NATIONAL_ORGANISATION, OrganisationType.SOCIAL_SECURITY_INSTITUTION})
_SERVICES: dict[Audience, tuple[tuple[str, str, str, str], ...]] = {
    Audience.CITIZEN: (
        ("Mijn dossier", "Mon dossier", "Meine Akte", "My file"),
        ("Attesten aanvragen", "Demander une attestation", "Bescheinigungen", "Request a certificate"),
        ("Verhuizing melden", "Déclarer un déménagement", "Umzug melden", "Report a move"),
        ("Mijn aangifte", "Ma déclaration", "Meine Erklärung", "My return"),
        ("Afspraak maken", "Prendre rendez-vous", "Termin vereinbaren", "Make an appointment"),
        ("Premie aanvragen", "Demander une prime", "Prämie beantragen", "Apply for a grant"),
    ),
    Audience.COMPANY: (
        ("Vergunningenloket", "Guichet des permis", "Genehmigungen", "Permit desk"),
        ("Aangifte onderneming", "Déclaration d'entreprise", "Unternehmenserklärung", "Company return"),
        ("Subsidies ondernemingen", "Subsides aux entreprises", "Zuschüsse", "Company grants"),
        ("Personeelsregister", "Registre du personnel", "Personalregister", "Staff register"),
    ),
    Audience.GOVERNMENT: (
        ("Gegevensraadpleging", "Consultation de données", "Datenabfrage", "Data consultation"),
        ("Dossierbeheer", "Gestion des dossiers", "Aktenverwaltung", "Case management"),
        ("Rapportering", "Rapportage", "Berichterstattung", "Reporting"),
    ),
}


class Namer:
    """Gives organisations and services names; no two organisations of a kind and country share one."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._given: set[tuple[Jurisdiction, OrganisationType, str]] = set()

    def organisation(self, kind: OrganisationType, jurisdiction: Jurisdiction) -> Names:
        place = self._place(kind, jurisdiction)
        number = 1
        while (jurisdiction, kind, f"{place}{number}") in self._given:
            number += 1
        self._given.add((jurisdiction, kind, f"{place}{number}"))
        numbered = place if number == 1 else f"{place} {_roman(number)}"
        if kind in _SUBJECT_KINDS:
            subject = self._rng.choice(_SUBJECTS)
            parts = [f"{word} {numbered}" for word in subject]
        else:
            parts = [numbered] * 4
        nl, fr, de, en = (pattern.format(part) for pattern, part in zip(_KINDS[kind], parts, strict=True))
        if jurisdiction is Jurisdiction.NL:
            return Names(nl=nl, en=en)
        return Names(nl=nl, fr=fr, de=de, en=en)

    def service(self, audience: Audience, owner: Names, number: int) -> Names:
        offered = _SERVICES[audience]
        nl, fr, de, en = offered[number % len(offered)]
        return Names(
            nl=f"{nl} - {owner.nl}",
            fr=f"{fr} - {owner.fr}" if owner.fr else "",
            de=f"{de} - {owner.de}" if owner.de else "",
            en=f"{en} - {owner.en}",
        )

    def _place(self, kind: OrganisationType, jurisdiction: Jurisdiction) -> str:
        if "{}" not in _KINDS[kind][0]:
            return ""
        walloon = jurisdiction is Jurisdiction.BE and self._rng.random() < 0.3  # noqa: PLR2004 - about a third
        if walloon:
            return self._rng.choice(_WALLOON)
        return self._rng.choice(_BEFORE) + self._rng.choice(_AFTER)


def _roman(number: int) -> str:
    """Write a small number in Roman numerals, as parishes and districts are numbered."""
    numerals = ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))
    written = ""
    for value, letters in numerals:
        written += letters * (number // value)
        number %= value
    return written


def same(name: str) -> Names:
    """Return a name that is the same in every language."""
    return Names(nl=name, fr=name, de=name, en=name)
