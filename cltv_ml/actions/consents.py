"""Headings of columns that say whether a customer may be addressed, in the languages that exports are read in."""

from __future__ import annotations

import unicodedata

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


def consent_heading(heading: object) -> str:
    """Return a heading in lower case without accents, its words divided by underscores.

    >>> consent_heading(" Do not contact"), consent_heading("Désabonné")
    ('do_not_contact', 'desabonne')
    """
    letters = unicodedata.normalize("NFKD", str(heading).strip().lower())
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return plain.replace(" ", "_").replace("-", "_")
