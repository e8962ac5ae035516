"""Headings of columns that hold customers' behaviour up to the day of the export, or a forecast from it."""

from __future__ import annotations

import re

from cltv_ml.columns.headings import plain_heading, plain_pattern, plain_text, split_case

#: Sums, counts and the latest of anything a customer did, in many languages, on headings without blanks.
_BEHAVIOUR = (
    # English
    "(total|lifetime|cumulated|cumulative|overall|(?<!con)sum(?!mer)|historic(al)?).*(spen|revenue|sales|"
    "value|order|purchase|amount|turnover|refund|invoiced|clv|points)|(amount|money)spent|(spen[dt]|revenue|"
    "sales|orders?|purchases|returns|refunds|points)(total|todate|sofar|lifetime|counts?|ytd|mtd|qtd|ltm|ttm|"
    "l12m|thisyear|lastyear|currentyear|previousyear|pastyear|20[0-9][0-9])|(ytd|ltm|l12m|thisyear|"
    "lastyear)(spen[dt]|revenue|sales|orders|purchases)|customer(lifetime)?value|(last|latest|"
    "recent).*(order|purchase|seen|login|logon|visit|activ|buy|bought|contact|transaction|deal|open|click|"
    "engag|interaction|invoice|payment)|dateoflast|(number|count|nb|num|no|"
    "n)(of)?(associated)?(times)?(orders|purchases|purchased|transactions|deals|invoices|returns|refunds|"
    "contacted)|(items?|units?|quantity|products?)(bought|purchased|ordered|returned)|^return(s|ed|rate|"
    "ratio)?$|^(days(to|until))?(next|expected).*(order|purchase|visit|activ|deal|buy)|churn|^recency|"
    "^frequency|^monetary|rfm|(recency|frequency|monetary)score|dayssince(last)?(order|purchase)|^(is|"
    "currently|still)?(active|inactive)(customer|member|user|subscriber|flag|status)?$|^inactive|lapsed|"
    "^is(lapsed|cancell?ed)|^cancell?(ed|ation)(at|on|date)?$|averageorder|avgorder|averagebasket|avgbasket|"
    "averagespen|^aov|averagetimebetween|averagedaysbetween|avgdaysbetween|(last|past|recent|"
    "previous)[0-9]+(d|days?|w|weeks?|m|months?)|[0-9]+(d|days?)$|(session|pageview|login|visit|e?mail(open|"
    "click)|opens?|click)(s|count|rate)$|e?mails?(opened|clicked)|(session|login|visit|click|open)s?count|"
    "^(sessions?|pageviews?|logins|visits|opens|clicks|clicked|bounces)|(sessions|pageviews|logins|visits|"
    "clicks)$|engagement|(points|loyalty|reward|bonus)(balance|points)|pointsbalance|^points$|points(earned|"
    "redeemed|spent|burned)|(earned|redeemed)points|(store|shop)credit|walletbalance|(memberrating|leadscore|"
    "healthscore|customerscore)$|(coupons?|vouchers?|discounts?)(used|redeemed)|(value|spend|"
    "revenue)(segment|tier|band|decile|quartile|group)|"
    # forecasts of other tools
    "predict(ion|ed)?(?!ed|ion|gender|age)|forecast|propensity|likelihood|prob(ability)?(of|to)|(purchase|buy(ing)?|churn|"
    "repurchase|retention|conversion|alive)prob|^p(alive|buy|churn)|probalive|nextbest|"
    # when the row was changed
    "^(row|record|last|date|time)?(updated|modified|changed)(at|on|date|time|by|ts)?$|^(last)?(update|"
    "modification|modified|change)(date|time|dt|ts|ed)?$|^(date|dt)(updated|modified|changed)|^writedate$|"
    "modstamp|"
    # German
    "letzte.*(kauf|einkauf|bestell|besuch|login|aktivitat|kontakt|anderung|anmeldung)|gesamtumsatz|"
    "umsatz(gesamt|kumuliert|vorjahr|lfdjahr|laufendesjahr|[0-9]+monate|20[0-9][0-9])|(anzahl|"
    "summe)(der)?(bestellungen|kaufe|einkaufe|retouren|auftrage|besuche)|(bestell|auftrags|kauf|"
    "besuchs)anzahl|bestellsumme|kaufsumme|bestellwert|warenkorb|kundenwert|(bonus|treue|pay)?punkte(stand|"
    "konto|guthaben)?$|abwander|abgewandert|inaktiv|kaufwahrscheinlich|(nachste|naechste).*(kauf|bestell)|"
    "letzten?[0-9]+(tage|monate)|[0-9]+tage$|^(zuletzt)?(geandert|aktualisiert)(am)?$|anderungsdatum|"
    "gekundigt|kundigungsdatum|"
    # French
    "(derni(er|ere)|dernieres?).*(commande|achat|visite|connexion|activite|contact|facture|modif)|(total|"
    "montant|somme).*(depense|achat|commande)|^ca(total|cumule|ttc|ht|annuel|[0-9]+mois|20[0-9][0-9])|"
    "chiffredaffaires?(total|cumule|client)?$|(nombre|nb|nbre)(de|d)?(commandes|achats|visites|retours)|"
    "paniermoyen|points?(de)?fidelite|soldedepoints|valeur(du)?client|(date(de)?)?(modification|"
    "derniere(modif|maj)|miseajour)$|^modifiele$|inactif|risquedattrition|derniers?[0-9]+(jours|mois)|"
    "[0-9]+jours$|"
    # Spanish, Portuguese, Italian
    "ultim[oa]s?.*(pedido|compra|visita|acceso|acesso|actividad|atividade|contacto|contato|encomenda|ordine|"
    "acquisto|accesso|login|transac|modific)|(total|importe|valor|gasto|suma|soma).*(gastado|gasto|compras|"
    "compra|comprado|pedidos|total)|^valortotal$|(numero|n|num|no|cantidad|cant|quantidade|qtd|qtde)(de|"
    "di)?(pedidos|compras|encomendas|ordini|acquisti|visitas|visite)|ticket(medio|promedio)|scontrinomedio|"
    "carrellomedio|valormedio(do|del)?pedido|valor(del?|do)cliente|^(saldo)?(de)?(puntos|punti|"
    "pontos)(acumulados|disponibles|saldo|fidelidad|fedelta)?$|^(fecha|data)(de|di|da)?(ultima)?(modific|"
    "actualiz|atualiz)|inactivo|inativo|riesgodeabandono|faturamento|fatturato(totale|cliente)?$|spesatotale|"
    "totale(speso|acquisti|ordini)|"
    # Dutch, Nordic, Polish, Czech, Hungarian, Turkish
    "laatste?.*(bestelling|aankoop|order|gezien|bezoek|login|activiteit)|laatstgezien|totaal.*(besteed|"
    "omzet)|totaleomzet|omzet(totaal|20[0-9][0-9])?$|aantal(bestellingen|orders|aankopen)|gemiddelde(order|"
    "bestel)|(spaar|loyalty)punten|^gewijzigdop$|wijzigingsdatum|(senaste|siste|seneste|sidste|"
    "viimeisin).*(kop|order|ordre|kjop|besok|login|tilaus|osto)|(antal|antall)(bestallningar|ordrar|ordrer|"
    "ordre|kop|bestillinger)|total(t)?(spenderat|forbruk)|tilauksia|tilaustenmaara|ostostensumma|(suma|"
    "wartosc|liczba)(zakupow|zamowien)|ostatni[ea]?(zakup|zamowienie|logowanie|wizyta)|^punkty|"
    "datamodyfikacji|celkem(utraceno|nakup)|pocet(objednavek|nakupu)|posledni(objednavka|nakup|navsteva)|"
    "(utolso)(rendeles|vasarlas)|rendelesekszama|toplam(harcama|siparis|alisveris)|siparissayisi|son(siparis|"
    "alisveris|giris|ziyaret)|"
    # other scripts
    "(累計|合計|総|年間)(購入|売上|注文|来店|利用|獲得)|(購入|注文|来店|利用|購買)(回数|金額|件数|頻度)|"
    "最終(購入|注文|来店|ログイン|利用|購買|アクセス|更新)|ポイント(残高|数)?$|^更新日|最新(購入|注文)|(총|"
    "누적)(구매|주문|결제)|(구매|주문|방문|결제)(횟수|금액|건수)|(최근|마지막|최종)(구매|주문|접속|방문|"
    "로그인)|적립금|포인트$|^수정일|(累计|累計|总|總)(消费|消費|购买|購買|订单|金额|金額)|(消费|消費|购买|"
    "購買|订单|訂單)(金额|金額|次数|次數|数|數)|最[近后後](购买|購買|消费|消費|登录|登錄|一次|下单)|^积分|"
    "積分|更新时间|更新時間|修改时间|(сумма|количество|число)(покупок|заказов|визитов)|последн(ий|яя|"
    "ее)(заказ|покупка|визит|вход|посещение)|средний?чек|^бонус(ы|ов)$|балл(ы|ов)$|датаизменения|обновлен|"
    "отток|выручка|(συνολο|αριθμος)(αγορων|παραγγελιων)|τελευταια(αγορα|παραγγελια|επισκεψη)|(اجمالي|إجمالي|"
    "عدد)(المشتريات|الطلبات|المبيعات)|(آخر|اخر)(طلب|شراء|زيارة|دخول)|סהכ(רכישות|הזמנות)|מספר(הזמנות|רכישות)|"
    "(הזמנה|רכישה|כניסה)אחרונה|tongchitieu|tongdonhang|sodonhang|donhangcuoi|muahangcuoi|(jumlah|"
    "total)(pesanan|belanja)|(pesanan|pembelian)terakhir"
)
#: Words, where a heading is written in several.
_SPACED_WORDS = "(p|pred)?(c?ltv|clv)[0-9]*|[rfm] score|[rfm] rank|p alive|sale order count"

_IS_BEHAVIOUR = re.compile(plain_pattern([_BEHAVIOUR]))
_HAS_WORDS = re.compile(rf"\b({_SPACED_WORDS})\b")


def tells_behaviour(column: str) -> bool:
    """Whether a heading says that the column holds behaviour up to the export, or a forecast from it.

    >>> [tells_behaviour(heading) for heading in ("Total Spent", "最終購入日", "Umsatz gesamt", "pLTV", "updated_at")]
    [True, True, True, True, True]
    >>> [tells_behaviour(heading) for heading in ("Country", "Customer since", "Account opened", "Number of children")]
    [False, False, False, False]
    """
    words = plain_text(split_case(column), " ")
    return _IS_BEHAVIOUR.search(plain_heading(column)) is not None or _HAS_WORDS.search(words) is not None
