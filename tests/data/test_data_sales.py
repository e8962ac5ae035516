import pandas as pd
import pytest

from cltv_ml.columns.levels import read_level, read_levels
from cltv_ml.data import QuestionsError, Rules, change_rules, clean, read


def orders(*rows, **headings):
    """Orders of a shop: customer, day of January 2025, order, amount, and what the row adds under `headings`."""
    names = ["customer", "date", "order_id", "total", *headings.get("names", ())]
    frame = pd.DataFrame(list(rows), columns=names)
    return frame.assign(date=[f"2025-01-{day:02d}" for day in frame["date"]])


def kept(frame, rules=None, mapping=None):
    return round(clean(read(frame, mapping), rules).report.money_kept, 2)


def test_levels_are_recognised_in_many_languages():
    known = {
        "counts": "Paid COMPLETED Bezahlt Versendet Payé Livrée Pagado Enviado Consegnato "
        "wc-processing Betaald Unfulfilled",
        "refund": "Refunded Erstattet Remboursée Reembolsado Rimborsato Chargeback Terugbetaald",
        "ignore": "Cancelled canceled Storniert Annulée Cancelado Annullato Failed "
        "Pending Voided Ausstehend Unpaid Declined",
    }
    wrong = [
        (level, read_level("status", level))
        for reading, levels in known.items()
        for level in levels.split()
        if read_level("status", level) != reading
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("heading", "done", "undone", "open_"),
    [
        ("Status", "Completed", "Refunded", "Failed"),
        ("Bestellstatus", "abgeschlossen", "erstattet", "storniert"),
        ("Statut de la commande", "Terminée", "Remboursée", "En attente"),
        ("Estado del pedido", "Completado", "Reembolsado", "Cancelado"),
        ("Stato ordine", "Completato", "Rimborsato", "Annullato"),
        ("financial_status", "paid", "refunded", "voided"),
    ],
)
def test_only_completed_sales_are_revenue(heading, done, undone, open_):
    frame = orders(
        ("a", 1, "1", 10.0, done),
        ("a", 9, "2", 20.0, undone),
        ("b", 3, "3", 40.0, open_),
        ("b", 4, "4", 80.0, done),
        names=[heading],
    )
    cleaned = clean(frame)
    assert cleaned.report.money_kept == 90.0
    assert dict(zip(cleaned.quarantine["rule"], cleaned.quarantine["order_id"], strict=True)) == {
        "refunded": "2",
        "not_completed": "3",
    }


def test_a_complete_mapping_does_not_hide_the_status():
    frame = orders(("a", 1, "1", 10.0, "paid"), ("a", 9, "2", 20.0, "failed"), names=["status"])
    mapping = {"customer_id": "customer", "timestamp": "date", "amount": "total"}
    assert kept(frame, mapping=mapping) == 10.0
    assert kept(frame, mapping={**mapping, "status": ""}) == 30.0


def test_an_unknown_level_is_asked_for_and_a_rule_settles_it():
    frame = orders(("a", 1, "1", 10.0, "paid"), ("a", 9, "2", 20.0, "B7"), names=["status"])
    with pytest.raises(
        ValueError, match=r"'B7' \(1 line, 20.00\)\. For each, choose .* --rule \"status=B7:counts\""
    ):
        clean(frame)
    assert kept(frame, change_rules(Rules(), {"status": ["B7:counts"]})) == 30.0
    assert kept(frame, change_rules(Rules(), {"status": {"b7": "ignore"}})) == 10.0


def test_the_readings_are_reported_with_rows_and_money():
    frame = orders(("a", 1, "1", 10.0, "paid"), ("a", 9, "2", 20.0, "failed"), names=["status"])
    report = clean(frame).report
    assert report.levels[["level", "reading", "rows", "money"]].to_numpy().tolist() == [
        ["failed", "ignore", 1, 20.0],
        ["paid", "counts", 1, 10.0],
    ]
    assert "left out: failed (1 line, 20.00)" in report.notes[0]


@pytest.mark.parametrize(
    ("heading", "sale", "back"),
    [
        ("Type", "Sale", "Refund"),
        ("Belegart", "Rechnung", "Gutschrift"),
        ("Tipo", "Venta", "Devolución"),
        ("transaction_type", "CHARGE", "chargeback"),
        ("Type de transaction", "Vente", "Avoir"),
    ],
)
def test_a_refund_with_a_positive_amount_is_taken_off_its_order(heading, sale, back):
    frame = orders(
        ("a", 1, "1", 100.0, sale), ("a", 9, "1", 30.0, back), ("b", 3, "3", 40.0, sale), names=[heading]
    )
    assert kept(frame) == 110.0


