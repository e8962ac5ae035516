"""Columns of a customers' table, by heading or by value, that state whether a customer may be contacted."""

from __future__ import annotations

from collections.abc import Collection

from cltv_ml.columns.headings import plain_text, split_case
from cltv_ml.tables import NO, YES

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
    *(
        "opting_out",
        "suppression",
        "no_contact",
        "do_not_disturb",
        "robinson",
        "robinsonliste",
        "werbeverbot",
        "abmeldung",
        "abbestellt",
        "widersprochen",
    ),
    *("配信停止", "メール配信停止", "購読解除", "退会", "退会日", "オプトアウト", "수신거부", "退订"),
)

#: Words of a heading that say opted out whatever stands next to them, as in "Opted out of email: Surveys".
_ALWAYS_OPTED_OUT = (
    *("opt_out", "optout", "opted_out", "unsub", "unsubscribe", "unsubscribed", "suppressed", "suppressions"),
    *("do_not", "donotcall", "donotcontact", "donotemail", "donotbulkemail", "donotmail", "donotpostalmail"),
    *("donotphone", "donotfax", "werbesperre", "kontaktsperre", "abgemeldet", "abmeldung"),
)

#: Columns that mark customers whom nobody should address, whatever they agreed to.
PROTECTED = (
    *("protected", "is_protected", "vulnerable", "deceased", "minor", "underage", "blocked", "blacklisted"),
    *("blacklist", "blocklisted", "blocklist"),
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
    *("死亡", "未成年", "ブラックリスト"),
)

#: Columns that may say what somebody agreed to, such as how often or by which channel, rather than yes.
LOOSE_OPT_IN = (
    *(
        "newsletter",
        "mailings",
        "werbeerlaubnis",
        "werbezustimmung",
        "mail_permission",
        "permission",
        "consent",
    ),
    *("メルマガ", "メルマガ購読", "メール許可", "メール配信希望", "オプトイン", "수신동의", "订阅"),
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
    *("toestemming", "marketing_toestemming", "double_opt_in", "consented"),
    *(
        "allowed",
        "email_allowed",
        "allow_email",
        "allow_contact",
        "contact_allowed",
        "may_contact",
        "can_contact",
    ),
    *("erlaubt", "werbung_erlaubt", "receives_newsletter"),
    *LOOSE_OPT_IN,
)

#: Why a customer is left out by a column of each kind, the names of its columns, and words that add nothing to them.
_ABOUT_WHOM = {
    "email",
    "e",
    "mail",
    "sms",
    "marketing",
    "newsletter",
    "customer",
    "kunde",
    "is",
    "has",
    "flag",
    "status",
    "to",
    "gdpr",
    "dsgvo",
    "rgpd",
}
_ABOUT_WHEN = {"at", "on", "am", "date", "datum", "time", "timestamp", "since", "seit"}
_PERMISSIONS = (
    ("opted out", OPT_OUT, _ABOUT_WHOM | _ABOUT_WHEN),
    ("protected", PROTECTED, _ABOUT_WHOM | _ABOUT_WHEN),
    ("no consent", OPT_IN, _ABOUT_WHOM),
)

#: Texts, as `plain_text` writes them, that say in any column that somebody must not be addressed.
_REFUSALS = frozenset(
    [
        *(
            "unsubscribed",
            "opted out",
            "opt out",
            "optout",
            "do not contact",
            "do not email",
            "not subscribed",
        ),
        *(
            "non marketing contact",
            "cleaned",
            "suppressed",
            "abgemeldet",
            "ausgetragen",
            "desabonne",
            "desinscrit",
            "dado de baja",
        ),
        *("descadastrado", "disiscritto", "uitgeschreven", "afgemeld", "配信停止", "退会"),
    ]
)

#: Most values of a column in which such a text is looked for: names and addresses have more.
_FEW_VALUES = 50

