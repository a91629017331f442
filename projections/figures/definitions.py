"""What every published figure means. A definition that changes gets a new version; both series stay readable."""

from __future__ import annotations

from projections.figures.definition import Definition, Text, Topic, Unit, Window

ENROLLED = ("organisations.organisation-enrolled.v1", "organisations.enrolment-ended.v1")

# --- Mailbox --------------------------------------------------------------------------------------------------------

ACTIVE_CONSENTS = Definition(
    id="active_consents",
    topic=Topic.MAILBOX,
    title=Text(
        nl="Actieve toestemmingen",
        fr="Consentements actifs",
        de="Aktive Einwilligungen",
        en="Active consents",
    ),
    text=Text(
        nl="Toestemmingen voor digitale post die aan het einde van de periode gelden. Wie aan twee "
        "mailboxaanbieders toestemming geeft, telt twee keer.",
        fr="Consentements au courrier numérique en vigueur à la fin de la période. Qui consent auprès de deux "
        "fournisseurs de boîte aux lettres compte deux fois.",
        de="Einwilligungen in digitale Post, die am Ende des Zeitraums gelten. Wer bei zwei Postfachanbietern "
        "einwilligt, zählt zweimal.",
        en="Consents to digital post in force at the end of the period. Whoever consents at two mailbox providers "
        "counts twice.",
    ),
    population=Text(
        nl="Toestemmingen die gegeven en niet ingetrokken zijn",
        fr="Consentements donnés et non retirés",
        de="Einwilligungen, die erteilt und nicht widerrufen sind",
        en="Consents that were granted and not withdrawn",
    ),
    distinct_key="consent_id, grant_number",
    window=Window.AS_OF_END,
    unit=Unit.CONSENTS,
    events=("consent.granted.v1", "consent.withdrawn.v1"),
)

UNIQUE_MAILBOX_USERS = Definition(
    id="unique_mailbox_users",
    topic=Topic.MAILBOX,
    title=Text(
        nl="Unieke gebruikers van de mailbox",
        fr="Utilisateurs uniques de la boîte aux lettres",
        de="Nutzende des Postfachs",
        en="Unique mailbox users",
    ),
    text=Text(
        nl="Personen met minstens één actieve toestemming aan het einde van de periode. Elke persoon telt één keer, "
        "bij hoeveel aanbieders ook: daarom is dit cijfer lager dan dat van de actieve toestemmingen.",
        fr="Personnes ayant au moins un consentement actif à la fin de la période. Chaque personne compte une fois, "
        "quel que soit le nombre de fournisseurs : ce chiffre est donc inférieur aux consentements actifs.",
        de="Personen mit mindestens einer aktiven Einwilligung am Ende des Zeitraums. Jede Person zählt einmal, bei "
        "wie vielen Anbietern auch immer: deshalb liegt diese Zahl unter den aktiven Einwilligungen.",
        en="Persons with at least one active consent at the end of the period. Each person counts once, at however "
        "many providers: that is why this figure is lower than the active consents.",
    ),
    population=Text(
        nl="Personen met een toestemming die gegeven en niet ingetrokken is",
        fr="Personnes dont un consentement est donné et non retiré",
        de="Personen mit einer erteilten und nicht widerrufenen Einwilligung",
        en="Persons with a consent that was granted and not withdrawn",
    ),
    distinct_key="person_id",
    window=Window.AS_OF_END,
    unit=Unit.PERSONS,
    events=("consent.granted.v1", "consent.withdrawn.v1"),
)

MESSAGES_SENT = Definition(
    id="messages_sent",
    topic=Topic.MAILBOX,
    title=Text(nl="Verzonden berichten", fr="Messages envoyés", de="Gesendete Nachrichten", en="Messages sent"),
    text=Text(
        nl="Berichten die afzenders in de periode aan de mailbox aanboden, langs welk kanaal ze ook vertrokken: "
        "digitaal, op papier of allebei.",
        fr="Messages que les expéditeurs ont remis à la boîte aux lettres pendant la période, quel que soit le canal : "
        "numérique, papier ou les deux.",
        de="Nachrichten, die Absender im Zeitraum an das Postfach übergaben, auf welchem Weg auch immer: digital, auf "
        "Papier oder beides.",
        en="Messages that senders handed to the mailbox in the period, by whichever channel they left: digital, on "
        "paper or both.",
    ),
    population=Text(
        nl="Alle berichten, ook van afzenders buiten de overheid",
        fr="Tous les messages, y compris d'expéditeurs hors de l'administration",
        de="Alle Nachrichten, auch von Absendern außerhalb der Verwaltung",
        en="All messages, also from senders outside government",
    ),
    distinct_key="message_id",
    window=Window.DURING,
    unit=Unit.MESSAGES,
    events=("mailbox.message-sent.v1",),
)

