"""Levels of status, type, test and captured columns, and which of them count as completed sales."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

#: What a level of such a column can mean.
READINGS = {
    "counts": "the line is a completed sale",
    "refund": "the sale was undone; under `type`, the line itself takes money back",
    "ignore": "the line is no completed sale and is set aside",
}

#: Mapping names whose columns hold levels.
LEVEL_NAMES = ("status", "payment_status", "type", "test", "captured")

#: More different values than this are no levels.
MOST_LEVELS = 60

#: What a filled-in column of cancellations or refunds holds where nothing happened, in lower case.
BLANK = frozenset(
    {
        "",
        "-",
        "--",
        "–",
        "—",
        "n/a",
        "na",
        "none",
        "null",
        "nil",
        "nan",
        "nat",
        "0000-00-00",
        "0000-00-00 00:00:00",
    }
)

#: What says no, blanks included, and what says yes, in lower case.
NO = BLANK | {"0", "0.0", "false", "f", "no", "n", "nein", "non", "nao", "não", "falsch", "faux", "falso"}
YES = frozenset(
    {
        "1",
        "1.0",
        "true",
        "t",
        "yes",
        "y",
        "ja",
        "oui",
        "si",
        "sí",
        "sim",
        "wahr",
        "vrai",
        "verdadero",
        "vero",
        "x",
    }
)

_YES = "true|t|yes|y|1|ja|oui|si|sim|wahr|vrai|verdadero|x"
_NO = "false|f|no|n|0|nein|non|nao|falsch|faux|falso"

_PARTLY = r"\b(part\w*|teil\w*|parz\w*|parc\w*|gedeeltelijk|delvis|czesciow\w*)"

_GOODS = "fulfil|ship|pick|deliver|dispatch|collect"

_UNDONE = (
    r"refund|\breturn|charge\w*back|charged back|\breversed|\breversal|\bdispute|\bcredited|erstatte|gutgeschrieben|"
    r"retourn|zuruckgegeben|rembours|reembols|\bdevuelt|\bdevolvid|\bestornad|rimbors|\breso\b|terugbetaald|"
    r"tilbagebetalt|aterbetal|zwrocon|возвра|退款|返金|"
    r"credit note|credit memo"
)

_OPEN = (
    r"\bcancel|\bannul|\bstorn|\bvoid|\bfail|\bdeclin|\breject|\brefus|\bdenied|\bexpired|\bpending|\bawait|\bwaiting|"
    r"\bon hold|\bhold\b|\bdraft|\babandon|\bunpaid|\bnot (paid|completed|captured|placed)|\blost\b|\bquot|"
    r"\bestimate\b|\bincomplete|\bdelet|\btrash|\btest\b|\bfraud|\bauthori[sz]ed|\buncaptured|\brequires |"
    r"\bprospecting|\bqualification|\bneeds analysis|\bvalue proposition|\bproposal|\bnegotiation|\bperception|"
    r"\bid decision|\bappointmentscheduled|\bqualifiedtobuy|\bpresentationscheduled|\bdecisionmakerboughtin|"
    r"\bcontractsent|\bpayment error|\bcheckout|"
    r"ausstehend|\bwartet|\bwarten|\bfehlgeschlagen|\babgebrochen|\babgelehnt|\bentwurf|\bunbezahlt|\bnicht bezahlt|"
    r"\bverloren|\bangebot|\boffene? zahlung|"
    r"\ben attente|\bechou|\bechec|\bbrouillon|\bnon paye|\bimpaye|\bperdu|\bdevis|"
    r"\bpendiente|\bfallid|\brechazad|\bborrador|\bno pagad|\bimpagad|\bperdid|\ben espera|\bpresupuesto|\banulad|"
    r"\bin attesa|\bfallit|\brifiutat|\bbozza|\bnon pagat|\bpreventivo|\bpers[oa]\b|"
    r"\bpendente|\bfalhou|\brecusad|\brascunho|\bnao pag|\baguardando|\bem espera|"
    r"\bgeannuleerd|\bin afwachting|\bmislukt|\bafgewezen|\bconcept\b|\bopenstaand|\bwacht|"
    r"\bvantande|\bavbruten|\bmisslyck|\bafventer|\bannulleret|\banulowan|\boczekuj|\bnieoplac|"
    r"\bотмен|\bожида|\bне оплач|取消|待付款|未払|キャンセル|保留"
)

_DONE = (
    r"\bpaid|\bcomplete|\bwon\b|\bclosedwon|\bsettled|\bsuccess|\bsucceed|\bcaptured|\bdelivered|\bship|\bfulfil|"
    r"\bunfulfilled|\bdispatch|\bsold\b|\bprocessing|\bprocessed|\bapproved|\bconfirmed|\bposted|\bcleared|"
    r"\bfinali[sz]ed|\binvoiced|\bin transit|\bout for delivery|\bdone\b|\bfinished|\baccepted|\bpicked up|\bcollected|"
    r"\bbezahlt|\babgeschlossen|\bversen?d|\bversandt|\bgeliefert|\bzugestellt|\berledigt|\bin bearbeitung|\bbestatigt|"
    r"\bgewonnen|\bfakturiert|\bberechnet|\bausgeliefert|"
    r"\bpaye|\btermine|\blivre|\bexpedie|\bvalide|\bgagne|\ben cours de (traitement|preparation)|\bacquitt|\bfacture|"
    r"\bpagad|\bcompletad|\benviad|\bentregad|\bconfirmad|\bprocesando|\bganad|\bfacturad|\bcobrad|"
    r"\bpagat|\bcompletat|\bspedit|\bconsegnat|\bevas|\bconcluid|\bpago\b|\bpaga\b|\bentregue|\baprovad|\bfinalizad|"
    r"\bbetaald|\bafgerond|\bverzonden|\bgeleverd|\bvoltooid|"
    r"\bbetald|\bbetalt|\bslutford|\bskickad|\bafsendt|\bgennemfort|"
    r"\boplacon|\bzrealizowan|\bwyslan|\bdostarczon|\bzakonczon|\bоплачен|\bвыполнен|\bдоставлен|\bотправлен|"
    r"已完成|已付款|已发货|完了|支払済|発送済"
)

_TAKES_BACK = (
    r"refund|\breturn|charge\w*back|\breversal|\breversed|\bdispute|\bcredit ?(note|memo|invoice)|\bgutschrift|"
    r"\bretour|\bruckgabe|"
    r"\bruckerstattung|\berstattung|\brucksendung|\bstorno|\bstornierung|\bavoir|\brembours|\bdevoluc|\bdevolu|"
    r"\breembols|\babono|\bnota de credito|\bestorno|\brimbors|\breso\b|\bnota di credito|\bcreditnota|\bterugbetal|"
    r"\bkreditnota|\baterbetal|\btilbagebetal|\bzwrot|\bkorekt|\bвозврат|退款|返品|返金|\bcancell?ation\b"
)

_NO_SALE = (
    r"\bpayout|\btransfer|\bfees?\b|"
    r"\bwithdraw|\bquote|\bquotation|\bestimate\b|\bvoid|\btest\b|\bfail|\bauthori[sz]ation|"
    r"\badjustment|\bproforma|\bpro forma|\btop ?up|\bdraft|\btax\b|\bauszahlung|\bgebuhr|\bangebot|\bkorrektur|"
    r"\bvirement|\bfrais|\bdevis\b|\bcomision|\bpresupuesto|\bretiro|\bpreventivo|\bcommissione|\bofferte|"
    r"\bpayment failed|"
    r"\bcurrency conversion|\bhold\b|\breserve|\bverify|\bvalidation"
)

_SALE = (
    r"\bsales?\b|\bsold\b|\borders?\b|\bpurchase|\bpayment|\bcharge\b|\binvoice|\bcapture|\bsubscription|\breceipt|"
    r"\bverkauf|\brechnung|\bbestellung|\bkauf|\bauftrag|\bzahlung|\bvente|\bfacture|\bachat|\bcommande|\bpaiement|"
    r"\bventa|\bfactura|\bcompra|\bpedido|\bpago\b|\bvendita|\bfattura|\bacquisto|\bordine|\bvenda|\bfatura|"
    r"\bverkoop|\bfactuur|\baankoop|\bbestelling|\bforsaljning|\bsalg\b|\bsprzedaz|\bfaktura|\bпродажа|\bоплата|\bзаказ|"
    r"销售|销货|売上|注文"
)

#: What the last line of a report holds instead of a level.
_SUM = r"^(grand |sub ?)?totals?$|^summe$|^gesamt(summe)?$|^somme$|^suma$|^totaal$|^totale$"

#: Mapping name -> (pattern, reading) in the order tried, on levels without case, accents and signs.
_VOCABULARY: dict[str, tuple[tuple[str, str], ...]] = {
    "status": (
        (_SUM, "ignore"),
        (rf"{_PARTLY}.*({_UNDONE})|({_UNDONE}).*{_PARTLY}", "counts"),
        (_UNDONE, "refund"),
        (rf"\b(await|pending|waiting|ready)\w* (for )?({_GOODS})|\bunshipped", "counts"),
        (rf"{_PARTLY}.*(paid|captur|bezahlt|pay|pag)", ""),
        (_OPEN, "ignore"),
        (_DONE, "counts"),
    ),
    "type": (
        (_SUM, "ignore"),
        (r"(chargeback|dispute|refund|reversal)s? (reversal|reversed|won|cancel\w*|failure|failed)", ""),
        (r"\b(credit|debit) card|\bcard\b", ""),
        (_TAKES_BACK, "refund"),
        (_NO_SALE, "ignore"),
        (_SALE, "counts"),
    ),
    "test": (
        (rf"^({_NO}|live|production|real)$", "counts"),
        (rf"^({_YES})$|\btest|\bbogus|\bsandbox", "ignore"),
    ),
    "captured": ((rf"^({_YES}|captured|paid)$", "counts"), (rf"^({_NO}|uncaptured|unpaid)$", "ignore")),
}
_VOCABULARY["payment_status"] = (
    (r"\bprocessing|\bopen\b|\boffen\b|\boverdue", "ignore"),
    *_VOCABULARY["status"],
)


def plain_level(level: str) -> str:
    """Return a level without case, accents and signs, as levels are compared.

    >>> plain_level("wc-Partially_Refunded"), plain_level("Rückerstattet"), plain_level("closedwon")
    ('partially refunded', 'ruckerstattet', 'closedwon')
    """
    letters = unicodedata.normalize("NFKD", re.sub("^wc-", "", level.strip().lower()))
    bare = "".join(sign for sign in letters if not unicodedata.combining(sign)).replace("ß", "ss")
    return " ".join(re.split(r"[^\w]+|_", bare)).strip()


def read_level(name: str, level: str, told: Mapping[str, str] | None = None) -> str | None:
    """Return what one level means: counts, refund or ignore; None where the vocabulary does not know it.

    Parameters
    ----------
    name
        The mapping name of the column, one of `LEVEL_NAMES`.
    level
        A value of the column; an empty one counts.
    told
        Levels whose meaning was told, by a rule or by a known format; they win over the vocabulary.

    >>> [read_level("status", level) for level in ("Paid", "storniert", "Remboursé", "partially_refunded", "B7")]
    ['counts', 'ignore', 'refund', 'counts', None]
    >>> read_level("type", "Gutschrift"), read_level("status", "pending", {"Pending": "counts"})
    ('refund', 'counts')
    """
    plain = plain_level(level)
    for known, reading in (told or {}).items():
        if plain_level(known) == plain:
            return reading
    if not plain:
        return "counts"
    for pattern, reading in _VOCABULARY[name]:
        if re.search(pattern, plain):
            return reading or None
    return None


def tells_sales_apart(name: str, levels: Iterable[str]) -> bool:
    """Whether a column's values are levels of the kind that its heading suggests.

    A column called merely type or state often holds something else: it tells sales apart when some level
    is known and, for a type, one of them takes money back or is no sale.

    >>> tells_sales_apart("type", ["Sale", "Refund"]), tells_sales_apart("type", ["Existing", "New"])
    (True, False)
    """
    readings = [read_level(name, level) for level in levels if plain_level(level)]
    if name == "type":
        return "refund" in readings or ("ignore" in readings and None not in readings)
    return any(readings)


def is_partly_undone(level: str) -> bool:
    """Whether a level says that a part of the order was refunded.

    >>> is_partly_undone("partially_refunded"), is_partly_undone("refunded")
    (True, False)
    """
    pattern = _VOCABULARY["status"][1][0]
    return re.search(pattern, plain_level(level)) is not None
