"""Slices as text: written, read, and wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch import paths
from fromscratch.errors import RecipeError
from fromscratch.formats import slice as slices
from fromscratch.formats.slice import Slice
from tests.strategies import NAMES

NGINX = Slice(
    package="nginx",
    versions=">= 1.22.1-9, << 1.23~",
    distribution="debian 12 (bookworm)",
    architecture="amd64",
    files={
        "/usr/sbin/nginx": "started by run 1",
        "/usr/lib/x86_64-linux-gnu/libz.so.1*": "needed by /usr/sbin/nginx (DT_NEEDED libz.so.1)",
        "/etc/a: b #c": 'said "so"',
        "/usr/share/nginx/**": "",
    },
    needs=["libc6.yaml"],
    checks=[{"http": "http://localhost/", "expect": "Welcome"}],
)


def test_a_slice_is_one_line_a_path() -> None:
    assert slices.written(NGINX, "Written by a test.") == (
        """\
# Written by a test.
package: nginx
manager: dpkg
versions: ">= 1.22.1-9, << 1.23~"
distribution: debian 12 (bookworm)
architecture: amd64
files:
  /usr/sbin/nginx: started by run 1
  /usr/lib/x86_64-linux-gnu/libz.so.1*: needed by /usr/sbin/nginx (DT_NEEDED libz.so.1)
  "/etc/a: b #c": "said \\"so\\""
  /usr/share/nginx/**: ""
needs:
  - libc6.yaml
checks:
  - {"http": "http://localhost/", "expect": "Welcome"}
"""
    )


def test_what_is_written_is_read_again() -> None:
    assert slices.read(slices.written(NGINX, "x\ny"), "nginx.yaml") == NGINX


@given(st.dictionaries(NAMES.map(lambda name: slices.glob_of(f"/{name}")), st.text().map(paths.shown), min_size=1))
def test_any_path_and_reason_survive(files: dict[str, str]) -> None:
    one = Slice(package="a", files={**files})
    assert slices.read(slices.written(one), "a.yaml") == one


def test_a_path_as_long_as_linux_allows_is_an_entry() -> None:
    one = Slice(package="a", files={"/a" * 2000: "why"})
    assert slices.read(slices.written(one), "a.yaml") == one


@given(NAMES)
def test_a_path_as_an_entry_matches_itself(name: str) -> None:
    path = paths.TreePath(f"/{name}")
    assert paths.matcher([slices.glob_of(path)])(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.yaml: this is not a slice"),
        ("- a", "a.yaml: this is not a slice"),
        ("package: a", "a.yaml:1: the key 'files' is missing"),
        ("package: a\nfiles: {}", "files: name at least one"),
        ("package: a\nfiles: {usr/a: x}", "a.yaml:2: files: 'usr/a' is not a path from the root"),
        ("package: a\nfiles: {/a/../b: x}", "'/a/../b' is not a path from the root"),
        ("package: a\nfils: {/a: x}", "did you mean 'files'?"),
        ("package: a\nfiles: {/a: x}\nmanager: opkg", "a.yaml:3: manager: 'opkg' is not known here"),
        ("package: a\nfiles:\n  /a: x\n  /a: y", "a.yaml:4: files./a: this key stands twice"),
        ("package: a\nfiles: [\n", "a.yaml:3: this is not YAML"),
    ],
)
def test_a_wrong_slice_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        slices.read(text, "a.yaml")
    assert message in caught.value.message
    assert caught.value.hint
