"""File capabilities in text, and as the kernel keeps them."""

import pytest

from fromscratch.errors import FormatError
from fromscratch.formats.capabilities import attribute


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("cap_net_bind_service=ep", "0100000200040000000000000000000000000000"),
        ("CAP_NET_RAW+ep", "0100000200200000000000000000000000000000"),
        ("= cap_chown,cap_bpf+ep", "0100000201000000000000008000000000000000"),
        ("cap_net_raw=p", "0000000200200000000000000000000000000000"),
        ("cap_net_raw+i cap_kill=eip cap_kill-i cap_net_raw+e", "0100000220000000002000000000000000000000"),
        ("=", "0000000200000000000000000000000000000000"),
    ],
)
def test_the_attribute(text: str, value: str) -> None:
    assert attribute(text).hex() == value


@pytest.mark.parametrize("text", ["", "cap_x=ep", "cap_chown", "cap_chown=eq", "cap_kill=e cap_chown=p", "=p " * 9999])
def test_what_is_no_text_of_capabilities(text: str) -> None:
    with pytest.raises(FormatError):
        attribute(text)
