"""Small repositories made by the distributions' own programs; the script of a package in each leaves a mark."""

import io
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

_ENV = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "HOME": "/nonexistent",
}


def need(*programs: str) -> None:
    """Skip the test unless these programs are installed."""
    for program in programs:
        if shutil.which(program, path=_ENV["PATH"]) is None:
            pytest.skip(f"{program} is not installed")


def ran(*words: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> bytes:
    done = subprocess.run(words, cwd=cwd, env={**_ENV, **(env or {})}, capture_output=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done.stdout


FUTURE = 4_000_000_000
"""The time of /usr/bin/app in its RPM package, in seconds since 1970: its maker's clock was wrong."""
_SPEC = """\
Name: {name}
Version: 1.0
Release: 1
Summary: A package for a test
License: MIT
BuildArch: noarch
{requires}
AutoReqProv: no
%description
A package for a test.
%install
mkdir -p %{{buildroot}}/usr/share/{name} %{{buildroot}}/usr/bin
echo {name} > %{{buildroot}}/usr/share/{name}/data
{install}
{script}
%files
/usr/share/{name}
{files}
"""


def rpms(folder: Path) -> str:
    """The address of a repository: `app` needs `lib`, and has a script in lua, as nothing has a shell."""
    need("rpmbuild", "createrepo_c")
    lua = "%post -p <lua>\nlocal f = io.open('/etc/made-by-script', 'w'); f:write('made\\n'); f:close()\n"
    for name, requires, files, script in (
        ("lib", "", "%dir %attr(0750, root, root) /usr/share/lib\n%config /etc/lib.conf", ""),
        ("app", "Requires: lib", "%attr(2755, root, root) /usr/bin/app", lua),
        ("extra", "", "", ""),
    ):
        install = {
            "lib": "mkdir -p %{buildroot}/etc; echo conf > %{buildroot}/etc/lib.conf",
            "app": f"echo app > %{{buildroot}}/usr/bin/app; touch -d @{FUTURE} %{{buildroot}}/usr/bin/app",
        }.get(name, "")
        spec = folder / f"{name}.spec"
        folder.mkdir(exist_ok=True)
        spec.write_text(
            _SPEC.format(
                name=name,
                requires=requires + ("\nRecommends: extra" if name == "app" else ""),
                files=files,
                script=script,
                install=install,
            )
        )
        ran(
            *("rpmbuild", "-bb", "--define", f"_topdir {folder}/top", "--define", f"_rpmdir {folder}/repo"),
            *("--define", "_build_id_links none", "--define", "source_date_epoch_from_changelog 0", str(spec)),
            env={"SOURCE_DATE_EPOCH": "1700000000", "HOME": str(folder)},
        )
    ran(
        "createrepo_c",
        "--revision=1",
        "--set-timestamp-to-revision",
        str(folder / "repo"),
        env={"SOURCE_DATE_EPOCH": "1"},
    )
    return f"file://{folder}/repo"


def pacman(folder: Path) -> str:
    """The same for pacman; its scripts need a shell, which a static busybox is."""
    need("repo-add", "bsdtar", "zstd")
    shell = Path("/bin/busybox")
    if not shell.exists():
        pytest.skip("a static busybox is not installed")
    repo = folder / "repo"
    repo.mkdir(parents=True, exist_ok=True)
    for name, depends, files, script in (
        ("lib", "", {"usr/share/lib/data": b"lib\n", "bin/sh": shell.read_bytes()}, ""),
        ("app", "lib", {"usr/bin/app": b"app\n"}, "post_install() {\n  echo made > /etc/made-by-script\n}\n"),
    ):
        info = (
            f"pkgname = {name}\npkgbase = {name}\npkgver = 1.0-1\npkgdesc = A test\nurl = x\nbuilddate = 1700000000\n"
        )
        info += "packager = me\nsize = 10\narch = any\nlicense = MIT\n" + (f"depend = {depends}\n" if depends else "")
        parts = {".PKGINFO": info.encode(), **({".INSTALL": script.encode()} if script else {}), **files}
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            for path, data in parts.items():
                member = tarfile.TarInfo(path)
                member.size, member.mode, member.mtime = len(data), 0o755, 1_700_000_000
                tar.addfile(member, io.BytesIO(data))
        package = repo / f"{name}-1.0-1-any.pkg.tar"
        package.write_bytes(out.getvalue())
        ran("zstd", "-q", "--rm", str(package))
        ran("repo-add", "-q", str(repo / "test.db.tar.gz"), f"{package}.zst")
    return f"file://{repo}"
