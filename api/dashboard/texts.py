"""Everything the page says, beside the definitions of the figures themselves."""

from __future__ import annotations

from projections.figures import Quality, Text, Topic, Unit, Window

# --- Frame ----------------------------------------------------------------------------------------------------------

BRAND = Text(nl="Digitaal Dashboard", fr="Tableau de bord numérique", de="Digitales Dashboard", en="Digital Dashboard")
SKIP = Text(nl="Naar de inhoud", fr="Aller au contenu", de="Zum Inhalt", en="Skip to content")
LANGUAGE = Text(nl="Taal", fr="Langue", de="Sprache", en="Language")
COUNTRY = Text(nl="Land", fr="Pays", de="Land", en="Country")
COUNTRIES = {
    "be": Text(nl="België", fr="Belgique", de="Belgien", en="Belgium"),
    "nl": Text(nl="Nederland", fr="Pays-Bas", de="Niederlande", en="Netherlands"),
}
HEADING = {
    "be": Text(
        nl="De digitale overheid van België in cijfers",
        fr="L'administration numérique de la Belgique en chiffres",
        de="Die digitale Verwaltung Belgiens in Zahlen",
        en="Belgium's digital government in figures",
    ),
    "nl": Text(
        nl="De digitale overheid van Nederland in cijfers",
        fr="L'administration numérique des Pays-Bas en chiffres",
        de="Die digitale Verwaltung der Niederlande in Zahlen",
        en="The digital government of the Netherlands in figures",
    ),
}
LEAD = Text(
    nl="Elk cijfer is berekend uit gebeurtenissen in een logboek dat niemand kan herschrijven, volgens een definitie "
    "die u kunt nalezen.",
    fr="Chaque chiffre est calculé à partir d'événements d'un journal que personne ne peut réécrire, selon une "
    "définition que vous pouvez lire.",
    de="Jede Zahl wird aus Ereignissen eines Protokolls berechnet, das niemand umschreiben kann, nach einer "
    "Definition, die Sie nachlesen können.",
    en="Every figure is computed from events in a log that nobody can rewrite, by a definition that you can read.",
)
SAMPLE = Text(
    nl="Voorbeeldgegevens: deze geschiedenis is op kleinere schaal gemaakt uit gepubliceerde cijfers. Groei en "
    "verhoudingen kloppen; de aantallen zijn niet die van de echte diensten.",
    fr="Données d'exemple : cet historique est généré à échelle réduite à partir de chiffres publiés. Les croissances "
    "et proportions sont justes ; les nombres ne sont pas ceux des services réels.",
    de="Beispieldaten: dieser Verlauf ist in kleinerem Maßstab aus veröffentlichten Zahlen erzeugt. Wachstum und "
    "Anteile stimmen; die Mengen sind nicht die der echten Dienste.",
    en="Sample data: this history was made from published figures on a smaller scale. Growth and shares are right; "
    "the counts are not those of the real services.",
)
PROVENANCE = Text(
    nl="Berekend tot en met positie {position} van het logboek, op {moment}.",
    fr="Calculé jusqu'à la position {position} du journal, le {moment}.",
    de="Berechnet bis einschließlich Position {position} des Protokolls, am {moment}.",
    en="Computed up to and including position {position} of the log, on {moment}.",
)
DEFINITIONS_LINK = Text(
    nl="Definities van alle cijfers",
    fr="Définitions de tous les chiffres",
    de="Definitionen aller Zahlen",
    en="Definitions of all figures",
)
HOME_LINK = Text(
    nl="Terug naar het overzicht",
    fr="Retour à l'aperçu",
    de="Zurück zur Übersicht",
    en="Back to the overview",
)

# --- Choice of period -----------------------------------------------------------------------------------------------

PERIOD = Text(nl="Periode", fr="Période", de="Zeitraum", en="Period")
YEAR = Text(nl="Jaar", fr="Année", de="Jahr", en="Year")
PART = Text(nl="Deel van het jaar", fr="Partie de l'année", de="Teil des Jahres", en="Part of the year")
WHOLE_YEAR = Text(nl="Heel het jaar", fr="Toute l'année", de="Ganzes Jahr", en="Whole year")
HALVES = (
    Text(nl="Eerste helft", fr="Premier semestre", de="Erstes Halbjahr", en="First half"),
    Text(nl="Tweede helft", fr="Second semestre", de="Zweites Halbjahr", en="Second half"),
)
SHOW = Text(nl="Toon", fr="Afficher", de="Anzeigen", en="Show")
APPLY = Text(nl="Toepassen", fr="Appliquer", de="Anwenden", en="Apply")

# --- Sections -------------------------------------------------------------------------------------------------------

INDICES = Text(
    nl="Gebruik van onlinediensten",
    fr="Utilisation des services en ligne",
    de="Nutzung der Onlinedienste",
    en="Use of online services",
)
INDICES_NOTE = Text(
    nl="Index per doelgroep, november/december 2014 = 100",
    fr="Indice par groupe cible, novembre/décembre 2014 = 100",
    de="Index je Zielgruppe, November/Dezember 2014 = 100",
    en="Index per target group, November/December 2014 = 100",
)
KEY_FIGURES = Text(nl="Kerncijfers", fr="Chiffres clés", de="Kennzahlen", en="Key figures")
COURSE = Text(
    nl="Verloop en verdeling", fr="Évolution et répartition", de="Verlauf und Verteilung", en="Trends and shares"
)
OPEN_RATES = Text(
    nl="Openingsgraad van berichten",
    fr="Taux d'ouverture des messages",
    de="Öffnungsrate der Nachrichten",
    en="Open rates of messages",
)
OPEN_RATES_LINK = Text(
    nl="Definitie en filters",
    fr="Définition et filtres",
    de="Definition und Filter",
    en="Definition and filters",
)
TOPICS = {
    Topic.MAILBOX: Text(nl="Digitale post", fr="Courrier numérique", de="Digitale Post", en="Digital post"),
    Topic.IDENTITY: Text(nl="Aanmelden", fr="Authentification", de="Anmeldung", en="Signing in"),
    Topic.BUS: Text(nl="Gegevensuitwisseling", fr="Échange de données", de="Datenaustausch", en="Exchange of data"),
    Topic.INVOICING: Text(nl="E-facturatie", fr="Facturation électronique", de="E-Rechnung", en="E-invoicing"),
    Topic.USE: INDICES,
}