def test_a_type_of_another_kind_is_no_type_of_sale():
    frame = orders(("a", 1, "1", 10.0, "Existing"), ("b", 9, "2", 20.0, "New"), names=["Type"])
    report = clean(frame).report
    assert report.money_kept == 30.0
    assert report.unused == ("Type",)


def test_a_refunded_order_and_its_own_refund_line_are_not_taken_off_twice():
    frame = orders(
        ("a", 1, "1", 100.0, "Refunded"),
        ("a", 9, "1", -100.0, "Completed"),
        ("a", 11, "2", 40.0, "Completed"),
        names=["Status"],
    )
    cleaned = clean(frame)
    assert cleaned.log["amount"].tolist() == [40.0]
    assert set(cleaned.quarantine["rule"]) == {"cancellation"}


def test_a_refunded_amount_is_taken_off_its_order():
    frame = orders(
        ("a", 1, "1", 100.0, 25.0),
        ("b", 9, "2", 20.0, 20.0),
        ("c", 9, "3", 7.0, None),
        names=["Refunded Amount"],
    )
    cleaned = clean(frame)
    assert cleaned.log["amount"].tolist() == [75.0, 7.0]
    assert cleaned.report.money_returned == 45.0


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("1.00", "0.00"), ("1,0", "0,0"), (1.0, None)])
@pytest.mark.parametrize("heading", ["Refunded", "Cancelled"])
def test_a_flag_with_decimals_is_no_amount(heading, yes, no):
    assert kept(orders(("a", 1, "1", 100.0, yes), ("b", 9, "2", 20.0, no), names=[heading])) == 20.0


@pytest.mark.parametrize("nothing", ["-", "N/A", "null", float("nan")])
def test_words_for_no_refund_are_no_refunds(nothing):
    frame = orders(("a", 1, "1", 100.0, "25"), ("b", 9, "2", 20.0, nothing), names=["Refunded Amount"])
    more = orders(*[("c", day, str(day), 5.0, nothing) for day in range(3, 9)], names=["Refunded Amount"])
    assert kept(pd.concat([frame, more])) == 125.0


def test_a_refund_is_in_the_unit_of_its_heading_as_the_amount_is():
    frame = orders(("a", 1, "1", 10000, 2500), ("b", 9, "2", 2000, 0), names=["Refunded Amount (cents)"])
    assert kept(frame.rename(columns={"total": "Total (cents)"})) == 95.0


def test_a_refund_on_a_row_of_its_own_is_converted_as_its_sale_is():
    frame = orders(
        ("a", 1, "1", 100.0, 0.0, "USD"),
        ("b", 2, "2", 5.0, 0.0, "EUR"),
        ("a", 9, "3", 0.0, 40.0, "USD"),
        names=["refunded_amount", "currency"],
    ).drop(columns="order_id")
    assert clean(read(frame, changes={"rates": {"USD": 0.5, "EUR": 1.0}})).report.money_kept == 35.0


def test_a_refund_larger_than_its_line_is_shared_by_the_lines_of_its_order():
    frame = orders(
        ("a", 1, "1", 20.0, 30.0),
        ("a", 1, "1", 40.0, None),
        ("b", 1, "2", 5.0, None),
        names=["amount_refunded"],
    )
    assert clean(frame).log["amount"].tolist() == [10.0, 20.0, 5.0]
    others = orders(
        ("a", 1, "1", 20.0, 30.0),
        ("a", 1, "1", 40.0, 30.0),
        ("b", 1, "2", 10.0, 5.0),
        ("b", 1, "2", 30.0, 7.0),
        ("c", 1, None, 50.0, 20.0),
        names=["amount_refunded"],
    )
    assert clean(others).log["amount"].tolist() == [10.0, 20.0, 7.0, 21.0, 30.0]


@pytest.mark.parametrize(
    ("heading", "values"), [("Cancelled at", ["2025-01-03", None]), ("is_cancelled", ["yes", "no"])]
)
def test_a_cancelled_order_is_no_revenue(heading, values):
    frame = orders(("a", 1, "1", 100.0, values[0]), ("b", 9, "2", 20.0, values[1]), names=[heading])
    assert kept(frame) == 20.0


@pytest.mark.parametrize(
    ("heading", "sale", "none"),
    [("test", "false", "true"), ("Captured", "TRUE", "FALSE"), ("livemode", "1", "0")],
)
def test_tests_and_uncaptured_payments_are_no_revenue(heading, sale, none):
    frame = orders(("a", 1, "1", 100.0, none), ("b", 9, "2", 20.0, sale), names=[heading])
    assert kept(frame) == 20.0


