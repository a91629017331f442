"""Everything the page says, beside the definitions of the figures themselves."""

from __future__ import annotations

from projections.figures import Quality, Text, Topic, Unit, Window

# --- Frame ----------------------------------------------------------------------------------------------------------

BRUSERS_CHART = Text(
    nl="Actieve toestemmingen en unieke gebruikers",
    fr="Consentements actifs et utilisateurs uniques",
    de="Aktive Einwilligungen und ihre Nutzenden",
    en="Active consents and unique users",
)
INDEX_HEADLINE = Text(
    nl="Sinds eind 2014 groeide het gebruik het meest bij {audience}",
    fr="Depuis fin 2014, l'utilisation a le plus progressé chez les {audience}",
    de="Seit Ende 2014 stieg die Nutzung am stärksten bei {audience}",
    en="Since late 2014, use has grown most among {audience}",
)
INDEX_CHART = Text(
    nl="Gebruiksindex per doelgroep, per twee maanden, {first} tot {last} (november/december 2014 = 100)",
    fr="Indice d'utilisation par groupe cible, par deux mois, de {first} à {last} (novembre/décembre 2014 = 100)",
    de="Nutzungsindex je Zielgruppe, je zwei Monate, {first} bis {last} (November/Dezember 2014 = 100)",
    en="Index of use per target group, by two months, {first} to {last} (November/December 2014 = 100)",
)
MEANS_HEADLINE = Text(
    nl="Meest gebruikt: {name}, {percent} van de aanmeldingen",
    fr="Le plus utilisé : {name}, {percent} des authentifications",
    de="Am meisten genutzt: {name}, {percent} der Anmeldungen",
    en="Most used: {name}, {percent} of authentications",
)
MEANS_CHART = Text(
    nl="Aanmeldingen per middel, {period}",
    fr="Authentifications par moyen, {period}",
    de="Anmeldungen je Mittel, {period}",
    en="Authentications by means, {period}",
)
LEVEL_CHART = Text(
    nl="Aanmeldingen per betrouwbaarheidsniveau, {period}",
    fr="Authentifications par niveau de garantie, {period}",
    de="Anmeldungen je Vertrauensniveau, {period}",
    en="Authentications by level of assurance, {period}",
)
FAMILY_HEADLINE = Text(
    nl="Drukste familie: {name}, {percent} van de transacties",
    fr="Famille la plus active : {name}, {percent} des transactions",
    de="Meistgenutzte Familie: {name}, {percent} der Transaktionen",
    en="Busiest family: {name}, {percent} of transactions",
)
FAMILY_CHART = Text(
    nl="Transacties per dienstenfamilie, {period}",
    fr="Transactions par famille de services, {period}",
    de="Transaktionen je Dienstfamilie, {period}",
    en="Transactions by service family, {period}",
)
OTHERS = Text(nl="Overige", fr="Autres", de="Übrige", en="Others")
DATA = Text(nl="Tabel met de gegevens", fr="Tableau des données", de="Tabelle der Daten", en="Data table")
CSV = Text(nl="Download als CSV", fr="Télécharger en CSV", de="Als CSV herunterladen", en="Download as CSV")
VALUE = Text(nl="Waarde", fr="Valeur", de="Wert", en="Value")
SHARE = Text(nl="Aandeel", fr="Part", de="Anteil", en="Share")
QUALITY = Text(nl="Kwaliteit", fr="Qualité", de="Qualität", en="Quality")
MEANS = Text(nl="Middel", fr="Moyen", de="Mittel", en="Means")
LEVEL = Text(nl="Niveau", fr="Niveau", de="Niveau", en="Level")
FAMILY = Text(nl="Dienstenfamilie", fr="Famille de services", de="Dienstfamilie", en="Service family")

# --- Open rates -----------------------------------------------------------------------------------------------------

