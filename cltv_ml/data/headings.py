"""The headings of shops' exports, by the standard name that each stands for."""

from __future__ import annotations

import re
import unicodedata

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
        "codigocliente numerocliente codcliente loyaltyid cardid contactid",
        "customeremail email useremail customername id uid cid",
    ),
    "timestamp": (
        "timestamp",
        "date datetime orderdate orderdatetime ordertimestamp ordertime invoicedate transactiondate "
        "transactiontimestamp transactiontime transactiondatetime purchasedate purchasetime purchasedat "
        "orderpurchasetimestamp orderedat saledate salesdate saledatetime txndate trxdate datum bestelldatum "
        "rechnungsdatum belegdatum buchungsdatum kaufdatum auftragsdatum verkaufsdatum fecha fechapedido fechacompra "
        "fechafactura fechaventa datecommande datedecommande datefacture dateachat datedachat "
        "datevente fechadecompra fechadepedido fechadefactura data dateorder "
        "receiptdate bookingdate paymentdate paidat when soldat",
        "createdat created creationdate day time ts eventtime eventdate",
    ),
    "amount": (
        "amount",
        "total totalamount ordertotal revenue sales salesvalue salesamount saleamount linetotal lineamount "
        "grossamount netamount ordervalue orderamount dollarvalue value spend totalspend transactionamount "
        "transactionvalue paymentvalue paymentamount subtotal turnover grandtotal totalprice totalvalue "
        "totalpaid netsales grosssales netrevenue grossrevenue invoicetotal invoiceamount amountpaid betrag "
        "umsatz gesamtsumme summe bestellsumme endbetrag rechnungssumme "
        "totale importo importototale totalttc bedrag totaalbedrag belopp kwota nettoumsatz bruttoumsatz "
        "gesamtbetrag gesamtpreis rechnungsbetrag zeilenbetrag nettobetrag "
        "bruttobetrag valor valortotal valorpedido valordopedido "
        "montant montanttotal montantht montantttc chiffredaffaires importe importetotal totalventa "
        "venta ventas linevalue totalusd amountusd amounteur amountgbp gross net purchaseamount",
        "price preis prix precio",
    ),
    "order_id": (
        "orderid",
        "order orderno ordernumber ordernr ordername invoiceno invoice invoiceid invoicenumber transactionid "
        "transaction transactionno txnid trxid basketid receiptid receiptno receipt saleid salesid "
        "bestellnummer bestellnr auftragsnummer auftragsnr rechnungsnummer rechnungsnr belegnummer belegnr beleg "
        "bonnummer numerocommande numcommande nocommande commande idcommande numerofacture numfacture "
        "nofacture facture ncommande nfacture numerodecommande numerodefacture numeropedido numpedido pedido "
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
        "stueckpreis stuckpreis prixunitaire preciounitario prix precio preis",
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


def plain_heading(column: str) -> str:
    """Return a name without case, signs, a unit in brackets and the number that tells it from its namesake.

    >>> plain_heading("Umsatz (EUR)"), plain_heading("Prix unitaire [€]"), plain_heading("Discount %")
    ('umsatz', 'prixunitaire', 'discount')
    """
    letters = unicodedata.normalize(
        "NFKD", re.sub(r"[(\[][^)\]]*[)\]]", "", column).lower() or column.lower()
    )
    return re.sub(r"[^a-z0-9]", "", re.sub(r"_\d+$", "", letters))