def test_an_order_that_is_confirmed_but_not_paid_is_no_revenue():
    frame = orders(
        ("a", 1, "1", 100.0, "confirmed", "pending"),
        ("b", 9, "2", 20.0, "confirmed", "paid"),
        ("c", 9, "3", 5.0, "cancelled", "paid"),
        names=["order_status", "payment_status"],
    )
    assert kept(frame) == 20.0


def test_a_refund_of_an_order_that_never_counted_is_no_return_either():
    frame = orders(
        ("a", 1, "1", 100.0, "Failed"),
        ("a", 2, "1", -100.0, "Completed"),
        ("a", 9, "2", 20.0, "Completed"),
        names=["status"],
    )
    cleaned = clean(frame)
    assert cleaned.log["amount"].tolist() == [20.0]
    assert cleaned.quarantine["rule"].tolist() == ["not_completed", "not_completed"]


def test_one_run_asks_all_that_is_open():
    frame = orders(("a", 1, "1", "1,250", "B7"), ("b", 9, "2", "2,500", "B8"), names=["status"])
    frame["date"] = ["01/02/2025", "03/04/2025"]
    with pytest.raises(ValueError, match="3 questions are open") as caught:
        clean(frame)
    assert [word in str(caught.value) for word in ("day_first", "decimal", "B7")] == [True] * 3


def test_the_total_below_a_report_is_no_level_to_ask_about():
    assert [read_level(name, level) for name in ("status", "type") for level in ("Total", "Summe")] == [
        "ignore"
    ] * 4


def test_open_and_new_orders_are_read_beside_the_columns_other_levels():
    readings = {
        ("open", "paid", "expired"): "ignore",
        ("Offen", "Versandt", "Storniert"): "counts",
        ("new", "shipped"): "counts",
        ("sent", "draft", "paid"): "ignore",
        ("SENT", "NEW", "CANCELLED"): "counts",
        ("open", "closed"): None,
        ("sent", "paid"): None,
    }
    assert {levels: read_levels("status", levels)[0] for levels in readings} == readings
    assert read_levels("status", ["Offen"], paid_elsewhere="order") == ["counts"]


def test_documents_posted_and_marked_for_deletion_are_told_from_others():
    frame = orders(
        ("a", 1, "1", 100.0, "Да", "Нет", "Реализация товаров"),
        ("b", 2, "2", 20.0, "Нет", "Нет", "Реализация товаров"),
        ("c", 3, "3", 5.0, "Да", "Да", "Реализация товаров"),
        ("a", 9, "1", 30.0, "Да", "Нет", "Возврат от покупателя"),
        names=["Проведен", "Пометка удаления", "Вид операции"],
    )
    assert kept(frame) == 70.0


def test_an_unknown_level_of_lines_without_an_amount_is_not_asked_about():
    frame = orders(("a", 1, "1", "100", "paid"), ("b", 2, "2", "see notes", "B7"), names=["status"])
    assert kept(frame) == 100.0


def test_codes_of_accounting_programs_say_what_a_document_is():
    assert read_levels("type", ["SI", "SC", "SR"]) == ["counts", "refund", "ignore"]
    assert read_levels("type", ["FT", "NC"]) == ["counts", "refund"]
    assert read_levels("type", ["TD01", "TD04"]) == ["counts", "refund"]


def test_a_type_that_calls_an_order_refunded_undoes_that_order_and_no_other():
    rows = [
        ("a", 1, "1", 60.0, "Completed"),
        ("a", 9, "2", 80.0, "Refunded"),
        ("b", 10, "3", 30.0, "Completed"),
    ]
    frame = orders(*rows, names=["Order Type"])
    raw = read(frame)
    assert raw.mapping["type"] == "Order Type"
    cleaned = clean(raw)
    assert cleaned.report.money_kept == 90
    assert any("were read as undone sales" in note for note in cleaned.report.notes)
    event = orders(*rows, ("b", 12, "4", 30.0, "Refunded"), names=["Order Type"])
    with pytest.raises(QuestionsError, match=r"Refunded:ignore.* if the marked orders were cancelled"):
        kept(event)  # or b's order 4 gives the money of order 3 back
    assert kept(orders(*rows[:2], ("a", 11, "2", 80.0, "Completed"), names=["Order Type"])) == 60
    tickets = orders(*rows, ("a", 9, "2", 80.0, "Completed"), names=["Order Type"])
    assert kept(tickets) == 170  # of two tickets bought together, one was given back


