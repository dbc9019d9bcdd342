"""Checksums of identity numbers, bank accounts and payment cards."""

from __future__ import annotations

_NRIC_WEIGHTS = (2, 7, 6, 5, 4, 3, 2)
_NRIC_LETTERS = {
    "S": (0, "JZIHGFEDCBA"),
    "T": (4, "JZIHGFEDCBA"),
    "F": (0, "XWUTRQPNMLK"),
    "G": (4, "XWUTRQPNMLK"),
    "M": (3, "XWUTRQPNJLK"),
}
# Characters of an IBAN by country (ISO 13616).
_IBAN_LENGTHS = {
    code: length
    for length, codes in {
        15: "NO",
        16: "BE",
        18: "DK FI FO GL NL SD FK",
        19: "MK SI",
        20: "AT BA EE KZ LT LU XK MN",
        21: "CH CR HR LI LV",
        22: "BG BH DE GB GE IE ME RS VA",
        23: "AE GI IL IQ TL OM SO",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for code in codes.split()
}


def is_nric(number: str) -> bool:
    """Whether the last letter of a Singapore NRIC or FIN, such as ``S1234567D``, is the right one."""
    offset, letters = _NRIC_LETTERS[number[0].upper()]
    weighed = sum(weight * int(digit) for weight, digit in zip(_NRIC_WEIGHTS, number[1:8], strict=True))
    # The letters of the M series stand in the opposite order.
    place = (weighed + offset) % 11
    return letters[10 - place if number[0] in "Mm" else place] == number[8].upper()


def is_card(number: str) -> bool:
    """Whether the digits of a payment card's number satisfy Luhn's formula (ISO/IEC 7812-1)."""
    digits = [int(one) for one in number if one.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 and len(set(digits)) > 1


def is_iban(text: str) -> int:
    """How many characters from the text's beginning are an IBAN whose remainder is right; 0: none."""
    wanted = _IBAN_LENGTHS.get(text[:2], 0)
    taken, number = 0, ""
    for one in text:
        if len(number) == wanted:
            break
        taken += 1
        number += one.strip()
    if not wanted or len(number) < wanted or text[taken : taken + 1].isalnum():
        return 0
    moved = number[4:] + number[:4]
    return taken if int("".join(str(int(one, 36)) for one in moved)) % 97 == 1 else 0
