"""Contacts of customers at the door: their moment, answers, and what is not read."""

import pandas as pd
import pytest

from cltv_ml.customers import CustomerSources, read_customers
from cltv_ml.customers.contacts import read_contacts
from cltv_ml.log import Log


def test_an_answer_without_a_day_counts_later():
    found = read_contacts(
        pd.DataFrame({"id": ["a", "b"], "sent": ["2024-05-01"] * 2, "clicked": ["yes", "no"]})
    )
    answers = found.table["responded_at"].to_pylist()
    assert answers == [pd.Timestamp("2024-05-29"), None]
    assert "28 days after the contact" in found.notes[-1]


def test_contacts_without_a_moment_are_refused():
    with pytest.raises(
        ValueError, match=r"no column is clearly the time of the contact.*--contact COLUMN=timestamp"
    ):
        read_contacts(pd.DataFrame({"id": ["a", "b"], "campaign": ["x", "y"]}))


def test_contacts_of_a_mailing_tool_are_read_and_what_is_not_is_named():
    sent = pd.DataFrame(
        {
            "Recipient ID": ["a", "b"],
            "Send Time": ["2024-05-01 10:00", None],
            "Subject": ["Hi", "Hi"],
            "Opened At": ["2024-05-02", None],
            "Clicked At": ["2024-05-03", None],
        }
    )
    found = read_contacts(sent, customers=pd.Index(["a", "b"]))
    assert found.table["responded_at"].to_pylist() == [pd.Timestamp("2024-05-03")]
    notes = " ".join(found.notes)
    assert "Not read: Subject, Opened At" in notes
    assert "1 of 2 rows were quarantined: 1 bad_date" in notes


def test_contacts_say_their_moment_in_other_words():
    for heading in ("START_DAY", "Versanddatum", "date_sent", "Send Date", "fecha de envío", "Delivered At"):
        other = pd.DataFrame({"id": ["a"], heading: ["2024-05-01"], "END_DAY": ["2024-06-01"]})
        assert read_contacts(other).mapping["timestamp"] == heading


def test_answers_may_be_counts_words_and_times_and_none_is_lost_in_silence():
    sent = pd.DataFrame({"id": list("abcde"), "sent": ["2024-05-01"] * 5})
    later = pd.Timestamp("2024-05-29")

    def answers(*values):
        found = read_contacts(sent.assign(response=values))
        return found.table["responded_at"].to_pylist(), " ".join(found.notes)

    assert answers(0, 3, 1, 0, 2)[0] == [None, later, later, None, later]
    mixed, _ = answers("yes", "2024-05-03", "no", "", "none")
    assert mixed == [later, pd.Timestamp("2024-05-03"), None, None, None]
    times, notes = answers("positive", "positive", "2024-05-03", "2024-04-03", "")
    assert times == [None, None, pd.Timestamp("2024-05-03"), pd.Timestamp("2024-04-03"), None]
    assert "2 values, such as 'positive', are neither a time nor yes or no nor a count" in notes
    assert "1 response is from before the contact" in notes


def test_contacts_after_the_end_of_the_log_are_counted_because_nothing_uses_them():
    days = pd.date_range("2024-01-01", periods=6, freq="30D")
    log = Log(pd.DataFrame({"customer_id": list("ababab"), "timestamp": days, "amount": 5.0}))

    def notes(*sent):
        table = pd.DataFrame({"customer_id": ["a"] * len(sent), "sent_at": sent})
        contacts = read_customers(log, CustomerSources(contacts=table)).contacts
        return [note for note in contacts.notes if "nothing uses" in note]

    last = days[-1]
    assert notes("2023-05-01", f"{last:%Y-%m-%d} 18:00") == []
    assert notes("2024-02-01", "2024-07-01", "2024-08-01") == [
        "2 of the 3 contacts with customers of the log came after its last day, 2024-05-30: nothing uses them."
    ]
    assert notes("2024-07-01")[0].startswith("All contacts with customers of the log came after")


def test_contacts_are_read_under_the_headings_of_other_languages_and_tools():
    values = {
        "customer_id": "a",
        "timestamp": "2024-05-01",
        "campaign": "x",
        "channel": "y",
        "cost": "2",
        "response": "1",
    }
    others = [
        "Kundennummer Versanddatum Aktion Kanal Stückkosten Reagiert",
        "会員ID 配信日時 キャンペーン名 チャネル 費用 クリック",
        "N°client Date_d'envoi Campagne Canal Coût Cliqué",
        "ID_cliente Fecha_de_envío Campaña Medio Coste Respondió",
        "ContactId CreatedDate CampaignId Message_Channel Cost HasResponded",
    ]
    for headings in others:
        read = read_contacts(
            pd.DataFrame(
                {name: [value] for name, value in zip(headings.split(), values.values(), strict=True)}
            )
        )
        assert list(read.mapping) == list(values), headings
        assert read.table["responded_at"].null_count == 0, headings


def test_of_several_columns_of_campaigns_the_one_called_so_is_read():
    """Two campaigns of a day had been one contact and its copy where the table has campaign and campaign_id."""
    sent = pd.DataFrame({"customer_id": ["7", "7"], "start_date": ["2024-05-01"] * 2})
    read = read_contacts(sent.assign(campaign_id=["1", "2"], campaign=["Type A", "Type B"]))
    assert sorted(read.table["campaign"].to_pylist()) == ["Type A", "Type B"]
    assert not len(read.quarantine)
    assert any("Not read: campaign_id." in note for note in read.notes)
