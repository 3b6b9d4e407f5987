"""SM2, SM3 and SM4: the only file that touches a cryptographic library (T/CASMES 615 9.1.2).

Each job has one library: SM3 the standard library's OpenSSL, SM4-GCM ``cryptography``, SM2
``gmssl-pyx``. ``gmssl`` never holds a secret: its random numbers can be foretold, its decryption
does not check. It is the second opinion on signatures and known answers. None of them is a
certified module; to take a certified one, this file is what changes.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

import gmssl_pyx
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from gmssl import sm2 as second_sm2
from gmssl import sm3 as second_sm3
from gmssl import sm4 as second_sm4

from security.problem import Problem

SM3 = "sm3"
SIGNER = b"1234567812345678"
KEY_BYTES, NONCE_BYTES, TAG_BYTES = 16, 12, 16
PRIVATE_BYTES, PUBLIC_BYTES = 32, 64
# The second implementation digests 0.2 MB/s: what is longer is signed by its digest.
LONGEST_SIGNED = 16 << 10
LONGEST_SM2 = 255
_P = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_00000000_FFFFFFFF_FFFFFFFF
_N = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_7203DF6B_21C6052B_53BBF409_39D54123
_B = 0x28E9FA9E_9D9F5E34_4D5A9E4B_CF6509A7_F39789F5_15AB8F92_DDBCBD41_4D940E93
_NATIVE = re.compile(rb"/\S+\.c:\d+:\w+\(\):\s*\n")
_STDERR = threading.Lock()
# A child forked while the standard error is held aside would never have it back.
os.register_at_fork(
    before=_STDERR.acquire, after_in_parent=_STDERR.release, after_in_child=_STDERR.release
)


class Refused(Problem):
    """A key, ciphertext or signature is not what it must be."""


class Unavailable(Problem):
    """A library could not do its work, as without random numbers; nothing weaker is made."""

    def __init__(self) -> None:
        super().__init__(
            "密码库未能完成运算，可能取不到系统随机数。",
            "请检查打开文件数限制和 /dev/urandom 后重试。",
        )


class Broken(Problem):
    """A library does not give the published answers; ``names`` say which."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(
            "密码算法自检未通过：{names}。",
            "请重新安装 requirements.txt 中的版本后再启动。",
            names=", ".join(names),
        )
        self.names = names


@dataclass(frozen=True)
class Verdict:
    """What two implementations say of a signature; ``agreed`` is false where they differ."""

    valid: bool
    agreed: bool


@dataclass(frozen=True)
class KeyPair:
    """An SM2 key pair; the private half is never shown."""

    public: bytes
    private: bytes = field(repr=False)


# SM3 and what is made of it


def sm3(body: bytes) -> bytes:
    """Return the SM3 digest (GB/T 32905).

    Parameters
    ----------
    body
        What to digest.

    Returns
    -------
    bytes
        32 bytes.
    """
    return hashlib.new(SM3, body).digest()


def sm3_hex(body: bytes) -> str:
    """Return the SM3 digest, hexadecimal (GB/T 32905).

    Parameters
    ----------
    body
        What to digest.

    Returns
    -------
    str
        64 digits.
    """
    return hashlib.new(SM3, body).hexdigest()


def sm3_stream(reader: BinaryIO) -> bytes:
    """Return the SM3 digest of all that is left to read (GB/T 32905).

    Parameters
    ----------
    reader
        Open for reading bytes.

    Returns
    -------
    bytes
        32 bytes.
    """
    digest = hashlib.new(SM3)
    while part := reader.read(1 << 20):
        digest.update(part)
    return digest.digest()


def hmac_sm3(key: bytes, body: bytes) -> bytes:
    """Return the message authentication code HMAC-SM3 (GM/T 0042).

    Parameters
    ----------
    key
        The secret, of any length.
    body
        What to authenticate.

    Returns
    -------
    bytes
        32 bytes.
    """
    return hmac.digest(key, body, SM3)


def pbkdf2_sm3(password: bytes, salt: bytes, rounds: int) -> bytes:
    """Return a key made from a password with PBKDF2-HMAC-SM3 (GM/T 0091).

    Parameters
    ----------
    password, salt
        The password and its own random bytes.
    rounds
        How often it is hashed over.

    Returns
    -------
    bytes
        32 bytes.
    """
    return hashlib.pbkdf2_hmac(SM3, password, salt, rounds)