MESSAGES_TO_ACTIVE_MAILBOXES = Definition(
    id="messages_to_active_mailboxes",
    topic=Topic.MAILBOX,
    title=Text(
        nl="Berichten in actieve mailboxen",
        fr="Messages dans des boîtes aux lettres actives",
        de="Nachrichten in aktiven Postfächern",
        en="Messages to active mailboxes",
    ),
    text=Text(
        nl="Berichten die in de periode in de mailbox van een actieve gebruiker verschenen. Wat alleen op papier "
        "vertrok, telt niet mee.",
        fr="Messages publiés pendant la période dans la boîte aux lettres d'un utilisateur actif. Ce qui est parti "
        "uniquement sur papier ne compte pas.",
        de="Nachrichten, die im Zeitraum im Postfach einer aktiven Person erschienen. Was nur auf Papier verschickt "
        "wurde, zählt nicht mit.",
        en="Messages published in the mailbox of an active user in the period. What left on paper only is not counted.",
    ),
    population=Text(
        nl="Berichten die digitaal gepubliceerd zijn",
        fr="Messages publiés sous forme numérique",
        de="Digital veröffentlichte Nachrichten",
        en="Messages that were published digitally",
    ),
    distinct_key="message_id",
    window=Window.DURING,
    unit=Unit.MESSAGES,
    events=("mailbox.message-published.v1",),
)

SENDERS_CONNECTED = Definition(
    id="senders_connected",
    topic=Topic.MAILBOX,
    title=Text(
        nl="Aangesloten afzenders",
        fr="Expéditeurs raccordés",
        de="Angeschlossene Absender",
        en="Connected senders",
    ),
    text=Text(
        nl="Organisaties die aan het einde van de periode als afzender zijn aangesloten, of ze nu al iets verzonden "
        "of niet.",
        fr="Organisations raccordées comme expéditeur à la fin de la période, qu'elles aient déjà envoyé ou non.",
        de="Organisationen, die am Ende des Zeitraums als Absender angeschlossen sind, ob sie schon etwas gesendet "
        "haben oder nicht.",
        en="Organisations enrolled as senders at the end of the period, whether they have sent anything yet or not.",
    ),
    population=Text(
        nl="Organisaties met de rol van afzender",
        fr="Organisations ayant le rôle d'expéditeur",
        de="Organisationen mit der Rolle Absender",
        en="Organisations enrolled as mailbox sender",
    ),
    distinct_key="organisation_id",
    window=Window.AS_OF_END,
    unit=Unit.ORGANISATIONS,
    events=ENROLLED,
)

SENDING_ORGANISATIONS = Definition(
    id="sending_organisations",
    topic=Topic.MAILBOX,
    title=Text(
        nl="Verzendende organisaties",
        fr="Organisations expéditrices",
        de="Sendende Organisationen",
        en="Sending organisations",
    ),
    text=Text(
        nl="Organisaties die in de periode minstens één bericht verzonden. Wie is aangesloten en niets verzond, telt "
        "hier niet mee en wel bij de aangesloten afzenders.",
        fr="Organisations ayant envoyé au moins un message pendant la période. Qui est raccordé sans rien envoyer ne "
        "compte pas ici, mais compte parmi les expéditeurs raccordés.",
        de="Organisationen, die im Zeitraum mindestens eine Nachricht sendeten. Wer angeschlossen ist und nichts "
        "sendete, zählt nicht hier, aber bei den angeschlossenen Absendern.",
        en="Organisations that sent at least one message in the period. Whoever is connected and sent nothing is not "
        "counted here, but is among the connected senders.",
    ),
    population=Text(
        nl="Organisaties met een verzonden bericht",
        fr="Organisations ayant un message envoyé",
        de="Organisationen mit einer gesendeten Nachricht",
        en="Organisations with a message sent",
    ),
    distinct_key="sender_id",
    window=Window.DURING,
    unit=Unit.ORGANISATIONS,
    events=("mailbox.message-sent.v1",),
)