# --- Figures --------------------------------------------------------------------------------------------------------

YEAR_EARLIER = Text(
    nl="{value} een jaar eerder",
    fr="{value} un an plus tôt",
    de="{value} ein Jahr zuvor",
    en="{value} a year earlier",
)
NO_GROWTH = Text(
    nl="Geen cijfer van een jaar eerder",
    fr="Pas de chiffre un an plus tôt",
    de="Keine Zahl vom Vorjahr",
    en="No figure for a year earlier",
)
STILL_RUNNING = Text(
    nl="De periode loopt nog",
    fr="La période est en cours",
    de="Der Zeitraum läuft noch",
    en="The period still runs",
)
NOTHING_COUNTED = Text(
    nl="Niets geteld in deze periode: {figures}.",
    fr="Rien de compté pendant cette période : {figures}.",
    de="Nichts gezählt in diesem Zeitraum: {figures}.",
    en="Nothing counted in this period: {figures}.",
)
NO_DATA = Text(
    nl="Er zijn nog geen gegevens voor deze keuze.",
    fr="Il n'y a pas encore de données pour ce choix.",
    de="Für diese Auswahl gibt es noch keine Daten.",
    en="There are no data for this choice yet.",
)
NO_INDEX = Text(
    nl="Er is geen index voor deze periode: er is geen gebruik geteld waarop hij kan rusten.",
    fr="Pas d'indice pour cette période : aucune utilisation comptée sur laquelle le fonder.",
    de="Für diesen Zeitraum gibt es keinen Index: es ist keine Nutzung gezählt, auf der er beruhen könnte.",
    en="There is no index for this period: no use was counted on which it could rest.",
)
NO_OPEN_RATES = Text(
    nl="In deze jaren is geen bericht gepubliceerd.",
    fr="Aucun message n'a été publié pendant ces années.",
    de="In diesen Jahren wurde keine Nachricht veröffentlicht.",
    en="No message was published in these years.",
)
QUALITIES = {
    Quality.EXACT: Text(nl="exact", fr="exact", de="exakt", en="exact"),
    Quality.PROVISIONAL: Text(nl="voorlopig", fr="provisoire", de="vorläufig", en="provisional"),
    Quality.APPROXIMATE: Text(nl="benaderend", fr="approximatif", de="ungefähr", en="approximate"),
    Quality.EXTERNAL: Text(nl="van buiten het logboek", fr="hors journal", de="von außerhalb", en="external"),
    Quality.DEFINITION_CHANGED: Text(
        nl="definitie gewijzigd", fr="définition modifiée", de="Definition geändert", en="definition changed"
    ),
}

# --- Charts and tables ----------------------------------------------------------------------------------------------

MORE = Text(
    nl="{title}: {percent} meer dan een jaar eerder",
    fr="{title} : {percent} de plus qu'un an plus tôt",
    de="{title}: {percent} mehr als ein Jahr zuvor",
    en="{title}: {percent} more than a year earlier",
)
FEWER = Text(
    nl="{title}: {percent} minder dan een jaar eerder",
    fr="{title} : {percent} de moins qu'un an plus tôt",
    de="{title}: {percent} weniger als ein Jahr zuvor",
    en="{title}: {percent} fewer than a year earlier",
)
BY_MONTH = Text(
    nl="{title} per maand, {first} tot {last}",
    fr="{title} par mois, de {first} à {last}",
    de="{title} je Monat, {first} bis {last}",
    en="{title} by month, {first} to {last}",
)
AT_MONTH_END = Text(
    nl="{title} aan het einde van elke maand, {first} tot {last}",
    fr="{title} à la fin de chaque mois, de {first} à {last}",
    de="{title} am Ende jedes Monats, {first} bis {last}",
    en="{title} at the end of each month, {first} to {last}",
)
USERS_CHART = Text(
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
LEVEL_HEADLINE = Text(
    nl="Meest op niveau {name}: {percent} van de aanmeldingen",
    fr="Surtout au niveau {name} : {percent} des authentifications",
    de="Meist auf Niveau {name}: {percent} der Anmeldungen",
    en="Mostly at level {name}: {percent} of authentications",
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
NOT_BUILT = Text(
    nl="De cijfers worden nog gemaakt",
    fr="Les chiffres sont encore en préparation",
    de="Die Zahlen werden noch erstellt",
    en="The figures are still being made",
)
NOT_BUILT_WHY = Text(
    nl="Ze worden voor het eerst berekend uit alles wat vastgelegd is. Kom straks terug.",
    fr="Ils sont calculés pour la première fois à partir de tout ce qui a été enregistré. Revenez dans un moment.",
    de="Sie werden zum ersten Mal aus allem Aufgezeichneten berechnet. Kommen Sie gleich wieder.",
    en="They are being computed from everything recorded, for the first time. Come back in a moment.",
)
