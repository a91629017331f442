"""The names of things that figures are cut by, and what the systems are called in each country."""

from __future__ import annotations

from collections.abc import Mapping

from api.dashboard.i18n import Writer
from projections.figures import Text, Topic

AUDIENCES: Mapping[str, Text] = {
    "citizen": Text(nl="Burger", fr="Citoyen", de="Bürger", en="Citizen"),
    "company": Text(nl="Onderneming", fr="Entreprise", de="Unternehmen", en="Company"),
    "government": Text(nl="Overheid", fr="Administration", de="Verwaltung", en="Government"),
}

AMONG: Mapping[str, Text] = {
    "citizen": Text(nl="burgers", fr="citoyens", de="Bürgern", en="citizens"),
    "company": Text(nl="ondernemingen", fr="entreprises", de="Unternehmen", en="companies"),
    "government": Text(nl="overheden", fr="administrations", de="Behörden", en="public bodies"),
}

LINES: Mapping[str, Text] = {
    "active_consents": Text(nl="Toestemmingen", fr="Consentements", de="Einwilligungen", en="Consents"),
    "unique_mailbox_users": Text(nl="Gebruikers", fr="Utilisateurs", de="Nutzende", en="Users"),
}
"""Short names at the end of a line, where there is no room for the whole title."""

ORGANISATION_TYPES: Mapping[str, Text] = {
    "municipality": Text(nl="Gemeenten", fr="Communes", de="Gemeinden", en="Municipalities"),
    "province": Text(nl="Provincies", fr="Provinces", de="Provinzen", en="Provinces"),
    "national_organisation": Text(
        nl="Landelijke organisaties",
        fr="Organisations nationales",
        de="Landesweite Organisationen",
        en="National organisations",
    ),
    "vehicle_authority": Text(
        nl="Wegverkeer (RDW)",
        fr="Autorité des véhicules",
        de="Fahrzeugbehörde",
        en="Vehicle authority",
    ),
    "partnership": Text(
        nl="Samenwerkingsverbanden", fr="Groupements de collectivités", de="Zweckverbände", en="Partnerships"
    ),
    "social_insurance_bank": Text(
        nl="Sociale verzekeringen (SVB)",
        fr="Banque d'assurance sociale",
        de="Sozialversicherungsbank",
        en="Social insurance bank",
    ),
    "water_authority": Text(nl="Waterschappen", fr="Offices des eaux", de="Wasserverbände", en="Water authorities"),
    "tax_administration": Text(
        nl="Belastingdienst", fr="Administration fiscale", de="Steuerverwaltung", en="Tax administration"
    ),
    "employee_insurance_agency": Text(
        nl="Werknemersverzekeringen (UWV)",
        fr="Assurances des salariés",
        de="Arbeitnehmerversicherung",
        en="Employee insurance agency",
    ),
    "social_security_institution": Text(
        nl="Instellingen van sociale zekerheid",
        fr="Institutions de sécurité sociale",
        de="Einrichtungen der sozialen Sicherheit",
        en="Social security institutions",
    ),
    "pension_fund": Text(nl="Pensioenfondsen", fr="Fonds de pension", de="Pensionskassen", en="Pension funds"),
    "private_organisation": Text(
        nl="Private organisaties", fr="Organisations privées", de="Private Organisationen", en="Private organisations"
    ),
}

MEANS: Mapping[str, Text] = {
    "eid": Text(nl="eID", fr="eID", de="eID", en="eID"),
    "mobile_app": Text(nl="Mobiele app", fr="Application mobile", de="Mobile App", en="Mobile app"),
    "itsme": Text(nl="itsme", fr="itsme", de="itsme", en="itsme"),
    "token": Text(nl="Token", fr="Token", de="Token", en="Token"),
    "sms": Text(nl="Sms-code", fr="Code par SMS", de="SMS-Code", en="SMS code"),
    "password": Text(nl="Wachtwoord", fr="Mot de passe", de="Passwort", en="Password"),
    "eherkenning": Text(nl="eHerkenning", fr="eHerkenning", de="eHerkenning", en="eHerkenning"),
    "eidas": Text(nl="eIDAS", fr="eIDAS", de="eIDAS", en="eIDAS"),
}

LEVELS: Mapping[str, Text] = {
    "low": Text(nl="Laag", fr="Faible", de="Niedrig", en="Low"),
    "substantial": Text(nl="Substantieel", fr="Substantiel", de="Substanziell", en="Substantial"),
    "high": Text(nl="Hoog", fr="Élevé", de="Hoch", en="High"),
}

FAMILIES: Mapping[str, Text] = {
    "person": Text(nl="Persoon", fr="Personne", de="Person", en="Person"),
    "enterprise": Text(nl="Onderneming", fr="Entreprise", de="Unternehmen", en="Enterprise"),
    "vehicle": Text(nl="Voertuig", fr="Véhicule", de="Fahrzeug", en="Vehicle"),
    "cadastre": Text(nl="Kadaster", fr="Cadastre", de="Kataster", en="Cadastre"),
    "address": Text(nl="Adres", fr="Adresse", de="Adresse", en="Address"),
    "social-security": Text(
        nl="Sociale zekerheid", fr="Sécurité sociale", de="Soziale Sicherheit", en="Social security"
    ),
    "health": Text(nl="Gezondheid", fr="Santé", de="Gesundheit", en="Health"),
    "taxation": Text(nl="Belastingen", fr="Fiscalité", de="Steuern", en="Taxation"),
    "justice": Text(nl="Justitie", fr="Justice", de="Justiz", en="Justice"),
    "mobility": Text(nl="Mobiliteit", fr="Mobilité", de="Mobilität", en="Mobility"),
    "education": Text(nl="Onderwijs", fr="Enseignement", de="Bildung", en="Education"),
    "employment": Text(nl="Werk", fr="Emploi", de="Arbeit", en="Employment"),
}

SYSTEMS: Mapping[tuple[str, Topic], str] = {
    ("be", Topic.MAILBOX): "eBox",
    ("be", Topic.IDENTITY): "FAS",
    ("be", Topic.BUS): "Federal Service Bus",
    ("be", Topic.INVOICING): "Mercurius",
    ("nl", Topic.MAILBOX): "Berichtenbox",
    ("nl", Topic.IDENTITY): "DigiD, eHerkenning",
    ("nl", Topic.BUS): "Digipoort",
    ("nl", Topic.INVOICING): "Digipoort",
}


def label(names: Mapping[str, Text], key: str, writer: Writer) -> str:
    """Return the name of a key; one that has no name here, such as a new service family, is shown as it is written."""
    if key in names:
        return writer.text(names[key])
    return key.replace("-", " ").replace("_", " ").capitalize()