OPEN_RATE = Definition(
    id="open_rate",
    topic=Topic.MAILBOX,
    title=Text(nl="Openingsgraad", fr="Taux d'ouverture", de="Öffnungsrate", en="Open rate"),
    text=Text(
        nl="Aandeel van de berichten die in het jaar gepubliceerd werden en binnen 3 of 6 weken voor het eerst geopend "
        "zijn. Geopend is: de hoofdinhoud is geraadpleegd; een lijst bekijken is niet openen. Voorlopig tot 21 of 42 "
        "dagen na het einde van het jaar.",
        fr="Part des messages publiés dans l'année et ouverts pour la première fois dans les 3 ou 6 semaines. Ouvert "
        "signifie : le contenu principal a été consulté ; parcourir une liste n'est pas ouvrir. Provisoire jusqu'à 21 "
        "ou 42 jours après la fin de l'année.",
        de="Anteil der im Jahr veröffentlichten Nachrichten, die innerhalb von 3 oder 6 Wochen erstmals geöffnet "
        "wurden. Geöffnet heißt: der Hauptinhalt wurde gelesen; eine Liste anzusehen ist kein Öffnen. Vorläufig bis "
        "21 oder 42 Tage nach Jahresende.",
        en="Share of the messages published in the year that were first opened within 3 or 6 weeks. Opened means that "
        "the main content was consulted; seeing a list is not opening. Provisional until 21 or 42 days after the end "
        "of the year.",
    ),
    population=Text(
        nl="Digitaal gepubliceerde berichten van overheidsorganisaties; een subtotaal laat de belastingdienst en het "
        "uitvoeringsinstituut werknemersverzekeringen weg",
        fr="Messages publiés des organisations publiques ; un sous-total exclut l'administration fiscale et "
        "l'organisme des assurances des salariés",
        de="Digital veröffentlichte Nachrichten öffentlicher Organisationen; eine Zwischensumme lässt die "
        "Steuerverwaltung und die Arbeitnehmerversicherung weg",
        en="Digitally published messages of government organisations; a subtotal leaves out the tax administration "
        "and the employee insurance agency",
    ),
    distinct_key="message_id",
    window=Window.COHORT,
    unit=Unit.PERCENT,
    events=("mailbox.message-published.v1", "mailbox.message-opened.v1"),
)

# --- Identity -------------------------------------------------------------------------------------------------------

AUTHENTICATIONS = Definition(
    id="authentications",
    topic=Topic.IDENTITY,
    title=Text(nl="Aanmeldingen", fr="Authentifications", de="Anmeldungen", en="Authentications"),
    text=Text(
        nl="Geslaagde aanmeldingen bij een dienst in de periode. Een geweigerde aanmelding telt niet mee.",
        fr="Authentifications réussies auprès d'un service pendant la période. Une authentification refusée ne compte "
        "pas.",
        de="Erfolgreiche Anmeldungen bei einem Dienst im Zeitraum. Eine abgelehnte Anmeldung zählt nicht mit.",
        en="Successful authentications at a service in the period. A refused authentication is not counted.",
    ),
    population=Text(
        nl="Aanmeldingen met elk middel en elk betrouwbaarheidsniveau",
        fr="Authentifications par tout moyen et à tout niveau de garantie",
        de="Anmeldungen mit jedem Mittel und auf jedem Vertrauensniveau",
        en="Authentications by every means and at every level of assurance",
    ),
    distinct_key="session_id",
    window=Window.DURING,
    unit=Unit.AUTHENTICATIONS,
    events=("identity.authentication-succeeded.v1",),
)

CONNECTED_SERVICES = Definition(
    id="connected_services",
    topic=Topic.IDENTITY,
    title=Text(
        nl="Aangesloten diensten",
        fr="Services raccordés",
        de="Angeschlossene Dienste",
        en="Connected services",
    ),
    text=Text(
        nl="Onlinediensten die aan het einde van de periode op de aanmelddienst zijn aangesloten.",
        fr="Services en ligne raccordés au service d'authentification à la fin de la période.",
        de="Onlinedienste, die am Ende des Zeitraums an den Anmeldedienst angeschlossen sind.",
        en="Online services connected to the authentication service at the end of the period.",
    ),
    population=Text(
        nl="Diensten die geregistreerd en niet gesloten zijn",
        fr="Services enregistrés et non fermés",
        de="Dienste, die registriert und nicht geschlossen sind",
        en="Services that were registered and not closed",
    ),
    distinct_key="service_id",
    window=Window.AS_OF_END,
    unit=Unit.SERVICES,
    events=("organisations.service-registered.v1", "organisations.service-closed.v1"),
)