def hkdf_sm3(key: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """Return a key made from a key, by HKDF with HMAC-SM3 (RFC 5869).

    Parameters
    ----------
    key
        A secret of full strength, not a password.
    salt
        Random bytes, or none.
    info
        What the new key is for.
    length
        Bytes wanted, at most 255 × 32.

    Returns
    -------
    bytes
        ``length`` bytes.

    Raises
    ------
    ValueError
        The length is not between 1 and 8160.
    """
    if not 1 <= length <= 255 * 32:
        raise ValueError(length)
    pseudo = hmac_sm3(salt or bytes(32), key)
    made = block = b""
    for count in range(1, -(-length // 32) + 1):
        block = hmac_sm3(pseudo, block + info + bytes([count]))
        made += block
    return made[:length]


# SM4-GCM


def sm4_gcm_seal(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Return a plaintext sealed with SM4-GCM (GB/T 32907, RFC 8998).

    Parameters
    ----------
    key
        16 bytes.
    nonce
        12 bytes, never used twice with the key.
    plaintext
        What to seal; may be empty.
    aad
        What is bound to it and travels openly.

    Returns
    -------
    bytes
        As many bytes as the plaintext, and the tag of 16.

    Raises
    ------
    ValueError
        Key or nonce have another length.
    """
    _lengths(key, nonce)
    cipher = Cipher(SM4(key), modes.GCM(nonce)).encryptor()
    cipher.authenticate_additional_data(aad)
    return cipher.update(plaintext) + cipher.finalize() + cipher.tag


def sm4_gcm_open(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
    """Return what was sealed; not a byte of it unless all of it is whole.

    Parameters
    ----------
    key, nonce, aad
        As it was sealed with.
    sealed
        What ``sm4_gcm_seal`` returned.

    Returns
    -------
    bytes
        The plaintext.

    Raises
    ------
    Refused
        Key, nonce, bytes or what is bound to them are not those of the sealing.
    ValueError
        Key or nonce have another length.
    """
    _lengths(key, nonce)
    if len(sealed) < TAG_BYTES:
        raise Refused("密文不完整。")
    cipher = Cipher(SM4(key), modes.GCM(nonce, sealed[-TAG_BYTES:])).decryptor()
    cipher.authenticate_additional_data(aad)
    opened = cipher.update(sealed[:-TAG_BYTES])
    try:
        return opened + cipher.finalize()
    except InvalidTag:
        raise Refused("密文已被改动，或密钥不对。") from None


def _lengths(key: bytes, nonce: bytes) -> None:
    if len(key) != KEY_BYTES or len(nonce) != NONCE_BYTES:
        raise ValueError("SM4-GCM: key or nonce length")


# SM2: keys


def sm2_new() -> KeyPair:
    """Return a new SM2 key pair, its randomness the operating system's (GB/T 32918).

    Returns
    -------
    KeyPair
        Private 32 bytes, public X‖Y 64 bytes.

    Raises
    ------
    Unavailable
        There are no random numbers.
    """
    with _working():
        public, private = gmssl_pyx.sm2_key_generate()
    return sm2_pair(private, public)


def sm2_pair(private: bytes, public: bytes) -> KeyPair:
    """Return a key pair from its two halves.

    Parameters
    ----------
    private
        32 bytes.
    public
        X‖Y, 64 bytes.

    Returns
    -------
    KeyPair
        Proved by a signature that the halves belong together.

    Raises
    ------
    Refused
        A half is malformed, or they do not belong together.
    """
    _scalar(private)
    pair = KeyPair(sm2_public(public), private)
    sm2_sign(pair, secrets.token_bytes(16))
    return pair


def sm2_public(public: bytes) -> bytes:
    """Return a public key that is a point of the curve (GB/T 32918.5).

    Parameters
    ----------
    public
        X‖Y, 64 bytes, without any prefix.

    Returns
    -------
    bytes
        The same.

    Raises
    ------
    Refused
        The length is another, or there is no such point.
    """
    if len(public) != PUBLIC_BYTES or not _on_curve(_number(public[:32]), _number(public[32:])):
        raise Refused("SM2 公钥无效。")
    return public


def sm2_id(public: bytes) -> str:
    """Return the identifier of a key: the beginning of the digest of its public half.

    Parameters
    ----------
    public
        X‖Y, 64 bytes.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    return sm3(public)[:8].hex()


def _scalar(private: bytes) -> None:
    """Refuse what is no private key: 1 to n-2 (GB/T 32918.1)."""
    if len(private) != PRIVATE_BYTES or not 1 <= _number(private) <= _N - 2:
        raise Refused("SM2 私钥无效。")


def _number(digits: bytes) -> int:
    return int.from_bytes(digits, "big")


def _on_curve(x: int, y: int) -> bool:
    return x < _P and y < _P and (y * y - (x * x * x - 3 * x + _B)) % _P == 0


# SM2: signatures


def sm2_sign(pair: KeyPair, message: bytes) -> bytes:
    """Return an SM2 signature with the default identity (GB/T 32918.2, GB/T 35276).

    Parameters
    ----------
    pair
        Whose signature.
    message
        At most 16 KiB; of what is longer the digest is signed.

    Returns
    -------
    bytes
        DER, ``SEQUENCE {r, s}``.

    Raises
    ------
    Refused
        The pair's halves do not belong together.
    Unavailable
        There are no random numbers.
    ValueError
        The message is longer.
    """
    if len(message) > LONGEST_SIGNED:
        raise ValueError(len(message))
    _scalar(pair.private)
    public = sm2_public(pair.public)
    with _working():
        signature: bytes = gmssl_pyx.sm2_sign(pair.private, public, message, SIGNER)
    if not _first_says(public, message, signature):
        raise Refused("SM2 私钥与公钥不是一对。")
    return signature


def sm2_verify(public: bytes, message: bytes, signature: bytes) -> Verdict:
    """Tell whether a signature is good, by two implementations (GB/T 32918.2).

    What is malformed reaches neither. A difference between them makes it invalid.

    Parameters
    ----------
    public
        X‖Y, 64 bytes.
    message
        What was signed.
    signature
        DER, ``SEQUENCE {r, s}``.

    Returns
    -------
    Verdict
        Valid only where both say so; a difference is to be raised as an alarm.
    """
    try:
        r, s = _signature_numbers(signature)
        sm2_public(public)
    except Refused:
        return Verdict(valid=False, agreed=True)
    if len(message) > LONGEST_SIGNED:
        return Verdict(valid=False, agreed=True)
    second = _second_says(public, message, r, s)
    if second:
        first = _first_says(public, message, signature)
    else:  # the library writes a line for each bad signature: whoever sends them fills the log
        with _quiet():
            first = _first_says(public, message, signature)
    return Verdict(valid=first and second, agreed=first == second)


def _first_says(public: bytes, message: bytes, signature: bytes) -> bool:
    """Return the opinion of gmssl-pyx."""
    try:
        return bool(gmssl_pyx.sm2_verify(public, message, signature, SIGNER))
    except gmssl_pyx.GmsslInnerError:
        return False


def _second_says(public: bytes, message: bytes, r: int, s: int) -> bool:
    """Return the opinion of gmssl, which takes r‖s and stumbles where a point is at infinity."""
    judge = second_sm2.CryptSM2(private_key="", public_key="")
    judge.public_key = public.hex()  # its constructor strips every leading 0 and 4
    try:
        return bool(judge.verify_with_sm3(f"{r:064x}{s:064x}", message))
    except (TypeError, ValueError):
        return False


def _signature_numbers(signature: bytes) -> tuple[int, int]:
    """Return r and s of a signature in the one form that DER allows."""
    body = _whole(signature, 0x30)
    r, rest = _integer(body)
    s, rest = _integer(rest)
    if rest or not (1 <= r < _N and 1 <= s < _N) or (r + s) % _N == 0:
        raise Refused("SM2 签名格式无效。")
    return r, s


# SM2: encryption


def sm2_encrypt(public: bytes, plaintext: bytes) -> bytes:
    """Return a short plaintext sealed for a public key (GB/T 32918.4, GB/T 35276).

    Parameters
    ----------
    public
        X‖Y, 64 bytes.
    plaintext
        1 to 255 bytes.

    Returns
    -------
    bytes
        DER, ``SEQUENCE {x, y, hash, cipher}``.

    Raises
    ------
    Refused
        The public key is no point of the curve.
    Unavailable
        There are no random numbers.
    ValueError
        The plaintext is empty or longer.
    """
    if not 1 <= len(plaintext) <= LONGEST_SM2:
        raise ValueError(len(plaintext))
    point = sm2_public(public)
    with _working():
        sealed: bytes = gmssl_pyx.sm2_encrypt(point, plaintext)
    return sealed


def sm2_decrypt(private: bytes, sealed: bytes) -> bytes:
    """Return what was sealed for a key pair (GB/T 32918.4).

    Parameters
    ----------
    private
        32 bytes.
    sealed
        DER, ``SEQUENCE {x, y, hash, cipher}``.

    Returns
    -------
    bytes
        The plaintext.

    Raises
    ------
    Refused
        It is malformed, changed, or sealed for another key.
    """
    _scalar(private)
    _check_sealed(sealed)
    try:
        with _quiet():
            opened: bytes = gmssl_pyx.sm2_decrypt(private, sealed)
    except gmssl_pyx.GmsslInnerError:
        raise Refused("密文已被改动，或密钥不对。") from None
    return opened


def _check_sealed(sealed: bytes) -> None:
    """Refuse a ciphertext in any form but DER's, or whose point is not on the curve."""
    x, rest = _integer(_whole(sealed, 0x30))
    y, rest = _integer(rest)
    digest, rest = _value(rest, 0x04)
    cipher, rest = _value(rest, 0x04)
    if rest or len(digest) != 32 or not 1 <= len(cipher) <= LONGEST_SM2 or not _on_curve(x, y):
        raise Refused("SM2 密文格式无效。")


# DER, strictly


def _whole(body: bytes, tag: int) -> bytes:
    """Return the content of the one value that the bytes are."""
    value, rest = _value(body, tag)
    if rest:
        raise Refused("DER 编码无效。")
    return value


def _integer(body: bytes) -> tuple[int, bytes]:
    """Return a positive integer in its shortest form, and what follows it."""
    value, rest = _value(body, 0x02)
    shortest = value[:1] != b"\0" or (len(value) > 1 and value[1] > 0x7F)
    if not 1 <= len(value) <= 33 or value[0] > 0x7F or not shortest:
        raise Refused("DER 编码无效。")
    return _number(value), rest


def _value(body: bytes, tag: int) -> tuple[bytes, bytes]:
    """Return the content of the first value, which has this tag, and what follows it."""
    if len(body) < 2 or body[0] != tag:
        raise Refused("DER 编码无效。")
    length, begin = body[1], 2
    if length > 0x7F:
        begin += length & 0x7F
        length = _number(body[2:begin])
        shortest = {3: 0x80, 4: 0x100}.get(begin)
        if shortest is None or length < shortest:
            raise Refused("DER 编码无效。")
    end = begin + length
    if end > len(body):
        raise Refused("DER 编码无效。")
    return body[begin:end], body[end:]


@contextmanager
def _working() -> Iterator[None]:
    """Have the library do what only fails where the machine does; what it says is worth reading."""
    try:
        yield
    except gmssl_pyx.GmsslInnerError:
        raise Unavailable from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library's own lines off the standard error; what others write meanwhile stays.

    Only around what a stranger can make fail: a process started meanwhile would inherit the
    stand-in.
    """
    with _STDERR:
        held = _aside()
        try:
            yield
        finally:
            if held is not None:
                _put_back(*held)


def _aside() -> tuple[int, int] | None:
    """Return the real standard error and what stands in for it; None where it will be loud."""
    try:
        held = os.memfd_create("stderr")
    except (AttributeError, OSError):  # no Linux, or no file can be opened any more
        return None
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        os.close(held)
        return None
    os.dup2(held, 2)
    return kept, held


def _put_back(kept: int, held: int) -> None:
    os.dup2(kept, 2)
    os.lseek(held, 0, os.SEEK_SET)
    with os.fdopen(held, "rb") as said, os.fdopen(kept, "wb", buffering=0) as out:
        others = _NATIVE.sub(b"", said.read())
        if others:
            out.write(others)


# Known answers

_ABC = [
    (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
    (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
]
_SM4 = bytes.fromhex("0123456789abcdeffedcba9876543210")
_SM4_SEALED = bytes.fromhex("681edf34d206965e86b3e94f536e4246")
_GCM_NONCE = bytes.fromhex("00001234567800000000abcd")
_GCM_AAD = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
_GCM_PLAIN = b"".join(bytes([sign]) * 8 for sign in b"\xaa\xbb\xcc\xdd\xee\xff\xee\xaa")
_GCM_SEALED = bytes.fromhex(
    "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
    "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
    "83de3541e4c2b58177e065a9bf7b62ec"
)
_PRIVATE = bytes.fromhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8")
_PUBLIC = bytes.fromhex(
    "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
_MESSAGE = b"message digest"
_R = 0xF5A03B06_48D2C463_0EEAC513_E1BB81A1_5944DA38_27D5B741_43AC7EAC_EEE720B3
_S = 0xB1B6AA29_DF212FD8_763182BC_0D421CA1_BB9038FD_1F7F42D4_840B69C4_85BBC1AA
_SIGNATURE = bytes.fromhex(f"3046022100{_R:064x}022100{_S:064x}")
# x begins with 04, which is no prefix here.
_SM2_SEALED = bytes.fromhex(
    "307c"
    "022004ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73"
    "022100e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0"
    "042059983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766"
    "041321886ca989ca9c7d58087307ca93092d651efa"
)
_SM2_PLAIN = b"encryption standard"


def known_answers() -> list[tuple[str, bool]]:
    """Return whether each library gives the published answers.

    GB/T 32905 A.1 and A.2, GB/T 32907 A.1, RFC 8998 A.1, the samples of GB/T 32918.5.

    Returns
    -------
    list of (str, bool)
        What was asked of which library, and whether the answer was right.
    """
    return [(name, _answers(asked)) for name, asked in _QUESTIONS.items()]


def refuse_broken() -> None:
    """Let nothing start on a library that does not give the published answers.

    Raises
    ------
    Broken
        Names the answers that were wrong.
    """
    wrong = tuple(name for name, right in known_answers() if not right)
    if wrong:
        raise Broken(wrong)


def _answers(asked: Callable[[], bool]) -> bool:
    try:
        return asked()
    except Exception:  # whatever a broken library raises
        return False


def _sm4_block(key: bytes, block: bytes) -> bytes:
    """Return one block by the first library: CBC of a block from zero is the block cipher."""
    cipher = Cipher(SM4(key), modes.CBC(bytes(16))).encryptor()
    return cipher.update(block) + cipher.finalize()


def _second_sm4_block(key: bytes, block: bytes) -> bytes:
    second = second_sm4.CryptSM4()
    second.set_key(key, second_sm4.SM4_ENCRYPT)
    return bytes(second.one_round(second.sk, list(block)))


def _gcm_opens_only_whole() -> bool:
    changed = _GCM_SEALED[:-1] + bytes([_GCM_SEALED[-1] ^ 1])
    try:
        sm4_gcm_open(_SM4, _GCM_NONCE, changed, _GCM_AAD)
    except Refused:
        return sm4_gcm_open(_SM4, _GCM_NONCE, _GCM_SEALED, _GCM_AAD) == _GCM_PLAIN
    return False


def _second_gcm() -> bool:
    sealed, tag = gmssl_pyx.sm4_gcm_encrypt(_SM4, _GCM_NONCE, _GCM_AAD, _GCM_PLAIN)
    return bool(sealed + tag == _GCM_SEALED)


def _own_signature() -> bool:
    """Sign, have it verified, change a bit of the message, have it refused by both."""
    pair = sm2_new()
    signature = sm2_sign(pair, _MESSAGE)
    changed = bytes([_MESSAGE[0] ^ 1]) + _MESSAGE[1:]
    good, bad = (sm2_verify(pair.public, m, signature) for m in (_MESSAGE, changed))
    return good == Verdict(valid=True, agreed=True) and bad == Verdict(valid=False, agreed=True)


_QUESTIONS: dict[str, Callable[[], bool]] = {
    "SM3 GB/T 32905 A.1, A.2 (hashlib)": lambda: all(sm3_hex(b) == d for b, d in _ABC),
    "SM3 GB/T 32905 A.1, A.2 (gmssl)": lambda: all(
        second_sm3.sm3_hash(list(b)) == d for b, d in _ABC
    ),
    "SM4 GB/T 32907 A.1 (cryptography)": lambda: _sm4_block(_SM4, _SM4) == _SM4_SEALED,
    "SM4 GB/T 32907 A.1 (gmssl)": lambda: _second_sm4_block(_SM4, _SM4) == _SM4_SEALED,
    "SM4-GCM RFC 8998 A.1 (cryptography)": lambda: (
        sm4_gcm_seal(_SM4, _GCM_NONCE, _GCM_PLAIN, _GCM_AAD) == _GCM_SEALED
        and _gcm_opens_only_whole()
    ),
    "SM4-GCM RFC 8998 A.1 (gmssl-pyx)": _second_gcm,
    "SM2 GB/T 32918.5 signature (gmssl-pyx)": lambda: _first_says(_PUBLIC, _MESSAGE, _SIGNATURE),
    "SM2 GB/T 32918.5 signature (gmssl)": lambda: _second_says(_PUBLIC, _MESSAGE, _R, _S),
    "SM2 GB/T 32918.5 decryption (gmssl-pyx)": lambda: (
        sm2_decrypt(_PRIVATE, _SM2_SEALED) == _SM2_PLAIN
    ),
    "SM2 sign, verify, refuse (both)": _own_signature,
}
