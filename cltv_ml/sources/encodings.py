"""Detection of a text file's encoding from all of its bytes."""

from __future__ import annotations

import codecs
import re
import shutil
from pathlib import Path

import numpy as np
from charset_normalizer import from_bytes

from cltv_ml.sources.letters import likely_by_letters

_BLOCK_BYTES = 1 << 20
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

#: A file is damaged UTF-8, and not of another encoding, if of its lines beyond ASCII at most this share is no UTF-8:
#: almost no line of another encoding is UTF-8 by chance.
_DAMAGED = 0.5

#: Stands for bytes that are no UTF-8: a code point that no text holds.
BROKEN = "\U0010fffe"


def find_encoding(path: Path) -> tuple[str, bool, list[str]]:
    """Return a text file's encoding, whether some bytes are invalid in it, and notes for the user.

    A byte order mark decides; without one, the file is UTF-8 if nearly all of it is valid. Otherwise it has the most
    likely encoding of all lines with non-ASCII bytes, and a note names it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.csv").write_bytes("Größe;Straße".encode("cp1252"))
    ...     find_encoding(Path(folder, "a.csv"))[0]
    'cp1252'
    """
    with path.open("rb") as file:
        start = file.read(_BLOCK_BYTES)
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            damaged = mark == codecs.BOM_UTF8 and not _is_utf8(path)
            return ("utf-8" if damaged else encoding), damaged, []
    if (wide := _wide_encoding(start[:200])) is not None:
        return wide, False, []
    if _is_utf8(path):
        return "utf-8", False, []
    read, unread, sample = _weigh(path)
    if unread <= _DAMAGED * (read + unread):
        return "utf-8", True, []
    encoding = _likely_encoding(sample)
    lines = read + unread
    note = (
        f"{path.name!r} is not UTF-8 and was read as {encoding}, judged by its "
        f"{'one non-ASCII line' if lines == 1 else f'{lines:,} non-ASCII lines'}; "
        "if names look wrong, save it as UTF-8."
    )
    return encoding, False, [note]


def _wide_encoding(start: bytes) -> str | None:
    """Return the UTF-16 encoding of a file that starts without a byte order mark; None for any other encoding.

    In UTF-16 every second byte of a digit or delimiter is zero; in a damaged file, zeros are anywhere.

    >>> _wide_encoding("a;b".encode("utf-16-be")), _wide_encoding(b"customer,day,amount" + bytes(1))
    ('utf-16-be', None)
    """
    first, second = start[0::2].count(0), start[1::2].count(0)
    if min(first, second) > 0 or max(first, second) <= len(start) / 20:
        return None
    return "utf-16-be" if first else "utf-16-le"


def keep_readable(path: Path, folder: Path) -> Path:
    """Return a copy, in `folder`, of a damaged UTF-8 file with `BROKEN` in place of invalid bytes."""
    codecs.register_error("cltv_broken", lambda error: (BROKEN, getattr(error, "end", 0)))
    copy = folder / f"{path.name}.utf-8"
    with path.open("rb") as file, copy.open("wb") as target:
        for line in file:
            text = line.decode("utf-8", errors="cltv_broken").removeprefix("\ufeff")
            target.write(text.encode("utf-8"))
    return copy


def as_utf8(path: Path, encoding: str, folder: Path) -> Path:
    """Return a file in UTF-8: itself, or a copy of it in `folder`.

    Arrow would decode other encodings with Python's decoder in threads of its own. One that still runs when the
    process ends aborts it.

    Raises
    ------
    UnicodeError
        Some bytes are invalid in the encoding.
    """
    if encoding in ("utf-8", "utf-8-sig"):
        return path
    copy = folder / f"{path.name}.decoded"
    with (
        path.open(encoding=encoding, newline="") as file,
        copy.open("w", encoding="utf-8", newline="") as target,
    ):
        shutil.copyfileobj(file, target, _BLOCK_BYTES)
    return copy


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while block := file.read(_BLOCK_BYTES):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _weigh(path: Path) -> tuple[int, int, bytes]:
    """Return the numbers of valid and invalid non-ASCII lines of UTF-8, and some invalid lines."""
    read = unread = size = 0
    sample: list[bytes] = []
    with path.open("rb") as file:
        for line in file:
            if line.isascii():
                continue
            try:
                line.decode("utf-8")
                read += 1
            except UnicodeDecodeError:
                unread += 1
                if size < _BLOCK_BYTES:
                    sample.append(line)
                    size += len(line)
    return read, unread, b"".join(sample)


def _likely_encoding(block: bytes) -> str:
    """Return the most likely encoding of a block that is not UTF-8: by known words, else by its letters."""
    encoding = _encoding_by_words(block)
    text = block.decode(encoding, errors="replace")
    known = _count_telling(text) or (encoding in _ALPHABETS and _ALPHABETS[encoding].search(text))
    return encoding if known else likely_by_letters(block, encoding)


