"""Where phone numbers, identity numbers, IBANs and payment cards stand in a text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from seamark.capture._checksums import is_card, is_iban, is_nric

_Stretch = tuple[int, int]

_LEAST_DIGITS = 7
# What all of them but IBANs hold: seven digits with at most two characters between each and the next.
_CLOSE_DIGITS = re.compile(r"[0-9](?:[ .()\-]{0,2}[0-9]){6,}")
# Each begins with a set of characters, by which `re` finds its places several times faster than by a look behind.
_IBAN = re.compile(r"[A-Z][A-Z][0-9][0-9][ A-Z0-9]{11,44}")
_START = re.compile(r"[0-9+(STFGMstfgm](?<![0-9].)")
_REACH = 1  # characters before the digits that belong to them: a plus, or a letter of an identity number

_SEPARATED = r"(?:[ .\-]|\) ?|[ .\-]\()?"  # between two groups of a phone number
_NRIC = re.compile(r"(?<![A-Za-z0-9])[STFGMstfgm][0-9]{7}[A-Za-z](?![A-Za-z0-9])")
_SSN = re.compile(
    r"(?<![\w.\-])(?!000|666|9)[0-9]{3}([ \-])(?!00)[0-9]{2}\1(?!0000)[0-9]{4}(?![\w\-]|\.[0-9])"
)
_CARD = re.compile(
    r"(?<![\w.\-])(?:[2-6][0-9]{12,18}|[2-6][0-9]{3}([ \-])[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{1,3})?"
    r"|3[0-9]{3}([ \-])[0-9]{6}\2[0-9]{4,5})(?![\w\-]|\.[0-9])"
)
_INTERNATIONAL = re.compile(
    r"(?<![\w+])(?:\+|00(?=[1-9]))"
    rf"(?:65{_SEPARATED}[0-9]{{4}}[ \-]?[0-9]{{4}}(?![0-9])"
    rf"|1{_SEPARATED}[0-9]{{3}}{_SEPARATED}[0-9]{{3}}{_SEPARATED}[0-9]{{4}}(?![0-9])"
    rf"|[0-9](?:{_SEPARATED}[0-9]){{6,14}}(?![0-9]))"
)
_AMERICAN = re.compile(
    r"(?<![\w.,\-])(?:1[ .\-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}([ .\-]))"
    r"[2-9][0-9]{2}(?(1)\1|[ .\-])[0-9]{4}(?![\w]|[.,\-][0-9])"
)
_TRUNK = re.compile(r"(?<![\w.,\-])\(?0[0-9](?:" + _SEPARATED + r"[0-9]){7,10}(?![\w]|[.,\-][0-9])")
_SINGAPOREAN = re.compile(r"(?<![\w.,\-/])[3689][0-9]{3}([ \-]?)[0-9]{4}(?![\w/]|[.,\-][0-9])")
_INDIAN = re.compile(r"(?<![\w.,\-/])[6-9][0-9]{4} [0-9]{5}(?![\w/]|[.,\-][0-9])")
_TOLD = re.compile(r"(?<![\w.,])\(?[0-9](?:" + _SEPARATED + r"[0-9]){6,14}(?![\w]|[.,\-][0-9])")

_WORDS_OF_PHONES = re.compile(
    r"(?:\b(?:tel|telephone|phone|mobile|cell|cellphone|handphone|hp|whatsapp|call|dial|fax|sms|hotline)\b"
    r"[^\n0-9]{0,16}|☎ ?|📞 ?)\Z",
    re.IGNORECASE,
)
_MONEY = re.compile(
    r"(?:[$€£¥₹₩฿₱]|\b(?:SGD|USD|EUR|GBP|MYR|RM|INR|AUD|CAD|NZD|HKD|JPY|CNY|RMB|CHF|IDR|PHP|THB|VND|Rs\.?|Rp\.?))"
    r" ?(?:[0-9.,]+ ?(?:-|–|—|to) ?)?\Z",
    re.IGNORECASE,
)
_STANDARDS = re.compile(r"\b(?:ISO|IEC|EN|BS|DIN|SS|IEEE|ASTM|NIST|RFC|ANSI|JIS|UL)[ /:A-Z\-]{0,10}\Z")
_DATE = re.compile(
    r"\(?(?:[0-3]?[0-9][ .\-][01]?[0-9][ .\-](?:19|20)[0-9]{2}|(?:19|20)[0-9]{2}[ .\-]?[01][0-9][ .\-]?[0-3][0-9])"
)
_YEARS = re.compile(r"(?:19|20)[0-9]{2}[ \-](?:19|20)[0-9]{2}\Z")
_LOOKED_BACK = 32
_LONGEST_ROUND, _LONGEST_TOLD = 9, 7  # digits


def find_numbers(text: str) -> Iterator[_Stretch]:
    """Start and end of each number that names or reaches a person; some may overlap."""
    if _count_digits(text) < _LEAST_DIGITS:
        return
    yield from _find_ibans(text)
    for close in _CLOSE_DIGITS.finditer(text):
        yield from _find_among(text, max(0, close.start() - _REACH), close.end())


def find_nrics(text: str) -> Iterator[_Stretch]:
    """Start and end of each Singapore NRIC or FIN."""
    return (found.span() for found in _NRIC.finditer(text) if is_nric(found[0]))


def _find_ibans(text: str) -> Iterator[_Stretch]:
    start = 0
    while found := _IBAN.search(text, start):
        length = 0 if text[max(0, found.start() - 1) : found.start()].isalnum() else is_iban(found[0])
        if length:
            yield found.start(), found.start() + length
        start = found.start() + max(length, 1)


def _count_digits(text: str) -> int:
    """How many of 0-9; far quicker than any pattern, and enough to be done with most texts."""
    data = text.encode("utf-8", "surrogatepass")
    return len(data) - len(data.translate(None, b"0123456789"))


def _find_among(text: str, start: int, end: int) -> Iterator[_Stretch]:
    """Numbers of a stretch of digits, from left to right, the surest kind first."""
    while begun := _START.search(text, start, end):
        start = begun.end()
        for pattern, accepts in _KINDS_BY_START[begun[0]]:
            found = pattern.match(text, begun.start())
            if found and accepts(text, begun.start(), found[0]):
                yield found.span()
                start = found.end()
                break


def _is_told(text: str, start: int, number: str) -> bool:
    """Whether a word before it says that it is a phone number, and it is no date or amount."""
    said = _WORDS_OF_PHONES.search(text[max(0, start - _LOOKED_BACK) : start])
    return said is not None and not _is_other(text, start, number, told=True)


def _is_local(text: str, start: int, number: str) -> bool:
    """Whether a number of a national form is not one of the other things that have this form."""
    return _is_told(text, start, number) or not (_is_other(text, start, number) or _is_standard(text, start))


def _is_other(text: str, start: int, number: str, *, told: bool = False) -> bool:
    """Whether it is a date, years, money, a round figure, or a range of round figures."""
    dated = _DATE.match(number) or _YEARS.match(number)
    return bool(dated) or _is_money(text, start) or _is_round(number, told=told)


def _is_round(number: str, *, told: bool) -> bool:
    """Whether a figure or a range is round: very round behind a word that says that it is a phone number."""
    groups = re.findall("[0-9]+", number)
    values = [int(group) for group in groups]
    if len(groups) == 1:
        return not values[0] % 1000 and len(groups[0]) <= (_LONGEST_TOLD if told else _LONGEST_ROUND)
    if len(groups) != 2 or groups[0].startswith("0"):
        return False
    if "-" in number and values[0] < values[1]:
        return not any(value % (100 if told else 10) for value in values)
    return not told and not any(value % 100 for value in values)


def _is_money(text: str, start: int) -> bool:
    return _MONEY.search(text[max(0, start - _LOOKED_BACK) : start]) is not None


def _is_standard(text: str, start: int) -> bool:
    return _STANDARDS.search(text[max(0, start - _LOOKED_BACK) : start]) is not None


def _is_trunk(text: str, start: int, number: str) -> bool:
    """Whether a number with a leading zero is none of two postal codes, a date or a row of zeros."""
    groups = re.findall("[0-9]+", number)
    postal = len(groups) > 1 and all(len(group) == 5 for group in groups)
    return len(groups[0]) > 1 and not postal and bool(int("".join(groups))) and _is_local(text, start, number)


_Accepts = Callable[[str, int, str], bool]

# What a number of each kind begins with. In this order; the first that fits counts.
_KINDS: tuple[tuple[str, re.Pattern[str], _Accepts], ...] = (
    ("STFGMstfgm", _NRIC, lambda _text, _start, number: is_nric(number)),
    ("23456", _CARD, lambda _text, _start, number: is_card(number)),
    ("012345678", _SSN, lambda _text, _start, _number: True),
    ("+0", _INTERNATIONAL, lambda text, start, number: not _is_other(text, start, number)),
    ("(123456789", _AMERICAN, lambda text, start, _number: not _is_money(text, start)),
    ("(0", _TRUNK, _is_trunk),
    ("3689", _SINGAPOREAN, _is_local),
    ("6789", _INDIAN, _is_local),
    ("(0123456789", _TOLD, _is_told),
)
_KINDS_BY_START = {
    start: [(pattern, accepts) for starts, pattern, accepts in _KINDS if start in starts]
    for start in "0123456789+(STFGMstfgm"
}
