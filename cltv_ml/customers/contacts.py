"""Campaign contacts from any source: customer, time, campaign and response."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from cltv_ml.columns.headings import plain_heading, plain_pattern
from cltv_ml.columns.kinds import first_lines, look, look_further
from cltv_ml.columns.mapping import flag
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import quote
from cltv_ml.customers.key import find_key
from cltv_ml.customers.typed_values import NO_VALUE
from cltv_ml.data.raw import Opened, open_source
from cltv_ml.engine import keep
from cltv_ml.errors import InputError
from cltv_ml.sources.paths import readable
from cltv_ml.tables import NO, YES

#: Days after which a contact counts as answered if the answer is yes without a date.
ANSWERED_AFTER = 28

#: Largest count of answers to one contact; larger numbers are times.
_MOST_ANSWERS = 1_000

_MAILED = "send|sent|sending|deliver(ed|y)?|contact(ed)?|e?mail(ed|ing)?|dispatch(ed)?|campaign|start|launch(ed)?|event"
_DAY_ENDING = "(at|on|date|day|time|timestamp|datetime|ts|dt)"
_ANSWER = (
    "respon[ds]ed|response|answer(ed)?|react(ed|ion)|reaktion|reagiert|(be|ge)antwort(et)?|antwort|(a)?repondu|reponse|"
    "respondio|respuesta|(ha)?risposto|risposta|respondeu|resposta|odpowiedz(ial)?|反応|回答|响应|응답|ответ"
)
_ORDERED = (
    "convert(ed)?|conversion|redeem(ed)?|redemption|purchased|bought|ordered|placedorder|gekauft|bestellt|achete|compro|comprou|"
    "acquistato|購入|转化|购买|구매|покупка"
)
_CLICK = (
    "click(ed|s)?|geklickt|klicks?|clique|clics?|clicado|cliccato|klikk?et|klickad|クリック|点击|클릭|клик"
)
_OPENED = (
    "open(ed|s)?|geoeffnet|geoffnet|read|seen|ouvert|abierto|aperto|aberto|otwarte|開封|打开|오픈|открыт"
)

#: Kinds of columns of contacts, and their headings; the first heading that only one column has is taken.
_HEADINGS = {
    "timestamp": (
        f"timestamp|date|time|datum|fecha|data|day|({_MAILED}){_DAY_ENDING}|{_DAY_ENDING}({_MAILED})|sent|"
        "(versand|sende|kontakt|start|mail)(datum|zeit|tag)|versendetam|gesendetam|kontaktiertam|"
        "date(envoi|denvoi|contact)|(fecha|data)(de|do|di)?(envio|invio|contacto|contato|contatto)|"
        "data(wysylki|kontaktu)|"
        "(配信|送信|連絡)日時?|(发送|联系)(时间|日期)|(발송|연락)일시?|дата(отправки|контакта|рассылки)?",
        f"(created|creation|added){_DAY_ENDING}?",
    ),
    "campaign": (
        "campaign(id|name|code|title|key)?|kampagne(n?name|nid)?|mailing(name|id)?|aktion|campagne|campana|campanha|campagna|"
        "kampan(ia|j)|キャンペーン(名|id)?|活动(名称)?|캠페인명?|кампания",
    ),
    "channel": (
        "(contact|campaign|message|marketing|communication)?(channel|medium)|kanal|canal|canale|kanaal|チャネル|渠道|채널|канал",
        "medio|media",
    ),
    "cost": (
        "(contact|unit|mailing|total)?(cost|costs|price)(per(contact|mail))?|(stuck|einzel|kontakt)?kosten|cout(unitaire)?|coste?|"
        "costo(unitario)?|custo|koszt|kostnad|費用|コスト|费用|成本|비용|стоимость",
    ),
    "response": (
        f"({_ANSWER}){_DAY_ENDING}?|({_ANSWER})(flag|datum)|first({_ANSWER}){_DAY_ENDING}",
        f"has({_ANSWER})",
        f"({_ORDERED}){_DAY_ENDING}?",
        f"({_CLICK}){_DAY_ENDING}?",
        f"({_OPENED}){_DAY_ENDING}?",
    ),
}
CONTACT_KINDS = ("customer_id", *_HEADINGS, "none")


@dataclass(frozen=True)
class Contacts:
    """Campaign contacts with customers."""

    #: `customer_id`, `timestamp`, and where the source has them `campaign`, `channel`, `cost`, `responded_at`.
    table: pa.Table
    #: The kind of each column of the source.
    mapping: Mapping[str, str]
    #: Number of rows of the source; the rows set aside, with `rule` and `reason`.
    rows: int
    quarantine: pd.DataFrame
    source: str
    notes: tuple[str, ...] = ()


def read_contacts(
    source: pd.DataFrame | pa.Table | str | Path,
    kinds: Mapping[str, str] | None = None,
    *,
    rules: Rules | None = None,
    customers: pd.Index | None = None,
) -> Contacts:
    """Return the contacts of a table from anything that `read` reads.

    Parameters
    ----------
    kinds
        The kind of a column by its heading, one of `CONTACT_KINDS`; others are inferred from their headings.
    customers
        Ids of the log, which identify the column of ids where no heading does.

    Raises
    ------
    InputError
        The source cannot be read, or no column is clearly the customers' id or the time of the contact.

    >>> found = read_contacts(pd.DataFrame({"id": ["a"], "sent_at": ["2024-05-01"], "clicked": ["yes"]}))
    >>> found.table.to_pylist()[0]["responded_at"]
    datetime.datetime(2024, 5, 29, 0, 0)
    """
    opened = open_source(source)
    with readable(opened.table, opened.name):
        return _contacts_among(opened, dict(kinds or {}), rules or Rules(), customers)


def _contacts_among(
    opened: Opened, kinds: dict[str, str], rules: Rules, customers: pd.Index | None
) -> Contacts:
    """Return the contacts among the rows of a table."""
    columns = Columns(opened.table, rules)
    first = first_lines(opened.table)
    _, inferred = look_further(opened.table, first, look(first))
    mapping = _map(columns, kinds, inferred, customers)
    chosen = {"customer_id": columns.identifier(mapping["customer_id"])}
    chosen["timestamp"] = columns.timestamp(mapping["timestamp"])
    notes = []
    if "response" in mapping:
        chosen["responded_at"], response_notes = _response(columns, mapping["response"], chosen["timestamp"])
        notes += response_notes
    if "cost" in mapping:
        chosen["cost"] = columns.number(mapping["cost"])
    chosen |= {name: columns.identifier(mapping[name]) for name in ("campaign", "channel") if name in mapping}
    selected = ", ".join(f"{sql} as {name}" for name, sql in chosen.items())
    rule = (
        "case when customer_id is null then 'missing_customer' when timestamp is null then 'bad_date' "
        f"when row_number() over (partition by {', '.join(chosen)} order by source_row) > 1 then 'exact_duplicate' end"
    )
    con = opened.table.con
    judged = keep(
        con, "judged", f"select *, {rule} as rule from (select source_row, {selected} from {opened.table})"
    )
    table = con.sql(
        f"select {', '.join(chosen)} from {judged} where rule is null order by customer_id, timestamp"
    )
    aside = con.sql(
        "select source_row + 1 as source_row, customer_id, rule, case rule when 'missing_customer' then "
        "'The row names no customer.' when 'bad_date' then 'The date is missing or cannot be read.' else "
        f"'The row equals an earlier one.' end as reason from {judged} where rule is not null order by 1"
    ).df()
    unread = [column for column in columns.kinds if column not in mapping.values()]
    if unread:
        notes.append(f"Not read: {', '.join(unread)}. To use one, give its kind with --contact COLUMN=KIND.")
    if len(aside):
        counts = ", ".join(f"{count:,} {rule}" for rule, count in aside["rule"].value_counts().items())
        notes.append(f"{len(aside):,} of {judged.count():,} rows were quarantined: {counts}.")
    notes = [*opened.notes, *columns.notes, *notes]
    return Contacts(table.to_arrow_table(), mapping, judged.count(), aside, opened.name, tuple(notes))


def _map(
    columns: Columns, stated: dict[str, str], inferred: Mapping[str, str], customers: pd.Index | None
) -> dict[str, str]:
    """Return kind -> column of a table of contacts."""
    for column, kind in stated.items():
        if column not in columns.kinds:
            raise InputError(f"contacts: column {column!r} is not in the table. Found {list(columns.kinds)}.")
        if kind not in CONTACT_KINDS:
            raise InputError(
                f"contacts: {column!r} cannot be {kind!r}; use --contact {flag(column, 'KIND')} with one of "
                f"{list(CONTACT_KINDS)}."
            )
    mapping = {kind: column for column, kind in stated.items() if kind != "none"}
    mapping.setdefault("customer_id", find_key(columns, stated, customers, "contacts"))
    left = [column for column in columns.kinds if column not in [*stated, mapping["customer_id"]]]
    for kind, steps in _HEADINGS.items():
        headed = next(filter(None, (_headed(left, step) for step in steps)), [])
        if kind == "timestamp" and len(headed) != 1 and kind not in mapping:
            dated = [column for column in left if inferred[column] == "timestamp"]
            headed = headed if len(headed) > 1 else dated
        exact = [column for column in headed if plain_heading(column) == kind]
        headed = exact if len(exact) == 1 else headed
        if kind not in mapping and len(headed) == 1:
            mapping[kind] = headed[0]
    if "timestamp" not in mapping:
        raise InputError(
            "contacts: no column is clearly the time of the contact; name it with --contact "
            f"COLUMN=timestamp. Found {list(columns.kinds)}."
        )
    return mapping


def _headed(columns: Sequence[str], words: str) -> list[str]:
    pattern = plain_pattern([words])
    return [column for column in columns if re.fullmatch(pattern, plain_heading(column))]


def _response(columns: Columns, column: str, contacted: str) -> tuple[str, list[str]]:
    """Return SQL for the time of the response, null if there was none, and notes for the user.

    A value is a time, a yes or no, or a count of answers such as clicks.
    """
    text = f"lower(trim(cast({quote(column)} as varchar)))"
    count = f"coalesce(try_cast({text} as double), -1)"
    is_yes = f"({text} in {YES} or {count} between 1 and {_MOST_ANSWERS})"
    is_no = f"({text} is null or {text} in {(*NO, *NO_VALUE)} or {count} = 0)"
    answered = f"{contacted} + interval {ANSWERED_AFTER} day"
    moment, notes = "null::timestamp", []
    if columns.table.holds(f"not {is_no} and not {is_yes}"):
        moment = columns.timestamp(column)
        notes = _note_answers(columns, column, f"not {is_no} and not {is_yes}", moment, contacted)
    if columns.table.holds(is_yes):
        notes.append(
            f"Column {column!r} shows whether a contact was answered but not when, so an answer counts as known "
            f"{ANSWERED_AFTER} days after the contact."
        )
    return f"case when {is_yes} then {answered} when {is_no} then null else {moment} end", notes


def _note_answers(columns: Columns, column: str, is_time: str, moment: str, contacted: str) -> list[str]:
    """Return notes on answers that cannot be read, and on those from before their contact."""
    unread, example, early = columns.row(
        f"select count(*) filter (where {moment} is null), mode(cast({quote(column)} as varchar)) filter (where "
        f"{moment} is null), count(*) filter (where {moment} < {contacted}) from {columns.table} where {is_time}"
    )
    notes = []
    if unread:
        notes.append(
            f"Column {column!r}: {unread:,} values, such as {example!r}, are neither a time nor yes or no nor a count, "
            "and count as no response. Write yes or no in their place, or leave the column out with --contact "
            f"{flag(column, 'none')}."
        )
    if early:
        verb = "response is" if early == 1 else "responses are"
        notes.append(
            f"Column {column!r}: {early:,} {verb} from before the contact. Check that both columns have the same time "
            "zone and belong to the same contact."
        )
    return notes
