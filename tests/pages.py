"""The numbers of a page, held against those of the files next to it."""

import html
import re

import numpy as np
import pandas as pd

from cltv_ml.files import as_written

#: Cells, headlines, sentences, titles and captions of a page.
SENTENCES = "td|th|dd|dt|p|h1|h2|h3|figcaption|summary"

#: Dates and words that hold digits without being a result.
_NO_NUMBER = r"\d{4}-(?:\d\d(?:-\d\d)?|Q\d)|\(\d+\)|\b(?:50|80|90|95)% (?:band|probability|interval)"


def lost_numbers(page, files, known=(), tags="td|dd"):
    """Return the cells of numbers and the headlines of a page with a number that no file holds at the digits shown.

    With `SENTENCES` for the tags, its sentences and titles are read too.

    A share may stand in a file as a share or in percent. `known` are numbers of the question, such as the horizon.
    """
    held = np.unique(
        np.concatenate(
            [_numbers(file) for file in files if file.stat().st_size > 1] + [np.array(known, float)]
        )
    )
    text = page.read_text(encoding="utf-8")
    text = text.partition('class="terms"')[0]
    told = re.findall(rf"<({tags})(?! class=\"words)(?=[ >])[^>]*>(.*?)</\1>", text, re.DOTALL)
    told = [html.unescape(re.sub(r"<[^>]+>", "", cell)) for _, cell in told]
    return [cell for cell in told if not all(_is_held(*number, held) for number in _shown(cell))]


def columns_shown(page):
    """Yield the columns of a page's tables, each a list of cells."""
    for table in re.findall(r"<tbody>(.*?)</tbody>", page.read_text(encoding="utf-8"), re.DOTALL):
        rows = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in table.split("<tr")[1:]]
        for column in zip(*rows, strict=True):
            yield [html.unescape(re.sub(r"<[^>]+>", "", cell)).strip() for cell in column]


def _numbers(file):
    table = as_written(pd.read_csv(file)) if file.suffix == ".csv" else pd.read_parquet(file)
    table = table.drop(columns="Sentence", errors="ignore")  # its numbers stand next to it
    numbers = table.select_dtypes(["number", "bool"]).to_numpy(dtype=float).ravel()
    words = table.select_dtypes(["object", "string"]).fillna("").to_numpy().ravel().astype(str)
    told = [value for cell in words for value, _, _ in _shown(cell)]
    return np.concatenate([numbers, np.array(told, float)])


def _shown(cell):
    for number, percent in re.findall(
        r"(?<![\w.-])[+-]?([\d,]*\d(?:\.\d+)?)(?!\.?\d|[A-Z])(%?)", re.sub(_NO_NUMBER, "", cell)
    ):
        digits = len(number.partition(".")[2])
        yield float(number.replace(",", "")), digits, bool(percent)


def _is_held(number, digits, percent, held):
    near = np.concatenate([np.abs(held), 100 * np.abs(held)]) if percent else np.abs(held)
    return bool((np.abs(near - number) <= 0.5 * 10**-digits + 1e-9).any())


def recompute_totals(inputs, wanted):
    """Return `list`, `customers`, `cost`, `expected_profit` of the best lists: what the page computes, in Python.

    The best list ends before the first customer whose gain is below the cost, or where the budget ends; only its
    treated customers are counted.
    """
    factor = wanted["margin"] / 100 * wanted["effect"] / 100
    rows = []
    for each in inputs["lists"]:
        customers, gain = np.asarray(each["customers"]), factor * np.asarray(each["gain"])
        budget = np.inf if wanted.get("budget") is None else wanted["budget"]
        room = min(np.floor((budget + 1e-9) / wanted["cost"]), customers[-1])
        lengths = np.append(customers[customers < room], room)
        gain, cost = np.interp(lengths, customers, gain), wanted["cost"] * lengths
        best = int((gain - cost).argmax())
        treated, treated_gain = each.get("treated", 1.0), each.get("treated_gain", 1.0)
        reached = int(lengths[best] * treated + 0.5)
        spent = wanted["cost"] * reached
        rows.append((each["name"], reached, spent, float(gain[best] * treated_gain) - spent))
    return pd.DataFrame(rows, columns=["list", "customers", "cost", "expected_profit"])