# --- Bus ------------------------------------------------------------------------------------------------------------

BUS_TRANSACTIONS = Definition(
    id="bus_transactions",
    topic=Topic.BUS,
    title=Text(
        nl="Transacties op de bus",
        fr="Transactions sur le bus",
        de="Transaktionen auf dem Bus",
        en="Bus transactions",
    ),
    text=Text(
        nl="Gegevensvragen tussen organisaties die in de periode op de bus aanvaard werden. Een herhaalde aanvraag "
        "van dezelfde transactie telt één keer.",
        fr="Demandes de données entre organisations acceptées sur le bus pendant la période. La répétition d'une même "
        "transaction compte une fois.",
        de="Datenanfragen zwischen Organisationen, die im Zeitraum auf dem Bus angenommen wurden. Wird dieselbe "
        "Transaktion wiederholt, zählt sie einmal.",
        en="Requests for data between organisations that were accepted on the bus in the period. The same transaction "
        "asked again counts once.",
    ),
    population=Text(
        nl="Aanvaarde transacties, ook die later mislukten",
        fr="Transactions acceptées, y compris celles qui ont échoué ensuite",
        de="Angenommene Transaktionen, auch später fehlgeschlagene",
        en="Accepted transactions, also those that failed later",
    ),
    distinct_key="source_id, transaction_id",
    window=Window.DURING,
    unit=Unit.TRANSACTIONS,
    events=("bus.transaction-accepted.v1",),
)

SERVICE_FAMILIES = Definition(
    id="service_families",
    topic=Topic.BUS,
    title=Text(
        nl="Dienstenfamilies op de bus",
        fr="Familles de services sur le bus",
        de="Dienstfamilien auf dem Bus",
        en="Service families on the bus",
    ),
    text=Text(
        nl="Families van diensten, zoals persoon, onderneming of voertuig, met minstens één transactie in de periode.",
        fr="Familles de services, comme personne, entreprise ou véhicule, ayant au moins une transaction pendant la "
        "période.",
        de="Familien von Diensten, etwa Person, Unternehmen oder Fahrzeug, mit mindestens einer Transaktion im "
        "Zeitraum.",
        en="Families of services, such as person, enterprise or vehicle, with at least one transaction in the period.",
    ),
    population=Text(
        nl="Families met een aanvaarde transactie",
        fr="Familles ayant une transaction acceptée",
        de="Familien mit einer angenommenen Transaktion",
        en="Families with an accepted transaction",
    ),
    distinct_key="service_family",
    window=Window.DURING,
    unit=Unit.SERVICE_FAMILIES,
    events=("bus.transaction-accepted.v1",),
)

# --- Invoicing ------------------------------------------------------------------------------------------------------

INVOICES_RECEIVED = Definition(
    id="invoices_received",
    topic=Topic.INVOICING,
    title=Text(
        nl="Ontvangen e-facturen",
        fr="Factures électroniques reçues",
        de="Empfangene E-Rechnungen",
        en="E-invoices received",
    ),
    text=Text(
        nl="Elektronische facturen en creditnota's die overheden in de periode ontvingen. Een dubbel wordt geweigerd "
        "en telt niet mee.",
        fr="Factures et notes de crédit électroniques reçues par les administrations pendant la période. Un doublon "
        "est refusé et ne compte pas.",
        de="Elektronische Rechnungen und Gutschriften, die Behörden im Zeitraum empfingen. Ein Duplikat wird abgelehnt "
        "und zählt nicht mit.",
        en="Electronic invoices and credit notes that public bodies received in the period. A duplicate is refused "
        "and not counted.",
    ),
    population=Text(
        nl="Alle ontvangen facturen, ook die later geweigerd werden",
        fr="Toutes les factures reçues, y compris celles refusées ensuite",
        de="Alle empfangenen Rechnungen, auch später abgelehnte",
        en="All invoices received, also those refused later",
    ),
    distinct_key="supplier_id, number, issue year",
    window=Window.DURING,
    unit=Unit.INVOICES,
    events=("invoicing.invoice-received.v1",),
)