_BLANK_WORDS = ("", "nan", "none", "<na>", "nat", "null")
_NO, _YES = (*NO, *_BLANK_WORDS, "いいえ", "無"), (*YES, "subscribed", "opted_in", "opted in", "はい", "有")

_NOT_OPTED_OUT = (*_NO, "allow", "allowed", "erlaubt")

#: Texts, as `plain_text` writes them, by which somebody has agreed to nothing.
_NOTHING_AGREED = frozenset(
    [
        *(
            "never",
            "denied",
            "declined",
            "refused",
            "rejected",
            "withdrawn",
            "revoked",
            "pending",
            "unconfirmed",
        ),
        *(
            "unknown",
            "nie",
            "nie mehr",
            "kein",
            "keine",
            "abgelehnt",
            "widerrufen",
            "ausstehend",
            "unbekannt",
        ),
        *(
            "jamais",
            "refuse",
            "aucun",
            "aucune",
            "nunca",
            "ninguno",
            "rechazado",
            "mai",
            "nessuno",
            "nooit",
            "geen",
        ),
    ]
)


def permission_of(heading: str) -> str:
    """Return why a column of this heading leaves customers out; "" if it says nothing of the kind.

    >>> permission_of("Newsletter-Abgemeldet am"), permission_of("Accepts Marketing"), permission_of("City")
    ('opted out', 'no consent', '')
    >>> permission_of("HasOptedOutOfEmail"), permission_of("Contact No")
    ('opted out', '')
    """
    plain = plain_text(split_case(heading), "_")
    if any(f"_{words}_" in f"_{plain}_" for words in _ALWAYS_OPTED_OUT):
        return "opted out"
    for reason, names, nothing in _PERMISSIONS:
        known = {plain_text(name, "_") for name in names}
        words = _telling_words(plain, nothing)
        # In order: a "Contact No" is a number, not a customer whom one must not contact.
        if plain in known or (words and words in {_telling_words(name, nothing) for name in known}):
            return reason
    return ""


def _telling_words(plain: str, nothing: Collection[str]) -> tuple[str, ...]:
    return tuple(word for word in plain.split("_") if word and word not in nothing)


def refusals(heading: str, values: Collection[str]) -> dict[str, str]:
    """Return, by value of a column, why customers with this value are left out; other values are not in it.

    In a column of opt-outs or of protected customers anything but a no counts, in one of consents anything but a yes,
    and in any other a value such as "unsubscribed". A column such as `newsletter` without any yes may hold how often
    somebody agreed to be written to: in it only an empty value, a no or a refusal counts.

    >>> refusals("opt_out", ["yes", "no", ""]), refusals("Status", ["Unsubscribed", "active"])
    ({'yes': 'opted out'}, {'Unsubscribed': 'opted out'})
    >>> refusals("newsletter", ["weekly", "monthly", ""])
    {'': 'no consent'}
    """
    reason = permission_of(heading)
    if not reason:
        return dict.fromkeys(opt_outs(values), "opted out")
    if reason == "no consent":
        loose = plain_text(heading, "_") in LOOSE_OPT_IN and not any(map(_says_yes, values))
        return {
            value: reason
            for value in values
            if (_agrees_to_nothing(value) if loose else not _says_yes(value))
        }
    return {value: reason for value in values if value.strip().lower() not in _NOT_OPTED_OUT}


def opt_outs(values: Collection[str]) -> list[str]:
    """Return the values of a column that say that somebody opted out; none among many values, as names may say so.

    >>> opt_outs(["SUBSCRIBED", "UNSUBSCRIBED", "NEVER_SUBSCRIBED"])
    ['UNSUBSCRIBED']
    """
    few = values if len(values) <= _FEW_VALUES else ()
    return [value for value in few if plain_text(value, " ") in _REFUSALS]


def _says_yes(value: str) -> bool:
    return value.strip().lower() in _YES


def _agrees_to_nothing(value: str) -> bool:
    return value.strip().lower() in _NO or plain_text(value, " ") in _REFUSALS | _NOTHING_AGREED
