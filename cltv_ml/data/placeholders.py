"""Customers who are nobody: guest, unknown, 0 and the like."""

from __future__ import annotations

import duckdb

from cltv_ml.data.rules import Rules
from cltv_ml.engine import MONEY_SCALE, literal

#: Identifiers that name no customer, without case.
WORDS = tuple(
    word
    for words in (
        "guest,guests,guest customer,guest checkout,guest user,gast,gastkunde,gäste,invité,invite,invitado,invitada",
        "ospite,convidado,anonymous,anonym,anonyme,anónimo,anonimo,anônimo,unknown,unknown customer,unbekannt,inconnu",
        "desconocido,sconosciuto,desconhecido,onbekend,okänd,ukendt,ukjent,nieznany,неизвестно,гость,walk-in,walk in",
        "walkin,walk-in customer,walk in customer,cash,cash customer,cash sale,cash sales,laufkundschaft,laufkunde",
        "barverkauf,barverkäufe,consumidor final,cliente final,publico en general,público en general,público general",
        "client comptoir,client de passage,client divers,clients divers,cliente generico,cliente genérico,no customer",
        "no name,noname,not set,(not set),undefined,default,default customer,dummy,test,-,--,---,.,?,x,xx,xxx,n.a.,tbd",
        "(none),(blank),[blank],deleted,(deleted),匿名,ゲスト",
    )
    for word in words.split(",")
)

#: Numbers that may stand for nobody: they do where much is booked on one of them.
NUMBERS = (
    "0",
    "00",
    "000",
    "0000",
    "00000",
    "000000",
    "-1",
    "9999",
    "99999",
    "999999",
    "9999999",
    "99999999",
)


def set_placeholders_aside(con: duckdb.DuckDBPyConnection, rules: Rules) -> list[str]:
    """Keep as customers the numbers that are no placeholders, and say which identifiers were set aside.

    A number such as 0 stands for nobody where it has ten times the lines of an average customer, or where no
    customer is called 1, 2 or 3 so that it does not begin a count.
    """
    if not rules.applies("placeholder_customer"):
        return []
    found = con.execute(
        "select customer_id, count(*), sum(money) from lines join (select source_row from marks "
        "where rule = 'placeholder_customer') using (source_row) group by 1 order by 2 desc, 1"
    ).fetchall()
    numbers = [name for name, *_ in found if name in NUMBERS]
    real = _real_customers(con, {name: rows for name, rows, _ in found if name in numbers}) if numbers else []
    if real:
        names = ", ".join(map(literal, real))
        back = f"select source_row from lines where customer_id in ({names})"
        con.execute(f"delete from aside where rule = 'placeholder_customer' and source_row in ({back})")
        con.execute(
            f"update marks set rule = null where rule = 'placeholder_customer' and source_row in ({back})"
        )
    shown = [
        f"{name!r} ({rows:,} lines, {int(money or 0) / MONEY_SCALE:,.2f})"
        for name, rows, money in found
        if name not in real
    ]
    if not shown:
        return []
    return [
        f"Customers that stand for nobody were set aside: {', '.join(shown[:8])}; --rule "
        "off=placeholder_customer keeps each as one customer."
    ]


def is_placeholder(column: str) -> str:
    """Return SQL for whether an identifier may stand for nobody."""
    names = ", ".join(map(literal, (*WORDS, *NUMBERS)))
    return f"strlen({column}) < 24 and lower({column}) in ({names})"


def _real_customers(con: duckdb.DuckDBPyConnection, rows_of: dict[str, int]) -> list[str]:
    """Return the numbers that are customers like others."""
    rows, customers, counted = con.execute(
        "select count(*), approx_count_distinct(customer_id), count(*) filter (where customer_id in ('1', '2', '3')) "
        "from lines"
    ).fetchall()[0]
    average = rows / max(customers, 1)
    return [
        name
        for name, own in rows_of.items()
        if not (
            own >= 10 * average
            or (own >= 3 * average and own >= 0.1 * rows)
            or (name in ("0", "-1") and not counted)
        )
    ]