INVOICE_RECEIVERS = Definition(
    id="invoice_receivers",
    topic=Topic.INVOICING,
    title=Text(
        nl="Ontvangers van e-facturen",
        fr="Destinataires de factures électroniques",
        de="Empfänger von E-Rechnungen",
        en="E-invoice receivers",
    ),
    text=Text(
        nl="Organisaties die aan het einde van de periode elektronische facturen kunnen ontvangen.",
        fr="Organisations pouvant recevoir des factures électroniques à la fin de la période.",
        de="Organisationen, die am Ende des Zeitraums elektronische Rechnungen empfangen können.",
        en="Organisations that can receive electronic invoices at the end of the period.",
    ),
    population=Text(
        nl="Organisaties met de rol van factuurontvanger",
        fr="Organisations ayant le rôle de destinataire de factures",
        de="Organisationen mit der Rolle Rechnungsempfänger",
        en="Organisations enrolled as invoice receiver",
    ),
    distinct_key="organisation_id",
    window=Window.AS_OF_END,
    unit=Unit.ORGANISATIONS,
    events=ENROLLED,
)

# --- Use ------------------------------------------------------------------------------------------------------------

USE_INDEX = Definition(
    id="use_index",
    topic=Topic.USE,
    title=Text(
        nl="Gebruiksindex per doelgroep",
        fr="Indice d'utilisation par groupe cible",
        de="Nutzungsindex je Zielgruppe",
        en="Index of use per target group",
    ),
    text=Text(
        nl="100 maal het gebruik van de onlinediensten gedeeld door het gebruik in november en december 2014, per "
        "twee maanden en per doelgroep. Een nieuwe dienst telt mee na zijn eerste volledige periode: de reeks wordt "
        "dan geketend, zodat aansluiten op zich de index niet verhoogt. Elke dienst weegt even zwaar per gebruik "
        "(gewicht 1).",
        fr="100 fois l'utilisation des services en ligne divisée par celle de novembre et décembre 2014, par deux mois "
        "et par groupe cible. Un nouveau service compte après sa première période complète : la série est alors "
        "chaînée, de sorte qu'un raccordement n'augmente pas l'indice en soi. Chaque service pèse autant par "
        "utilisation (poids 1).",
        de="100 mal die Nutzung der Onlinedienste geteilt durch die Nutzung im November und Dezember 2014, je zwei "
        "Monate und je Zielgruppe. Ein neuer Dienst zählt nach seinem ersten vollen Zeitraum mit: die Reihe wird dann "
        "verkettet, sodass ein Anschluss allein den Index nicht erhöht. Jede Nutzung jedes Dienstes wiegt gleich "
        "(Gewicht 1).",
        en="100 times the use of the online services divided by their use in November and December 2014, by two "
        "months and by target group. A new service counts after its first full period: the series is then "
        "chain-linked, so that joining alone does not raise the index. Every use of every service weighs the same "
        "(weight 1).",
    ),
    population=Text(
        nl="Geslaagd gebruik van diensten voor burgers, ondernemingen of overheden",
        fr="Utilisations réussies des services aux citoyens, aux entreprises ou aux administrations",
        de="Erfolgreiche Nutzungen von Diensten für Bürger, Unternehmen oder Behörden",
        en="Successful uses of services for citizens, companies or government",
    ),
    distinct_key="session_id, service_id",
    window=Window.TWO_MONTHS,
    unit=Unit.INDEX,
    events=(
        "identity.authentication-succeeded.v1",
        "identity.service-accessed.v1",
        "organisations.service-registered.v1",
        "organisations.service-closed.v1",
    ),
)

HEADLINES: tuple[Definition, ...] = (
    ACTIVE_CONSENTS,
    UNIQUE_MAILBOX_USERS,
    MESSAGES_SENT,
    MESSAGES_TO_ACTIVE_MAILBOXES,
    SENDERS_CONNECTED,
    SENDING_ORGANISATIONS,
    AUTHENTICATIONS,
    CONNECTED_SERVICES,
    BUS_TRANSACTIONS,
    SERVICE_FAMILIES,
    INVOICES_RECEIVED,
    INVOICE_RECEIVERS,
)
"""The figures that are one number for a period."""

DEFINITIONS: dict[str, Definition] = {it.id: it for it in (*HEADLINES, OPEN_RATE, USE_INDEX)}