def test_a_column_of_which_no_line_would_be_a_sale_is_asked_about():
    frame = orders(("a", 1, "1", 60.0, "Training"), ("b", 9, "2", 80.0, "Training"), names=["Type"])
    with pytest.raises(
        ValueError, match=r"no line is a sale: 'Training' \(2 lines, 140.00\).*--mapping type="
    ):
        clean(read(frame, {"type": "Type"}))
    assert kept(frame, change_rules(Rules(), {"type": ["Training:counts"]}), {"type": "Type"}) == 140


def test_a_status_of_any_language_whose_levels_are_not_known_is_asked_about():
    for heading in ("Állapot", "Sipariş Durumu", "สถานะ", "订单状态", "Статус заказа", "الحالة", "Tila"):
        frame = orders(("a", 1, "1", 60.0, "B7"), ("b", 9, "2", 80.0, "C1"), names=[heading])
        with pytest.raises(ValueError, match="contains unknown levels"):
            clean(read(frame))


def test_a_heading_that_may_be_a_region_is_a_status_by_its_levels():
    levels = {"Стан": ("Виконано", "Очікує оплати"), "Estado": ("Pagado", "Pendiente de pago")}
    for heading, (done, pending) in levels.items():
        frame = orders(("a", 1, "1", 60.0, done), ("b", 9, "2", 80.0, pending), names=[heading])
        assert kept(frame) == 60
        frame[heading] = ["Київ", "Львів"]
        assert kept(frame) == 140


def test_nulls_of_databases_are_no_cancellations():
    nothing = ["\\N", "(null)", "<null>", "[NULL]", "#N/A"]
    rows = [("a", day, str(day), 10.0, level) for day, level in enumerate(nothing, 1)]
    frame = orders(*rows, ("b", 9, "9", 80.0, "2025-02-01"), names=["voided_at"])
    assert kept(frame, mapping={"cancelled_at": "voided_at"}) == 50


def test_a_refund_alone_on_a_line_of_its_order_is_taken_off():
    frame = orders(
        ("a", 1, "1", 60.0, None),
        ("b", 2, "2", 80.0, None),
        ("b", 9, "2", None, 30.0),
        names=["Refund Amount"],
    )
    assert kept(frame) == 110
    repeated = orders(
        ("a", 1, "1", 60.0, None),
        ("b", 2, "2", 80.0, 30.0),
        ("b", 9, "2", None, 30.0),
        names=["Refund Amount"],
    )
    assert kept(repeated) == 110


def test_a_type_of_which_only_what_is_no_sale_is_known_is_asked_about():
    frame = orders(("a", 1, "1", 60.0, "Cash"), ("b", 9, "2", 80.0, "Pledge"), names=["Gift Type"])
    with pytest.raises(ValueError, match=r"'Pledge' \(1 of 2 lines\).*--mapping \"type=Gift Type\""):
        clean(read(frame))


def test_codes_under_the_heading_of_a_status_are_asked_about():
    for heading in ("current_state", "State", "Estado"):
        frame = orders(("a", 1, "1", 60.0, "5"), ("b", 9, "2", 80.0, "6"), names=[heading])
        with pytest.raises(ValueError, match=r"'5' \(1 line, 60.00\), '6' \(1 line, 80.00\)"):
            clean(read(frame))


def test_deals_that_were_not_won_are_asked_about():
    frame = orders(("a", 1, "1", 60.0, True), ("b", 9, "2", 80.0, False), names=["Is Won"])
    with pytest.raises(ValueError, match='--mapping "captured=Is Won"'):
        read(frame)
    assert kept(frame, mapping={"captured": "Is Won"}) == 60


def test_a_line_that_voids_the_sale_of_its_order_takes_it_back():
    rows = [("a", 1, "1", 60.0, "SALE"), ("b", 2, "2", 80.0, "SALE")]
    assert kept(orders(*rows, ("b", 2, "2", 80.0, "VOID"), names=["Sale Type"])) == 60
    assert kept(orders(*rows, ("b", 2, "2", 15.0, "VOID"), names=["Sale Type"])) == 140  # an item, never paid


def test_letters_that_their_heading_spells_are_sides():
    rows = [("a", day, str(day), 40.0, "S") for day in range(1, 8)]
    assert kept(orders(*rows, ("a", 9, "7", 40.0, "R"), names=["S/R"])) == 240


def test_money_under_paid_is_no_flag_and_what_was_not_paid_is_told():
    frame = orders(
        ("a", 1, "1", 60.0, 60.0), ("b", 9, "2", 80.0, 80.0), ("b", 12, "3", 30.0, 0.0), names=["Paid"]
    )
    raw = read(frame)
    assert "captured" not in raw.mapping
    assert any(
        "'Paid' equals 'total' on most lines but is lower on 1, by 30.00" in note for note in raw.notes
    )
    assert kept(frame, mapping={"amount": "Paid"}) == 140


