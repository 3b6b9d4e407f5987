"""Who is behind an account: sealed, masked where it is shown, told apart without a name.

Only name and telephone are kept (GB/T 22239 8.1.4.11); to see them whole is recorded.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from data.state import Account, Entry, State
from security.keys import Keys
from security.sm import hmac_sm3
from translations import text

LONGEST = 60
_TELEPHONE = frozenset("0123456789+-() ")


@dataclass(frozen=True)
class Sealed:
    """A person as an account keeps it."""

    person: str = ""
    person_mac: str = ""
    phone: str = ""


def normal(words: str) -> str:
    """Return a name or number as it is kept and compared.

    Parameters
    ----------
    words
        As it was typed.

    Returns
    -------
    str
        Normal form NFKC, blanks inside made one.
    """
    return " ".join(unicodedata.normalize("NFKC", words[: 4 * LONGEST]).split())


def reasons_against(person: str, phone: str, language: str) -> list[str]:
    """Return why a person cannot be kept.

    Parameters
    ----------
    person, phone
        As they were typed.
    language
        The language of the reasons.

    Returns
    -------
    list of str
        Empty for a good name and number, and for none.
    """
    found = []
    if len(normal(person)) > LONGEST or not normal(person).isprintable():
        found.append(text("姓名最多 60 个字", language))
    number = normal(phone)
    if number and (len(number) > 24 or set(number) - _TELEPHONE):
        found.append(text("电话只能含数字、空格和 + - ( )", language))
    return found


def sealed(keys: Keys, folded: str, person: str, phone: str) -> Sealed:
    """Return a person as an account keeps it.

    Parameters
    ----------
    keys
        What seals it.
    folded
        The account's name as it is compared.
    person, phone
        As they were typed; empty where there is none.

    Returns
    -------
    Sealed
        Text for the columns.
    """

    def put(column: str, value: str) -> str:
        return keys.seal_field(value.encode(), "account", column, folded) if value else ""

    name, number = normal(person), normal(phone)
    return Sealed(put("person", name), same_person(keys, name), put("phone", number))


def same_person(keys: Keys, person: str) -> str:
    """Return what is the same for the same person and says nothing of who it is.

    Parameters
    ----------
    keys
        Of the first seed: after a rotation the same person must still be known.
    person
        A name.

    Returns
    -------
    str
        HMAC-SM3, hexadecimal; empty for nobody.
    """
    name = normal(person).casefold()
    if not name:
        return ""
    return hmac_sm3(keys.purposes("person")[-1].key, name.encode("utf-8", "replace")).hex()


def opened(keys: Keys, account: Account) -> tuple[str, str]:
    """Return name and telephone of an account, whole.

    Parameters
    ----------
    keys
        What sealed them.
    account
        Whose.

    Returns
    -------
    str, str
        Empty where there is none.
    """

    def get(column: str, value: str) -> str:
        return keys.open_field(value, "account", column, account.folded).decode() if value else ""

    return get("person", account.person), get("phone", account.phone)


def unmasked(state: State, keys: Keys, account: Account) -> tuple[str, str]:
    """Return name and telephone of an account, whole, once that is recorded.

    Parameters
    ----------
    state
        Where it is recorded.
    keys, account
        See ``opened``.

    Returns
    -------
    str, str
        Empty where there is none.
    """
    state.audit.record(Entry("account.unmask", account.name))
    return opened(keys, account)


def masked(person: str) -> str:
    """Return a name of which only the first sign is shown.

    Parameters
    ----------
    person
        The name.

    Returns
    -------
    str
        Such as ``张*``; empty for none.
    """
    return person[:1] + "*" * (len(person[1:]) and 1) if person else ""


def masked_phone(phone: str) -> str:
    """Return a telephone number of which the middle is hidden.

    Parameters
    ----------
    phone
        The number.

    Returns
    -------
    str
        Such as ``138****1234``; empty for none.
    """
    if len(phone) < 8:
        return "*" * len(phone)
    return f"{phone[:3]}****{phone[-4:]}"
