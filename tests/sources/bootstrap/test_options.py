"""What may stand under `bootstrap:`, and what is said of a fault."""

import msgspec
import pytest

from fromscratch.sources.bootstrap.options import BootstrapOptions

HERE = "https://x.example/os"


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"tool": "yum"}, "Invalid enum value 'yum'"),
        (
            {"tool": "mmdebstrap", "release": "trixie", "variant": "tiny"},
            "mmdebstrap has no variant 'tiny'; write one of",
        ),
        ({"tool": "dnf", "variant": "minbase", "packages": ["a"]}, "dnf has no variant 'minbase'; leave it out"),
        ({"tool": "debootstrap"}, "release: '' is not a suite; write one, such as trixie"),
        ({"tool": "mmdebstrap", "release": "--simulate"}, "release: '--simulate' is not a suite"),
        ({"tool": "mmdebstrap", "release": "trixie", "packages": ["a,b"]}, "packages: 'a,b' is not one name"),
        ({"tool": "dnf", "packages": ["--nogpgcheck"]}, "packages: '--nogpgcheck' is not one name"),
        ({"tool": "dnf", "repositories": HERE}, "packages: name at least one"),
        ({"tool": "dnf", "packages": ["a"]}, "repositories: write the address of one that you trust"),
        ({"tool": "dnf", "packages": ["a"], "repositories": "x.example/os"}, "'x.example/os' is not an address"),
        ({"tool": "dnf", "packages": ["a"], "repositories": {"a b": HERE}}, "'a b' is not a name"),
        ({"tool": "apk", "packages": ["a"], "repositories": HERE}, "keyring: name the files with the keys"),
        ({"tool": "pacstrap", "packages": ["a"], "repositories": HERE}, "pacstrap needs their names"),
        ({"tool": "debootstrap", "release": "sid", "repositories": [HERE, HERE]}, "debootstrap takes one"),
    ],
)
def test_a_fault_in_the_options_says_what_to_write(options: dict[str, object], fault: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=fault):
        msgspec.convert(options, BootstrapOptions)
