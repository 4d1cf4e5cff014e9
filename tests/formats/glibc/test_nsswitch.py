"""nsswitch.conf, read as glibc reads it and written as people do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.formats.glibc.nsswitch import DATABASES, services, text


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"passwd: files systemd\nhosts:\tfiles dns\n", {"passwd": ("files", "systemd"), "hosts": ("files", "dns")}),
        (b" group :files", {"group": ("files",)}),
        (b"group:files sss files", {"group": ("files", "sss")}),
        (b"hosts: files mdns4_minimal [NOTFOUND=return] dns", {"hosts": ("files", "mdns4_minimal", "dns")}),
        (b"hosts: resolve[!UNAVAIL=return success = merge] files", {"hosts": ("resolve", "files")}),
        (b"hosts: files [NOTFOUND=never] dns", {"hosts": ("files",)}),
        (b"# hosts: dns\nhosts: files # dns\n", {"hosts": ("files",)}),
        (b"passwd: files\npasswd: sss\n", {"passwd": ("sss",)}),
        (b"passwd: files\r\nsudoers: files\nautomount: sss\npasswd files", {"passwd": ("files",)}),
        (b"passwd:", {"passwd": ()}),
        (b"passwd: f\xff", {"passwd": ("f\udcff",)}),
        (b"", {}),
    ],
)
def test_services_are_read_in_their_order(raw: bytes, found: dict[str, tuple[str, ...]]) -> None:
    assert services(raw) == found


def test_what_is_written_is_a_line_a_database() -> None:
    assert (
        text({"passwd": ["files"], "hosts": ["files", "dns"]}) == b"passwd:         files\nhosts:          files dns\n"
    )


@given(
    st.dictionaries(st.sampled_from(DATABASES), st.lists(st.from_regex(r"[a-z0-9_]{1,9}", fullmatch=True), unique=True))
)
def test_what_is_written_is_read(configuration: dict[str, list[str]]) -> None:
    assert services(text(configuration)) == {key: tuple(names) for key, names in configuration.items()}


@given(st.binary() | st.text(alphabet="hosts: files[]!=NOTFUDreun#\n").map(str.encode))
def test_any_bytes_are_read(raw: bytes) -> None:
    assert set(services(raw)) <= set(DATABASES)