def test_lines_of_discounts_above_zero_are_told_and_can_be_taken_off():
    rows = [("a", 1, "1", 65.0, "product"), ("a", 1, "1", 5.0, "discount"), ("b", 9, "2", 80.0, "product")]
    frame = orders(*rows, names=["Line Type"])
    [note] = [note for note in read(frame).notes if "'discount' (1 line, 5.00)" in note]
    assert '--rule "type=discount:refund"' in note or "--rule type=discount:refund" in note
    rules = change_rules(Rules(), {"type": ["discount:refund", "product:counts"]})
    assert kept(frame, rules, {"type": "Line Type"}) == 140


def test_a_lost_dispute_is_taken_back_and_an_open_one_counts_and_is_told():
    rows = [
        ("a", 1, "1", 10.0, "succeeded", "", "", None),
        ("b", 2, "2", 20.0, "succeeded", "won", "fraudulent", 20.0),
        ("c", 3, "3", 40.0, "succeeded", "lost", "fraudulent", 40.0),
        ("a", 4, "4", 80.0, "succeeded", "under_review", "general", 80.0),
        ("b", 5, "5", 160.0, "succeeded", "needs_response", "general", 160.0),
        ("b", 6, "6", 320.0, "failed", "", "", None),
    ]
    names = ["status", "dispute_status", "dispute_reason", "disputed_amount"]
    report = clean(read(orders(*rows, names=names))).report
    notes = " ".join(report.notes)
    assert report.money_kept == 270
    assert "under_review (1 line, 80.00)" in notes
    assert "netted: (filled) (1 line, 40.00)" in notes
    assert "'dispute_reason' is not used, because 'dispute_status' says what became of each dispute" in notes


def test_a_dispute_that_is_not_decided_counts():
    states = ["Dispute won", "Dispute under review", "Dispute needs response", "Dispute lost", "Chargeback"]
    assert read_levels("status", states) == ["counts", "counts", "counts", "refund", "refund"]


def test_an_event_without_money_that_cancels_an_order_takes_its_sale_back():
    events = pd.DataFrame(
        [
            ("2025-01-05", "1", "a", "order_created", 10.0),
            ("2025-01-06", "1", "a", "order_shipped", None),
            ("2025-01-06", "2", "b", "order_created", 20.0),
            ("2025-01-07", "2", "b", "order_cancelled", None),
            ("2025-01-08", "3", "a", "order_created", 30.0),
            ("2025-01-09", "4", "b", "order_created", 40.0),
            ("2025-01-10", "4", "b", "item_cancelled", None),
        ],
        columns=["event_time", "order_id", "customer_id", "event", "amount"],
    )
    cleaned = clean(read(events))
    assert cleaned.report.money_kept == 10.0 + 30.0 + 40.0
    assert any(
        "lines of orders with 'order_cancelled' (1 line, 20.00)" in note for note in cleaned.report.notes
    )
    assert clean(read(events, changes={"type": ["order_cancelled:ignore"]})).report.money_kept == 100.0


def test_a_cancellation_without_money_takes_its_booking_back_and_a_voided_line_of_a_till_does_not():
    columns = ["date", "booking_ref", "email", "action", "price"]
    rows = [(f"2025-01-{n:02d}", f"B{n}", f"{n % 3}@x.example", "Booking", 10.0 * n) for n in range(1, 7)]
    cancelled = [("2025-01-09", "B3", "0@x.example", "Cancellation", 0.0)]
    table = pd.DataFrame(rows + cancelled, columns=columns)
    cleaned = clean(read(table, {"order_id": "booking_ref"}))
    assert (cleaned.report.money_kept, cleaned.log["order_id"].nunique()) == (210.0 - 30.0, 5)
    voided = [("2025-01-03", "B3", "0@x.example", "Void", 0.0)]
    table = pd.DataFrame(rows + voided, columns=columns)
    assert clean(read(table, {"order_id": "booking_ref", "type": "action"})).report.money_kept == 210.0


def test_where_no_level_is_a_sale_the_level_of_most_lines_is_offered_as_one_first():
    shop = pd.DataFrame(
        {
            "customer_id": list("aabbcc"),
            "date": pd.date_range("2024-01-01", periods=6),
            "amount": 10.0,
            "status": ["returned"] * 5 + ["cancelled"],
        }
    )
    with pytest.raises(QuestionsError, match="then no line is a sale") as error:
        clean(read(shop))
    assert error.value.questions[0].answers[:2] == ("status=returned:counts", "status=")