OPEN_RATE_HEADLINE = Text(
    nl="{percent} van de berichten van {year} is binnen 6 weken geopend",
    fr="{percent} des messages de {year} ont été ouverts dans les 6 semaines",
    de="{percent} der Nachrichten von {year} wurden innerhalb von 6 Wochen geöffnet",
    en="{percent} of the messages of {year} were opened within 6 weeks",
)
OPEN_RATE_TABLE = Text(
    nl="Gepubliceerde berichten en openingsgraad per type organisatie, {years}",
    fr="Messages publiés et taux d'ouverture par type d'organisation, {years}",
    de="Veröffentlichte Nachrichten und Öffnungsrate je Art der Organisation, {years}",
    en="Messages published and open rate by type of organisation, {years}",
)
ORGANISATION_TYPE = Text(
    nl="Type organisatie",
    fr="Type d'organisation",
    de="Art der Organisation",
    en="Type of organisation",
)
MESSAGES = Text(nl="Berichten", fr="Messages", de="Nachrichten", en="Messages")
OPENED = Text(
    nl="Geopend binnen {weeks} weken",
    fr="Ouverts dans les {weeks} semaines",
    de="Geöffnet in {weeks} Wochen",
    en="Opened within {weeks} weeks",
)
DIFFERENCE = Text(nl="Verschil", fr="Écart", de="Differenz", en="Difference")
DIFFERENCE_NOTE = Text(
    nl="Verschil in procentpunten tussen de getoonde percentages.",
    fr="Écart en points de pourcentage entre les taux affichés.",
    de="Differenz in Prozentpunkten zwischen den gezeigten Raten.",
    en="Difference in percentage points between the rates shown.",
)
SUBTOTAL = Text(
    nl="Subtotaal zonder belastingdienst en werknemersverzekeringen",
    fr="Sous-total sans administration fiscale ni assurances des salariés",
    de="Zwischensumme ohne Steuerverwaltung und Arbeitnehmerversicherung",
    en="Subtotal without tax administration and employee insurance",
)
TOTAL = Text(nl="Totaal", fr="Total", de="Gesamt", en="Total")
PROVISIONAL_NOTE = Text(
    nl="Voorlopig: de termijn om te openen loopt nog.",
    fr="Provisoire : le délai d'ouverture court encore.",
    de="Vorläufig: die Frist zum Öffnen läuft noch.",
    en="Provisional: the time to open is still running.",
)
APPROXIMATE_NOTE = Text(
    nl="Benaderend: er is ook verzonden naar accounts die nog niet in gebruik zijn genomen.",
    fr="Approximatif : des messages sont aussi partis vers des comptes pas encore utilisés.",
    de="Ungefähr: es wurde auch an noch nicht genutzte Konten gesendet.",
    en="Approximate: messages also went to accounts not yet taken into use.",
)
NOTIFICATIONS_ONLY = Text(
    nl="alleen notificaties",
    fr="notifications uniquement",
    de="nur Benachrichtigungen",
    en="notifications only",
)
FILTERS = Text(nl="Wat telt mee?", fr="Qu'est-ce qui compte ?", de="Was zählt mit?", en="What is counted?")
FILTER_OUTSIDE = Text(
    nl="Afzenders buiten de overheid",
    fr="Expéditeurs hors de l'administration",
    de="Absender außerhalb der Verwaltung",
    en="Senders outside government",
)
FILTER_NOTIFICATIONS = Text(
    nl="Berichten die alleen een notificatie zijn",
    fr="Messages qui ne sont qu'une notification",
    de="Nachrichten, die nur eine Benachrichtigung sind",
    en="Messages that are a notification only",
)
FILTER_NOT_IN_USE = Text(
    nl="Accounts die nog niet in gebruik zijn genomen",
    fr="Comptes pas encore utilisés",
    de="Noch nicht genutzte Konten",
    en="Accounts not yet taken into use",
)

# --- Definitions ----------------------------------------------------------------------------------------------------

