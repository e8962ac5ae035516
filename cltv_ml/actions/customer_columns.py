"""Columns of a customers' table, by heading, that identify a customer."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import pandas as pd

from cltv_ml.columns.headings import plain_text
from cltv_ml.customers.control_group import in_control
from cltv_ml.customers.permissions import opt_outs, permission_of

#: What the table of customers may call the columns that identify people, in falling order of certainty.
IDENTITIES = {
    "email": (
        *("email", "e_mail", "email_address", "e_mail_address", "mail", "mailadresse", "e_mail_adresse"),
        *(
            "adresse_email",
            "adresse_e_mail",
            "courriel",
            "correo",
            "correo_electronico",
            "emailadres",
            "e_mailadres",
            "メールアドレス",
            "이메일",
        ),
    ),
    "phone": (
        *(
            "phone",
            "phone_number",
            "mobile",
            "mobile_phone",
            "telephone",
            "telefon",
            "telefonnummer",
            "mobil",
        ),
        *("mobilnummer", "handy", "handynummer", "numero_de_telephone", "portable", "telefono", "movil"),
        *("電話番号", "携帯電話番号", "携帯電話", "전화번호", "휴대폰번호"),
        *("telefone", "celular", "telemovel", "cellulare", "telefoon", "telefoonnummer", "mobiel"),
    ),
    "first_name": (
        *(
            "first_name",
            "firstname",
            "given_name",
            "vorname",
            "prenom",
            "nombre",
            "primeiro_nome",
            "voornaam",
        ),
    ),
    "last_name": (
        *(
            "last_name",
            "lastname",
            "surname",
            "family_name",
            "nachname",
            "familienname",
            "nom",
            "nom_de_famille",
        ),
        *("apellido", "apellidos", "sobrenome", "apelido", "cognome", "achternaam"),
    ),
    "country": ("country", "country_code"),
    "zip": (
        *(
            "zip",
            "zip_code",
            "postcode",
            "postal_code",
            "plz",
            "postleitzahl",
            "code_postal",
            "codigo_postal",
        ),
        *("cep", "cap"),
    ),
}


_PLAIN_IDENTITIES = {
    name: [plain_text(alias, "_") for alias in aliases] for name, aliases in IDENTITIES.items()
}


def columns_read(customers: pd.DataFrame) -> dict[object, str]:
    """Return by column the name under which it is read, for those that are."""
    plain = {plain_text(str(name), "_"): name for name in customers.columns if not permission_of(str(name))}
    first = {
        name: next((plain[alias] for alias in aliases if alias in plain), _composed(plain, aliases))
        for name, aliases in _PLAIN_IDENTITIES.items()
    }
    return {column: name for name, column in first.items() if column is not None}


def _composed(plain: Mapping[str, Hashable], aliases: Sequence[str]) -> Hashable | None:
    """Return the one column whose heading is made of such names and of words that add nothing; None if unclear.

    >>> _composed({"telefono_movil": "Teléfono móvil", "customer_name": "Name"}, IDENTITIES["phone"])
    'Teléfono móvil'
    >>> _composed({"customer_email": 1, "contact_email": 2}, IDENTITIES["email"]) is None
    True
    """
    columns = [
        column
        for heading, column in plain.items()
        if (words := set(heading.split("_")) - _ADD_NOTHING) and words <= set(aliases)
    ]
    return columns[0] if len(columns) == 1 else None


#: Words of a heading that do not change what its column holds.
_ADD_NOTHING = frozenset(
    [
        "customer",
        "client",
        "cliente",
        "kunde",
        "kunden",
        "klant",
        "contact",
        "kontakt",
        "contacto",
        "contatto",
        "main",
        "primary",
        "number",
        "nummer",
        "numero",
        "nr",
        "no",
        "de",
        "del",
        "do",
        "di",
        "du",
        "der",
        "des",
    ]
)


def unread_columns(customers: pd.DataFrame) -> list[str]:
    """Return the columns of a customers' table that state neither an identity nor whether a customer may be contacted.

    >>> unread_columns(pd.DataFrame(columns=["Email", "Abgemeldet", "Keine Post"]))
    ['Keine Post']
    >>> columns_read(pd.DataFrame(columns=["Telefon", "Prénom", "Código postal", "Alter"]))
    {'Telefon': 'phone', 'Prénom': 'first_name', 'Código postal': 'zip'}
    >>> columns_read(pd.DataFrame(columns=["メールアドレス", "電話番号"]))
    {'メールアドレス': 'email', '電話番号': 'phone'}
    """
    read = columns_read(customers)
    return [
        str(name) for name in customers if name not in read and not states_permission(name, customers[name])
    ]


def states_permission(heading: Hashable, column: pd.Series) -> bool:
    """Return whether a column, by its heading or values, leaves customers out of a file.

    Raises
    ------
    InputError
        A column of the control group does not say who is in it (`in_control`).

    >>> [states_permission(heading, pd.Series(["unsubscribed"])) for heading in ("Opt-out", "status", "city")]
    [True, True, True]
    >>> states_permission("group", pd.Series(["control", "treated"])), states_permission("city", pd.Series(["Ulm"]))
    (True, False)
    """
    values = [str(value) for value in column.dropna().unique()]
    return heading == "control" or bool(
        permission_of(str(heading)) or opt_outs(values) or in_control(str(heading), values)
    )
