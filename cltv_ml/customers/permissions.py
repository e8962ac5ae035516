"""Columns of a customers' table, by heading, that say whether a customer may be addressed."""

from __future__ import annotations

#: Columns that say that a customer must not be addressed.
OPT_OUT = (
    *("opt_out", "optout", "opted_out", "email_opt_out", "sms_opt_out", "marketing_opt_out"),
    *("unsubscribed", "unsubscribed_at", "unsubscribe_time", "email_unsubscribed", "suppressed"),
    *("do_not_contact", "do_not_email", "do_not_call", "no_marketing"),
    *(
        "abgemeldet",
        "abgemeldet_am",
        "newsletter_abgemeldet",
        "werbesperre",
        "keine_werbung",
        "werbewiderspruch",
    ),
    *("desabonne", "desinscrit", "date_de_desinscription", "ne_pas_contacter"),
    *("dado_de_baja", "fecha_de_baja", "no_contactar", "descadastrado", "nao_contatar"),
    *("disiscritto", "non_contattare", "uitgeschreven", "afgemeld", "niet_benaderen"),
)

#: Columns that mark customers whom nobody should address, whatever they agreed to.
PROTECTED = (
    *("protected", "is_protected", "vulnerable", "deceased", "minor", "underage", "blocked", "blacklisted"),
    *("geschuetzt", "gesperrt", "verstorben", "minderjaehrig", "protege", "decede", "mineur", "bloque"),
    *(
        "protegido",
        "fallecido",
        "menor",
        "bloqueado",
        "falecido",
        "protetto",
        "deceduto",
        "minore",
        "bloccato",
    ),
    *("beschermd", "overleden", "minderjarig", "geblokkeerd"),
)

#: Columns that say that one may be.
OPT_IN = (
    *(
        "opt_in",
        "optin",
        "opted_in",
        "email_opt_in",
        "subscribed",
        "marketing_consent",
        "email_marketing_consent",
    ),
    *("accepts_marketing", "accepts_email_marketing", "email_consent", "einwilligung", "werbeeinwilligung"),
    *("consentement", "consentement_marketing", "consentimiento", "consentimento", "consenso_marketing"),
    *("toestemming", "marketing_toestemming"),
)