def _encoding_by_words(block: bytes) -> str:
    """Return the encoding that shows the most known words in a block, or the fewest signs inside words.

    In western languages, non-ASCII letters are mostly single; if most are adjacent, the text is in another alphabet.
    """
    beyond = np.frombuffer(block, dtype=np.uint8) >= 128
    if (beyond[1:] & beyond[:-1]).sum() < 0.4 * beyond.sum():
        likely = max(
            ("cp1252", "cp1250", "cp1254", "cp932", "gb18030"),
            key=lambda encoding: _known_words(block, encoding),
        )
        rarer = max(("cp852", "cp1257"), key=lambda encoding: _known_words(block, encoding))
        if (
            _known_words(block, rarer)[0] > _known_words(block, likely)[0]
        ):  # only words tell it from the others
            return rarer
        return _older_encoding(block, likely) or likely
    shown = {
        name: len(alphabet.findall(block.decode(name, errors="replace")))
        for name, alphabet in _ALPHABETS.items()
    }
    if any(shown.values()):
        return max(shown, key=lambda name: shown[name])
    eastern = max(("cp932", "gb18030"), key=lambda encoding: _known_words(block, encoding))
    if _known_words(block, eastern)[0] and "\ufffd" not in block.decode(eastern, errors="replace")[:-1]:
        return eastern
    best = from_bytes(block, cp_isolation=["cp1251", "shift_jis", "gb18030", "euc_kr", "big5"]).best()
    if best and len(_MIXED.findall(str(best))) < 0.02 * beyond.sum():
        return best.encoding
    return max(("cp1252", "cp1250", "cp1254"), key=lambda encoding: _known_words(block, encoding))


#: Letters of two alphabets in one word, as a wrong encoding shows them.
_MIXED = re.compile("[a-z](?=[\u0370-\u07ff])|[\u0370-\u07ff](?=[a-z])", re.IGNORECASE)

#: Words of headings in languages of other alphabets, by the encoding of one byte a letter.
_ALPHABETS = {
    encoding: re.compile(words, re.IGNORECASE)
    for encoding, words in {
        "cp1251": "клиент|клієнт|покупат|заказ|замовлен|сумма|сума|дата|номер|количество|статус|цена",
        "cp866": "клиент|клієнт|покупат|заказ|замовлен|сумма|сума|дата|номер|количество|статус|цена",
        "koi8_r": "клиент|клієнт|покупат|заказ|замовлен|сумма|сума|дата|номер|количество|статус|цена",
        "cp1253": "πελάτη|ημερομηνία|ποσό|παραγγελία|αριθμός|σύνολο|αξία|ποσότητα|κατάσταση",
        "cp1255": "לקוח|תאריך|סכום|הזמנה|מספר|סטטוס|כמות|מחיר|חשבונית|קבלה",
        "cp1256": "العميل|الزبون|تاريخ|التاريخ|رقم|المبلغ|الطلب|الكمية|الحالة|الإجمالي|مشتری|مبلغ",
        "cp874": "ลูกค้า|วันที่|จำนวน|เลขที่|ราคา|สถานะ|ยอด|รหัส",
    }.items()
}

#: Letters beyond ASCII of western languages.
_WESTERN = "àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿœß"


#: Such a letter next to others, a capital one only where no small letter is on its left.
_FITTING = re.compile(
    rf"(?<=[^\W\d_])[{_WESTERN}](?![A-Z@\[\]^_`{{|}}~])|[{_WESTERN}](?=[a-z{_WESTERN}])"
    rf"|(?<![^\W\d_])[{_WESTERN.upper()}](?=[^\W\d_])|(?<=[A-Z])[{_WESTERN.upper()}](?![a-z])"
)

#: Signs inside words, capitals between small letters and what is no character.
_MISFIT = re.compile(
    r"(?<=[^\W\d_])(?![’·])[^\x00-\x7f\w\s](?=[^\W\d_])|(?<=[a-z])[‚„†‡ˆ‰‹‘“](?!\w)|\ufffd"
    r"|(?<=[a-z])[ŠŒŽŸÀ-ÖØ-Þ]|(?<=[A-Z])[ŠŒŽŸÀ-ÖØ-Þ](?=[a-z])"
)


def _older_encoding(block: bytes, likely: str) -> str | None:
    """Return an MS-DOS or classic Macintosh encoding if its letters fit the text better than current encodings' do."""
    text = block.decode(likely, errors="replace")
    beyond = int((np.frombuffer(block, dtype=np.uint8) >= 128).sum())
    eastern = likely in ("cp932", "gb18030")
    if _count_telling(text) or (not eastern and len(_MISFIT.findall(text)) < 0.2 * beyond):
        return None
    fitting = {name: len(_FITTING.findall(block.decode(name))) for name in ("cp850", "mac_roman")}
    older = max(fitting, key=lambda name: fitting[name])
    return older if fitting[older] >= 0.9 * beyond else None


#: Beginnings of headings in languages whose letters western encodings lack, in small letters with i for ı.
_TELLING = re.findall(
    r"\w+",
    """
    část čísl zákazn objednáv množstv vyřízen dokonč doruč přija přijm příjm měna čeká wysłan opłac zwróc wartoś
    zamówie sprzeda ilość płat vevő rendelés összeg število količ pirkėj sąskait užsak mokėj pircēj rēķin pasūt
    tellim sipariş müşteri satiş ürün ödeme işlem 注文 受注 顧客 金額 番号 数量 会員 商品 订单 金额 客户 会员 日期
    """,
)


def _known_words(block: bytes, encoding: str) -> tuple[int, int]:
    """Return a score for a decoding: the number of known words in it, then how few symbols are inside words."""
    text = block.decode(encoding, errors="replace")
    odd = re.findall(r"(?<=\w)[³¹¿þðýœŸ\ufffd]|[³¹¿þðÝÞ\ufffd](?=\w)", text)
    return _count_telling(text), -len(odd)


def _count_telling(text: str) -> int:
    """Return how many telling words a text has; a regular expression of them all would take fifty times as long."""
    small = text.lower().replace("i\u0307", "i").replace("ı", "i")  # Turkish has İ and ı
    return sum(small.count(word) for word in _TELLING)
