"""The files of /etc/portage that are made of a recipe's options, in full."""

from typing import Any

import msgspec

from fromscratch.sources.portage.configuration import Layout, PlacedRepository, machine_files, target_files
from fromscratch.sources.portage.options import PortageOptions

LAYOUT = Layout(
    repositories=[
        PlacedRepository(name="gentoo", location="/var/db/repos/gentoo"),
        PlacedRepository(name="ours", location="/var/db/repos/ours", priority=50),
    ],
    distfiles="/var/cache/distfiles",
    binary_packages="/var/cache/binpkgs",
    work="/var/tmp",
    logs="/var/log/portage",
    features=["-sandbox", "buildpkg"],
)
PLACES = """\
DISTDIR="/var/cache/distfiles"
PKGDIR="/var/cache/binpkgs"
PORTAGE_TMPDIR="/var/tmp"
PORTAGE_LOGDIR="/var/log/portage"
FEATURES="-sandbox buildpkg"
"""
REPOS_CONF = """\
[DEFAULT]
main-repo = gentoo

[gentoo]
location = /var/db/repos/gentoo
auto-sync = no

[ours]
location = /var/db/repos/ours
priority = 50
auto-sync = no
"""


def made(jobs: int = 2, provided: tuple[str, ...] = (), **said: Any) -> dict[str, str]:
    options = msgspec.convert({"packages": ["app-misc/jq"], **said}, PortageOptions)
    return target_files(options, LAYOUT, jobs=jobs, provided=provided)


def test_the_least() -> None:
    assert made() == {
        "make.conf": PLACES + 'MAKEOPTS="-j2"\nEMERGE_DEFAULT_OPTS="--jobs=2"\n',
        "repos.conf": REPOS_CONF,
    }


def test_everything() -> None:
    files = made(
        provided=("sys-libs/glibc-2.36",),
        use=["ssl", "-X"],
        package_use={"app-misc/jq": ["-oniguruma"], "*/*": "-nls"},
        accept_keywords="~amd64",
        package_accept_keywords={"app-misc/jq": "**", "sys-apps/less": []},
        package_mask=[">=sys-apps/less-662"],
        package_unmask=["sys-apps/attr"],
        accept_license=["*", "-EULA"],
        package_license={"dev-lang/tool": ["Vendor-1.0"]},
        package_env={"app-misc/jq": {"CFLAGS": "${CFLAGS} -g"}, "sys-apps/attr": {"LDFLAGS": "-s"}},
        make_conf={"CFLAGS": '-O2 -DNAME="x\\y"'},
        mirrors=["https://mirror.example.org", "/srv/distfiles"],
        threads=12,
        jobs=3,
    )
    assert files == {
        "make.conf": PLACES
        + """\
USE="ssl -X"
ACCEPT_KEYWORDS="~amd64"
ACCEPT_LICENSE="* -EULA"
MAKEOPTS="-j12"
EMERGE_DEFAULT_OPTS="--jobs=3"
GENTOO_MIRRORS="https://mirror.example.org /srv/distfiles"
CFLAGS="-O2 -DNAME=\\"x\\\\y\\""
""",
        "repos.conf": REPOS_CONF,
        "package.use": "app-misc/jq -oniguruma\n*/* -nls\n",
        "package.accept_keywords": "app-misc/jq **\nsys-apps/less\n",
        "package.license": "dev-lang/tool Vendor-1.0\n",
        "package.mask": ">=sys-apps/less-662\n",
        "package.unmask": "sys-apps/attr\n",
        "package.env": "app-misc/jq 0.conf\nsys-apps/attr 1.conf\n",
        "profile/package.provided": "sys-libs/glibc-2.36\n",
        "env/0.conf": 'CFLAGS="${CFLAGS} -g"\n',
        "env/1.conf": 'LDFLAGS="-s"\n',
    }


def test_what_a_recipe_provides_is_added() -> None:
    options = PortageOptions(packages="app-misc/jq", provided=["sys-apps/file-5.45"])
    files = target_files(options, LAYOUT, jobs=1, provided=["sys-libs/glibc-2.36", "sys-apps/file-5.45"])
    assert files["profile/package.provided"] == "sys-apps/file-5.45\nsys-libs/glibc-2.36\n"


def test_this_machine_provides_the_tools_that_builds_run() -> None:
    assert machine_files(LAYOUT, ["sys-devel/gcc-12.2.0", "dev-build/make-4.3"]) == {
        "make.conf": PLACES + 'ACCEPT_KEYWORDS="**"\nACCEPT_LICENSE="*"\n',
        "repos.conf": REPOS_CONF,
        "profile/package.provided": "dev-build/make-4.3\nsys-devel/gcc-12.2.0\n",
    }