DEFINITIONS = Text(
    nl="Definities van de cijfers",
    fr="Définitions des chiffres",
    de="Definitionen der Zahlen",
    en="Definitions of the figures",
)
DEFINITION = Text(nl="Definitie", fr="Définition", de="Definition", en="Definition")
VERSION = Text(nl="versie {version}", fr="version {version}", de="Version {version}", en="version {version}")
POPULATION = Text(nl="Wat meetelt", fr="Population", de="Was mitzählt", en="What is counted")
DISTINCT = Text(nl="Onderscheiden op", fr="Distingués par", de="Unterschieden nach", en="Told apart by")
WINDOW = Text(nl="Tijdvenster", fr="Fenêtre de temps", de="Zeitfenster", en="Window of time")
UNIT = Text(nl="Eenheid", fr="Unité", de="Einheit", en="Unit")
TIME_ZONE = Text(nl="Tijdzone", fr="Fuseau horaire", de="Zeitzone", en="Time zone")
EVENTS = Text(
    nl="Berekend uit de gebeurtenissen",
    fr="Calculé à partir des événements",
    de="Berechnet aus den Ereignissen",
    en="Computed from the events",
)
WEIGHTS = Text(nl="Gewichten", fr="Poids", de="Gewichte", en="Weights")
WEIGHTS_EVEN = Text(
    nl="Elke dienst weegt 1",
    fr="Chaque service pèse 1",
    de="Jeder Dienst wiegt 1",
    en="Every service weighs 1",
)
WINDOWS = {
    Window.AS_OF_END: Text(
        nl="de stand aan het einde van de periode",
        fr="la situation à la fin de la période",
        de="der Stand am Ende des Zeitraums",
        en="as of the end of the period",
    ),
    Window.DURING: Text(
        nl="de hele periode", fr="toute la période", de="der ganze Zeitraum", en="the whole of the period"
    ),
    Window.COHORT: Text(
        nl="wat in het jaar gepubliceerd is, gevolgd tot 3 en 6 weken later",
        fr="ce qui est publié dans l'année, suivi jusqu'à 3 et 6 semaines après",
        de="was im Jahr veröffentlicht ist, verfolgt bis 3 und 6 Wochen danach",
        en="what was published in the year, followed until 3 and 6 weeks later",
    ),
    Window.TWO_MONTHS: Text(
        nl="perioden van twee maanden, vanaf november/december 2014",
        fr="périodes de deux mois, depuis novembre/décembre 2014",
        de="Zeiträume von zwei Monaten, seit November/Dezember 2014",
        en="periods of two months, from November/December 2014 on",
    ),
}
UNITS = {
    Unit.CONSENTS: Text(nl="toestemmingen", fr="consentements", de="Einwilligungen", en="consents"),
    Unit.PERSONS: Text(nl="personen", fr="personnes", de="Personen", en="persons"),
    Unit.MESSAGES: Text(nl="berichten", fr="messages", de="Nachrichten", en="messages"),
    Unit.ORGANISATIONS: Text(nl="organisaties", fr="organisations", de="Organisationen", en="organisations"),
    Unit.TRANSACTIONS: Text(nl="transacties", fr="transactions", de="Transaktionen", en="transactions"),
    Unit.SERVICE_FAMILIES: Text(nl="dienstenfamilies", fr="familles", de="Dienstfamilien", en="service families"),
    Unit.INVOICES: Text(nl="facturen", fr="factures", de="Rechnungen", en="invoices"),
    Unit.AUTHENTICATIONS: Text(nl="aanmeldingen", fr="authentifications", de="Anmeldungen", en="authentications"),
    Unit.SERVICES: Text(nl="diensten", fr="services", de="Dienste", en="services"),
    Unit.PERCENT: Text(nl="procent", fr="pour cent", de="Prozent", en="percent"),
    Unit.INDEX: Text(nl="index", fr="indice", de="Index", en="index"),
}

# --- Not found ------------------------------------------------------------------------------------------------------

NOT_FOUND = Text(
    nl="Deze pagina bestaat niet",
    fr="Cette page n'existe pas",
    de="Diese Seite gibt es nicht",
    en="This page does not exist",
)
NOT_FOUND_WHY = Text(
    nl="Het adres noemt een taal, een land, een cijfer of een periode die wij niet kennen.",
    fr="L'adresse nomme une langue, un pays, un chiffre ou une période que nous ne connaissons pas.",
    de="Die Adresse nennt eine Sprache, ein Land, eine Zahl oder einen Zeitraum, den wir nicht kennen.",
    en="The address names a language, a country, a figure or a period that we do not know.",
)
