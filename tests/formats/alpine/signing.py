"""RSA keys of one's own for tests: made from a seed, so that packages and indexes are the same each time."""

import base64
import hashlib
import random
from dataclasses import dataclass
from functools import cache

_INFO = {
    "sha1": bytes.fromhex("3021300906052b0e03021a05000414"),
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
_EXPONENT = 65537


@dataclass(frozen=True)
class SigningKey:
    """`name` is that of the file with its public half, such as test.rsa.pub."""

    name: str
    modulus: int
    private: int
    size: int

    def sign(self, data: bytes, algorithm: str = "sha1") -> bytes:
        info = _INFO[algorithm] + hashlib.new(algorithm, data).digest()
        return self.raw(b"\0\1" + b"\xff" * (self.size - len(info) - 3) + b"\0" + info)

    def raw(self, encoded: bytes) -> bytes:
        """The private operation, of any encoded message."""
        return pow(int.from_bytes(encoded, "big"), self.private, self.modulus).to_bytes(self.size, "big")

    @property
    def pem(self) -> bytes:
        pair = _der(0x30, _number(self.modulus) + _number(_EXPONENT))
        algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
        whole = _der(0x30, algorithm + _der(3, b"\0" + pair))
        return b"-----BEGIN PUBLIC KEY-----\n%b-----END PUBLIC KEY-----\n" % base64.encodebytes(whole)


@cache
def signing_key(name: str = "test.rsa.pub", bits: int = 1024) -> SigningKey:
    """The key of this name: the same one each time."""
    numbers = random.Random(name)
    while True:
        one, other = _prime(numbers, bits // 2), _prime(numbers, bits // 2)
        around = (one - 1) * (other - 1)
        if one != other and around % _EXPONENT and (one * other).bit_length() == bits:
            return SigningKey(name, one * other, pow(_EXPONENT, -1, around), bits // 8)


def _prime(numbers: random.Random, bits: int) -> int:
    while True:
        candidate = numbers.getrandbits(bits) | (3 << bits - 2) | 1
        if all(candidate % small for small in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)) and all(
            _may_be_prime(candidate, witness) for witness in (2, 3, 5, 7, 11)
        ):
            return candidate


def _may_be_prime(candidate: int, witness: int) -> bool:
    rest = candidate - 1
    twos = (rest & -rest).bit_length() - 1
    power = pow(witness, rest >> twos, candidate)
    return power in (1, rest) or any((power := power * power % candidate) == rest for _ in range(twos - 1))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = (
        bytes([size])
        if size < 0x80
        else (lambda digits: bytes([0x80 | len(digits)]) + digits)(size.to_bytes((size.bit_length() + 7) // 8, "big"))
    )
    return bytes([tag]) + length + content


def _number(value: int) -> bytes:
    return _der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))
