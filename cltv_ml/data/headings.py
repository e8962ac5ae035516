"""The headings of shops' exports, by the standard name that each stands for."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

#: Columns that only the door knows: `clean` turns them into columns of TRANSACTIONS.
INPUT_ONLY = {
    "unit_price": "price of one item; amount becomes quantity x unit_price",
    "unit_cost": "cost of one item; cost becomes quantity x unit_cost",
    "profit": "what the line earned; cost becomes amount - profit",
    "discount_rate": "share of the price taken off, 0.1 or 10 for 10%; discount becomes money",
    "currency": "currency of the line",
    "cancels": "the order_id that this line cancels",
    "status": "how far the order is: paid, pending, cancelled; see --rule status=LEVEL:counts",
    "payment_status": "how far its payment is, where a column of its own says so",
    "type": "what the line is: sale, refund, fee",
    "refunded": "money given back for the order, or whether it was",
    "cancelled_at": "when the order was cancelled, or whether it was; empty for a completed sale",
    "returned_quantity": "number of the line's items that came back; taken off at the line's price",
    "test": "whether the order is a test",
    "captured": "whether the payment was captured",
}

#: Names found in shops' exports, in falling order of certainty; written without case, spaces and signs.
#: Two columns on the same step are equally good.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "customer_id": (
        "customerid",
        "customer customerno customernumber customernr customerkey custid custno cust clientid client userid "
        "user householdid household memberid member accountid accountno buyerid buyer shopperid donorid "
        "kundennummer kundenid kundennr kunde debitor debitorennummer idclient idcliente cliente clienteid "
        "codeclient numeroclient numclient noclient nclient numerodeclient numerodecliente "
        "codigocliente numerocliente codcliente loyaltyid cardid contactid custnbr custnum customernbr acctno "
        "acctid kundenkarte kundenkartennummer kundenkartennr klant klantnummer klantid klantnr kund kundnummer kundnr "
        "kundid klient klientid numerklienta клиент покупатель idклиента 顧客 顧客id 顧客番号 会員id 会員番号 "
        "客户 客户id 会员id",
        "customeremail email useremail buyeremail billingemail clientemail emailaddress customername id uid cid",
    ),
    "timestamp": (
        "timestamp",
        "date datetime orderdate orderdatetime ordertimestamp ordertime invoicedate transactiondate "
        "transactiontimestamp transactiontime transactiondatetime purchasedate purchasetime purchasedat "
        "orderpurchasetimestamp orderedat saledate salesdate saledatetime txndate trxdate datum bestelldatum "
        "rechnungsdatum belegdatum buchungsdatum kaufdatum auftragsdatum verkaufsdatum fecha fechapedido fechacompra "
        "fechafactura fechaventa datecommande datedecommande datefacture dateachat datedachat "
        "datevente fechadecompra fechadepedido fechadefactura data dateorder "
        "txndt trxdt orddt transdate besteldatum factuurdatum orderdatum datazamowienia dato дата датазаказа 注文日 "
        "注文日時 購入日 日付 日期 下单时间 订单日期 "
        "receiptdate bookingdate paymentdate paidat when soldat",
        "createdat created creationdate day time ts eventtime eventdate",
    ),
    "amount": (
        "amount",
        "total totalamount ordertotal revenue sales salesvalue salesamount saleamount linetotal lineamount "
        "grossamount netamount ordervalue orderamount dollarvalue value spend totalspend transactionamount "
        "transactionvalue paymentvalue paymentamount turnover amt txnamt trxamt ordamt salesamt totalamt "
        "umsatznetto umsatzbrutto betragnetto betragbrutto gesamtnetto gesamtbrutto сумма суммазаказа итого 金額 合計 "
        "合計金額 売上 売上金額 金额 总额 订单金额 实付金额 grandtotal totalprice totalvalue "
        "totalpaid netsales grosssales netrevenue grossrevenue invoicetotal invoiceamount amountpaid betrag "
        "umsatz gesamtsumme summe bestellsumme endbetrag rechnungssumme "
        "totale importo importototale totalttc bedrag totaalbedrag belopp kwota nettoumsatz bruttoumsatz "
        "gesamtbetrag gesamtpreis rechnungsbetrag zeilenbetrag nettobetrag "
        "bruttobetrag valor valortotal valorpedido valordopedido "
        "montant montanttotal montantht montantttc chiffredaffaires importe importetotal totalventa "
        "venta ventas linevalue totalusd amountusd amounteur amountgbp gross net purchaseamount",
        "subtotal",
        "price preis prix precio",
    ),
    "order_id": (
        "orderid",
        "order orderno ordernumber ordernr ordername invoiceno invoice invoiceid invoicenumber transactionid "
        "transaction transactionno txnid trxid basketid receiptid receiptno receipt saleid salesid "
        "bestellnummer bestellnr auftragsnummer auftragsnr rechnungsnummer rechnungsnr belegnummer belegnr beleg "
        "bonnummer numerocommande numcommande nocommande commande idcommande numerofacture numfacture "
        "nofacture facture ncommande nfacture numerodecommande numerodefacture numeropedido numpedido pedido "
        "ordnbr ordno orderref orderreference bon factuurnummer factuurnr bestelnummer ordernummer numerzamowienia "
        "zamowienie nrzamowienia номерзаказа заказ 注文番号 注文id 订单号 订单编号 "
        "idpedido numerodepedido numerofactura numerodefactura numfactura factura checkoutid ticketid bookingid",
    ),
    "product_id": (
        "productid",
        "product productcode productno productnumber sku stockcode itemid item itemcode itemno articleid "
        "article articleno artikel artikelnummer artikelnr produktnummer produkt referencearticle "
        "codearticle reference produit codeproduit producto articulo codigoarticulo codigoproducto "
        "upc ean productsku variantid",
        "productname itemname",
    ),
    "category": (
        "category",
        "productcategory categoryname department productgroup itemcategory productfamily warengruppe "
        "kategorie produktgruppe categorie famille rayon categoria familia",
        "subcategory",
    ),
    "quantity": (
        "quantity",
        "qty units unitssold numberofitems numberofcds itemquantity quantitysold pieces menge anzahl "
        "stueck stuck nitems cantidad unidades quantite qte",
    ),
    "discount": (
        "discount",
        "discountamount discountvalue totaldiscount linediscount rebate rabatt "
        "rabattbetrag nachlass remise montantremise descuento importedescuento",
    ),
    "discount_rate": (
        "discountrate",
        "discountpct discountpercent discountpercentage discountperc discountshare rabattsatz rabattprozent "
        "rabattinprozent tauxremise tauxderemise remisepct porcentajedescuento descuentopct",
    ),
    "cost": (
        "cost",
        "linecost totalcost cogs costofgoods costofgoodssold costamount kosten wareneinsatz einstandswert coute "
        "couttotal costetotal",
    ),
    "channel": ("channel", "saleschannel orderchannel"),
    "unit_price": (
        "unitprice",
        "price priceperunit itemprice pricepaid sellingprice priceeach einzelpreis "
        "ep stueckpreis stuckpreis prixunitaire preciounitario prix precio preis",
    ),
    "unit_cost": (
        "unitcost",
        "costprice costperunit itemcost costeach "
        "einkaufspreis einstandspreis ekpreis prixachat coutunitaire costeunitario preciocompra",
    ),
    "profit": ("profit", "lineprofit grossprofit gewinn deckungsbeitrag beneficio"),
    "currency": ("currency", "currencycode curr waehrung wahrung devise ordercurrency"),
    "cancels": (
        "cancels",
        "cancelledorder cancelledorderid originalorderid originalorder originalinvoice refundof returnof "
        "returnedorderid cancelsorder creditof originalordernumber originalinvoiceno originalbestellung "
        "originalbestellnummer originalauftrag originalrechnung ursprungsbestellung belegbezug commandeorigine "
        "commandedorigine commandeinitiale factureorigine facturedorigine pedidooriginal pedidodeorigen "
        "facturaoriginal ordineoriginale fatturaoriginale encomendaoriginal oorspronkelijkebestelling",
    ),
    "status": (
        "statusid statuscode orderstatusid orderstatuscode orderstateid "
        "status orderstatus salestatus salesstatus transactionstatus invoicestatus documentstatus bestellstatus "
        "auftragsstatus rechnungsstatus verkaufsstatus belegstatus statut statutcommande statutdelacommande "
        "etatcommande etatdelacommande statutfacture etat estado estadopedido estadodelpedido estadoorden "
        "estadofactura stato statoordine statofattura situacao situacaopedido statuspedido statusdopedido "
        "bestelstatus orderstatusname dealstage stage stagename opportunitystage pipelinestage currentstate "
        "orderstate ordrestatus statuszamowienia",
        "state",
    ),
    "payment_status": (
        "paymentstatus financialstatus paymentstate financialstate chargestatus zahlungsstatus zahlstatus "
        "bezahlstatus statutpaiement statutdupaiement statutdepaiement etatpaiement estadopago estadodelpago "
        "estadodepago statopagamento statuspagamento statusdopagamento betaalstatus",
    ),
    "type": (
        "transactiontype ordertype saletype salestype recordtype documenttype doctype linetype eventtype entrytype "
        "txntype trxtype belegart transaktionstyp transaktionsart vorgangsart buchungsart umsatzart belegtyp "
        "typedetransaction typetransaction typedocument typededocument typecommande tipotransaccion "
        "tipodetransaccion tipodocumento tipodedocumento tipomovimiento tipooperazione tipotransazione "
        "tipotransacao transactiesoort transactietype",
        "type kind typ art tipo soort event movement bewegung mouvement movimiento",
    ),
    "refunded": (
        "refunded refundedamount amountrefunded refundamount totalrefunded totalrefundedamount totalrefund "
        "refundtotal refundedtotal refundvalue refunds isrefunded erstattet erstattungsbetrag erstatteterbetrag "
        "rueckerstattung ruckerstattung ruckerstattungsbetrag rueckerstattungsbetrag montantrembourse rembourse "
        "totalrembourse remboursement importereembolsado reembolso reembolsado importereembolso montoreembolsado "
        "totalreembolsado rimborso importorimborsato totalerimborsato valorreembolsado valorestornado "
        "terugbetaald bedragterugbetaald",
    ),
    "returned_quantity": (
        "returnedquantity quantityreturned returnedqty qtyreturned returnquantity returnqty refundedquantity "
        "quantityrefunded refundedqty qtyrefunded cancelledquantity quantitycancelled cancelledqty qtycancelled "
        "canceledquantity quantitycanceled canceledqty qtycanceled returnedunits unitsreturned returneditems "
        "itemsreturned retourenmenge retourmenge rucksendemenge stornomenge retournierteanzahl anzahlretouren "
        "quantiteretournee qteretournee cantidaddevuelta unidadesdevueltas quantitaresa quantidadedevolvida",
    ),
    "cancelled_at": (
        "cancelledat canceledat cancelleddate canceleddate cancellationdate cancelationdate datecancelled "
        "datecanceled cancelledon canceledon cancelled canceled iscancelled iscanceled voidedat voiddate voided "
        "storniertam stornodatum stornierungsdatum storniert dateannulation datedannulation annulele annule "
        "fechacancelacion fechadecancelacion fechaanulacion canceladoen cancelado anulado dataannullamento "
        "annullato datacancelamento canceladoem geannuleerdop annuleringsdatum geannuleerd",
    ),
    "test": ("test istest testmode testorder istestorder testtransaction testbestellung",),
    "captured": (
        "captured iscaptured",
        "paid ispaid bezahlt paye pagado pagato pago betaald",
        "livemode islive",
    ),
}

#: Names that hold a word above but mean something else.
NOT_THE_PURCHASE = re.compile(
    "ship|deliver|due|birth|updat|modif|return|refund|signup|regist|expir|valid|cancel|first|last|load|tax|vat"
    "|liefer|versand|geburt|storno|faellig|fallig|livraison|naissance|envio|entrega|nacimiento|mwst|steuer"
)


#: Headings that promise an order's total, or a line's.
PER_ORDER = re.compile(
    "(order|invoice|grand|basket|cart|receipt|gesamt|rechnungs|bestell|commande|facture|pedido|factura)"
)
PER_LINE = re.compile("(line|item|unit|product|zeile|position|artikel|ligne|linea|each)")

#: Letters that do not fall apart into a plain one and an accent.
_LETTERS = str.maketrans({"ß": "ss", "ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d"})


#: Units in headings, and what one of them is worth in currency.
_UNITS = {
    r"cents?|pence|pennies|centimes|centimos|centesimi|centavos|kopecks|paise|minor|minor units?|rappen|groszy": 0.01,
    r"micros?": 1e-6,
    r"teur|tusd|tchf|tsd|thousands?|tausend|k€|k\$|k£|keur|kusd|milliers|miles": 1e3,
    r"mio|mn|millions?|millionen|m€|m\$|meur|musd": 1e6,
}


def unit_of(column: str) -> float | None:
    """Return what one of a column's numbers is worth in currency, where its heading says so.

    >>> unit_of("amount_cents"), unit_of("Umsatz (TEUR)"), unit_of("Amount"), unit_of("Percentage")
    (0.01, 1000.0, None, None)
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column).lower()
    words = " " + " ".join(re.split(r"[^\w€$£]+|_", words)) + " "
    return next((worth for unit, worth in _UNITS.items() if re.search(f" ({unit}) ", words)), None)


@lru_cache(maxsize=20_000)
def plain_heading(column: str) -> str:
    """Return a name without case, signs, a unit in brackets and the number that tells it from its namesake.

    >>> plain_heading("Umsatz (EUR)"), plain_heading("Prix unitaire [€]"), plain_heading("Discount %")
    ('umsatz', 'prixunitaire', 'discount')
    """
    letters = unicodedata.normalize(
        "NFKD", re.sub(r"[(\[][^)\]]*[)\]]", "", column).lower() or column.lower()
    )
    bare = "".join(sign for sign in letters if not unicodedata.combining(sign))
    return re.sub(r"[\W_]", "", re.sub(r"_\d+$", "", bare).translate(_LETTERS))
