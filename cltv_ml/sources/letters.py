"""Likelihood of a decoding by the letters of its words: how frequent each is in a language."""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import cache

from charset_normalizer import from_bytes
from charset_normalizer.constant import FREQUENCIES

#: Encodings of one byte a character, the most common ones first, by what their languages are.
_LANGUAGES_OF = {
    (
        "cp1252",
        "cp850",
        "mac_roman",
    ): "English German French Spanish Portuguese Italian Swedish Danish Finnish Icelandic",
    ("cp1250", "iso8859_2", "cp852"): "Czech Polish Hungarian Slovene Croatian Slovak Romanian",
    ("cp1254", "cp857"): "Turkish",
    ("cp1257",): "Lithuanian Latvian Estonian",
    ("cp1251", "koi8_u", "cp866", "cp1125", "iso8859_5", "mac_cyrillic"): "Russian Ukrainian Bulgarian",
    ("cp1253", "iso8859_7", "cp737"): "Greek",
    ("cp1255", "iso8859_8", "cp862"): "Hebrew",
    ("cp1256", "iso8859_6", "cp720"): "Arabic Farsi",
    ("cp874",): "Thai",
}

#: Letters beyond ASCII of languages written in Latin letters.
_LATIN_LETTERS = {
    "English": "’é",
    "German": "äöüß",
    "French": "éèàêçîôûëïùâœ’",
    "Spanish": "óíáéñúü",
    "Portuguese": "ãçéáíóõêâúôà",
    "Italian": "èàòùìé",
    "Swedish": "äåöé",
    "Danish": "øåæé",
    "Finnish": "äöå",
    "Icelandic": "íáöðéúóþýæ",
    "Czech": "íáéýřěžščůúťňď",
    "Polish": "łąęóżśćńź",
    "Hungarian": "áéöőóüíúű",
    "Slovene": "čšž",
    "Croatian": "čšžćđ",
    "Slovak": "áíéýčžšľťúôäňŕĺď",
    "Romanian": "ăîâșțşţ",
    "Turkish": "ıüşçğöİâî",
    "Lithuanian": "ėųšžčįąūę",
    "Latvian": "āīēšūņļžķģč",
    "Estonian": "äõüöšž",
}

#: Letters of other alphabets that the table of frequencies leaves out.
_RARE_LETTERS = {
    "Russian": "юшёщфэъ",
    "Ukrainian": "юєїщфґш",
    "Bulgarian": "юшфьё",
    "Greek": "βξζφψώϊϋ΄",
    "Hebrew": "ףץ",
    "Arabic": "ذغزثضظآؤئءپ",
    "Farsi": "ظضثذيك",
    "Thai": "ๅซฟฝผธณญฎฏฐฑฒฉฌภศษสหฬอฮฤฆ่้๊๋์ัิีึืุู็ำะาเแโใไๆ",
}

#: Two or more letters, of which one is beyond ASCII: alone, it may be a sign such as that of the euro.
_ACCENTED_WORD = re.compile(rb"[A-Za-z]+[\x80-\xff][A-Za-z\x80-\xff]*|[\x80-\xff][A-Za-z\x80-\xff]+")

#: Logarithms of the share of a sign that no word of the language holds, and of a capital letter after a small one.
_NO_LETTER, _MISPLACED = math.log(1e-5), math.log(1e-2)

#: Least mean logarithm per character of a language; texts of Chinese, Japanese and Korean stay below it.
_LEAST_FIT = -4.5

#: Logarithm of how many times as likely as the usual encoding another must be.
_FIT_MARGIN = 5.0

#: Distinct words that are enough to tell encodings apart.
_WORD_LIMIT = 500

_EASTERN_ENCODINGS = ["cp932", "euc_jp", "gb18030", "big5", "cp949"]


def likely_by_letters(block: bytes, usual: str) -> str:
    """Return the encoding that best fits the words of a block; `usual` unless another fits far better.

    >>> likely_by_letters("Кузнецов, Смирнова".encode("koi8_r"), "cp1252")
    'koi8_u'
    >>> likely_by_letters("John’s, 12 €".encode("cp1252"), "cp1252")
    'cp1252'
    """
    words = [word for word, _ in Counter(_ACCENTED_WORD.findall(block)).most_common(_WORD_LIMIT)]
    if len(words) < 2 or (
        usual in _EASTERN_ENCODINGS and "\ufffd" not in block.decode(usual, errors="replace")
    ):
        return usual
    fits = {
        encoding: max(_fit_of_words(words, encoding, language) for language in languages.split())
        for encodings, languages in _LANGUAGES_OF.items()
        for encoding in encodings
    }
    best = max(fits, key=lambda encoding: fits[encoding])
    beyond = sum(not sign.isascii() for word in words for sign in word.decode(best, errors="replace"))
    if fits[best] < _LEAST_FIT * beyond:
        eastern = from_bytes(block, cp_isolation=_EASTERN_ENCODINGS).best()
        return eastern.encoding if eastern else usual
    return best if fits[best] > fits.get(usual, -math.inf) + _FIT_MARGIN else usual


def _fit_of_words(words: list[bytes], encoding: str, language: str) -> float:
    """Return the log-likelihood of the words' characters beyond ASCII in a language."""
    shares = _letter_shares(language)
    total = 0.0
    for word in words:
        text = word.decode(encoding, errors="replace")
        if language not in _LATIN_LETTERS:  # a word of another alphabet has no Latin letter
            total += _MISPLACED * sum(map(str.isascii, text))
        for before, sign in zip(" " + text, text, strict=False):
            if not sign.isascii():
                total += shares.get(sign if sign == "İ" else sign.lower(), _NO_LETTER)
            if sign.isupper() and before.islower() and not (before + sign).isascii():
                total += _MISPLACED
    return total


@cache
def _letter_shares(language: str) -> dict[str, float]:
    """Return the logarithms of a language's shares of letters beyond ASCII, each a tenth below the one before.

    >>> round(sum(map(math.exp, _letter_shares("Greek").values())), 6)
    1.0
    """
    letters = _LATIN_LETTERS.get(language) or "".join(FREQUENCIES[language]) + _RARE_LETTERS[language]
    weights = {
        letter: 0.9**rank for rank, letter in enumerate(dict.fromkeys(letters)) if not letter.isascii()
    }
    whole = sum(weights.values())
    return {letter: math.log(weight / whole) for letter, weight in weights.items()}
