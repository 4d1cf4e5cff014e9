"""A repository of packages as rpmbuild, rpmsign and createrepo_c make them, in every form that a payload has."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.engines import need

_SPEC = """\
%global debug_package %{{nil}}
%global __os_install_post %{{nil}}
%global _build_id_links none
%global use_source_date_epoch_as_buildtime 1
%global _binary_payload {payload}
Name: {name}
Version: {version}
Release: 1
Summary: {name}
License: MIT
AutoReqProv: no
{head}
%description
{name}
%install
mkdir -p %{{buildroot}}/usr/bin
{install}
{scripts}
%files
{files}
"""


class Spec(dict[str, Any]):
    """What one spec says, the rest as usual: a program of the package's name."""

    def text(self) -> str:
        name = self["name"]
        usual = {
            "version": "1.0",
            "head": "",
            "payload": "w6.xzdio",
            "install": f"echo {name} > %{{buildroot}}/usr/bin/{name}; chmod 755 %{{buildroot}}/usr/bin/{name}",
            "files": f"/usr/bin/{name}",
            "scripts": "",
            "arch": "x86_64",
        }
        return _SPEC.format(**{**usual, **self})


SPECS = [
    Spec(
        name="app",
        head="\n".join(
            (
                "Requires: libfoo.so.1()(64bit)",
                "Requires: /usr/bin/interp",
                "Requires: /usr/share/data/only-in-filelists",
                "Requires: (langpack if base)",
                "Requires: (alt-one or alt-two)",
                "Requires: (net with net(v2))",
                "Requires: versioned >= 1:2",
                "Recommends: recommended",
                "Suggests: suggested",
                "Requires(pre): shadowish",
            )
        ),
        install="""
cd %{buildroot}; install -m755 /bin/true usr/bin/app; cp -p usr/bin/app usr/bin/hl1; ln usr/bin/hl1 usr/bin/hl2
ln usr/bin/hl1 usr/bin/hl3; ln -s app usr/bin/link; ln -s /nowhere usr/bin/dangling
mkdir -p etc var/log/app usr/share/doc/app usr/share/licenses/app var/empty run/app
echo a=1 > etc/app.conf; echo > var/log/app/app.log; echo d > usr/share/doc/app/README
echo l > usr/share/licenses/app/COPYING; printf 'n' > "usr/share/doc/app/$(printf 'name-\\303\\244 with blank')" """,
        files="""
%caps(cap_net_bind_service=ep) /usr/bin/app
/usr/bin/hl1
/usr/bin/hl2
/usr/bin/hl3
/usr/bin/link
/usr/bin/dangling
%config(noreplace) %attr(640,root,mail) /etc/app.conf
%ghost /var/log/app/app.log
%attr(2755,root,mail) %dir /var/log/app
%attr(555,root,root) %dir /var/empty
%attr(755,svc,svc) %dir /run/app
%doc /usr/share/doc/app/README
"/usr/share/doc/app/name-ä with blank"
%license /usr/share/licenses/app/COPYING""",
        scripts="%pre\nexit 1\n%post -p <lua>\nerror('never')",
    ),
    Spec(name="libfoo", head="Provides: libfoo.so.1()(64bit)", payload="w3.zstdio"),
    Spec(name="interp", payload="w9.gzdio"),
    Spec(
        name="data",
        payload="w9.bzdio",
        install="mkdir -p %{buildroot}/usr/share/data; seq 30000 > %{buildroot}/usr/share/data/only-in-filelists",
        files="/usr/share/data",
    ),
    Spec(name="base", payload="w.ufdio"),
    Spec(name="langpack", payload="w2.lzdio"),
    *(Spec(name=name) for name in ("alt-one", "alt-two", "recommended", "suggested", "shadowish")),
    Spec(name="net", head="Provides: net(v2)\nBuildArch: noarch", arch="noarch"),
    Spec(name="plugin", head="Supplements: (base and app)"),
    Spec(name="versioned", version="1.0", head="Epoch: 1"),
    Spec(name="versioned", version="2.0", head="Epoch: 1"),
    Spec(name="versioned", version="2.0~rc1", head="Epoch: 1"),
    Spec(name="versioned", version="9.9"),
    Spec(
        name="svc",
        install="""
mkdir -p %{buildroot}/usr/lib/sysusers.d %{buildroot}/var/svc %{buildroot}/usr/bin
echo "u svc 970 'Service' /var/svc" > %{buildroot}/usr/lib/sysusers.d/svc.conf
install -m755 /bin/true %{buildroot}/usr/bin/svc""",
        files="/usr/lib/sysusers.d/svc.conf\n%attr(750,svc,svc) /var/svc\n%attr(4711,svc,svc) /usr/bin/svc",
    ),
    Spec(
        name="shell",
        install="cd %{buildroot}; mkdir bin; install -m755 BUSYBOX bin/busybox; ln -s busybox bin/sh",
        files="/bin/busybox\n/bin/sh",
    ),
]  # fmt: skip


@contextmanager
def signing_key(folder: Path) -> Iterator[dict[str, str]]:
    """A key of GnuPG in a home of its own; the environment to use it with. Its agent is ended."""
    home = folder / "gnupg"
    home.mkdir(mode=0o700)
    environment = {**os.environ, "GNUPGHOME": str(home)}
    generate = [
        "gpg",
        "--batch",
        "--passphrase",
        "",
        "--quick-gen-key",
        "Builder <b@example.invalid>",
        "rsa2048",
        "sign",
    ]
    try:
        subprocess.run(generate, env=environment, check=True, capture_output=True)
        exported = subprocess.run(["gpg", "--export", "--armor"], env=environment, check=True, capture_output=True)
        (folder / "KEYS").write_bytes(exported.stdout)
        yield environment
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, capture_output=True)


def repository(folder: Path) -> Path:
    """The folder of the repository; beside it, in KEYS, the key that has signed packages and index."""
    for program in ("rpmbuild", "rpmsign", "createrepo_c", "gpg", "busybox"):
        need(program)
    found = folder / "repository"
    found.mkdir()

    def build(number: int) -> None:
        spec, top = SPECS[number], folder / f"top-{number}"
        top.mkdir()
        text = spec.text().replace("BUSYBOX", str(shutil.which("busybox")))
        (top / "a.spec").write_text(text)
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000", "LC_ALL": "C.UTF-8"}
        options = ["--target", spec.get("arch", "x86_64"), "--define", f"_topdir {top}", "--define", "_buildhost h"]
        command = ["rpmbuild", "--quiet", "-bb", *options, str(top / "a.spec")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        for path in top.glob("RPMS/*/*.rpm"):
            path.rename(found / path.name)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(build, range(len(SPECS))))
    with signing_key(folder) as environment:
        gpg = shutil.which("gpg")
        packages = [str(path) for path in sorted(found.glob("*.rpm"))]
        sign = ["rpmsign", "--addsign", "--define", "_gpg_name Builder", "--define", f"__gpg {gpg}", *packages]
        subprocess.run(sign, env=environment, check=True, capture_output=True)
        subprocess.run(["createrepo_c", "-q", str(found)], check=True, capture_output=True)
        index = found / "repodata/repomd.xml"
        subprocess.run(
            ["gpg", "--detach-sign", "--armor", str(index)], env=environment, check=True, capture_output=True
        )
    return found
