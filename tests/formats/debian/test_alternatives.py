"""What a postinst registers with update-alternatives(1), read without running it."""

from hypothesis import given
from hypothesis import strategies as st

from fromscratch.formats.debian.alternatives import Alternative, Choice, alternatives

SCRIPT = r"""#!/bin/sh
set -e
if [ "$1" = "configure" ]; then
    update-alternatives --quiet --install /usr/bin/awk awk /usr/bin/mawk 5 \
        --slave /usr/share/man/man1/awk.1.gz awk.1.gz /usr/share/man/man1/mawk.1.gz \
        --slave /usr/bin/nawk nawk "/usr/bin/mawk"
fi
[ -x /x ] && /usr/bin/update-alternatives --install /usr/bin/editor editor /bin/ed -100 # the last resort
for name in a b; do update-alternatives --install /usr/bin/$name $name /usr/bin/x 1; done
update-alternatives --remove awk /usr/bin/gawk
update-alternatives --auto awk
update-alternatives --install relative name /usr/bin/x 1
update-alternatives --install /usr/bin/x ../x /usr/bin/x 1
update-alternatives --install /usr/../../x x /usr/bin/x 1
update-alternatives --install /usr/bin/x x /usr/bin/x high
update-alternatives --install /usr/bin/x x /usr/bin/'x 1
echo update-alternatives --install /usr/bin/x x /usr/bin/x 1
"""


def test_plain_commands_count() -> None:
    assert list(alternatives(SCRIPT)) == [
        Alternative(
            Choice("/usr/bin/awk", "awk", "/usr/bin/mawk"),
            5,
            (
                Choice("/usr/share/man/man1/awk.1.gz", "awk.1.gz", "/usr/share/man/man1/mawk.1.gz"),
                Choice("/usr/bin/nawk", "nawk", "/usr/bin/mawk"),
            ),
        ),
        Alternative(Choice("/usr/bin/editor", "editor", "/bin/ed"), -100),
    ]


@given(st.text())
def test_any_text(text: str) -> None:
    for one in alternatives(f"update-alternatives --install {text}"):
        assert one.master.link.startswith("/")
