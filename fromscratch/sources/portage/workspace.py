"""The folder that Portage works in: its configuration, repositories, archives and root, inside a sandbox.

BOX/config/etc/portage   the configuration of the root that is filled
BOX/machine/etc/portage  that of this machine, whose tools the builds run
BOX/repositories/NAME    ebuilds
BOX/distfiles            source archives
BOX/packages             binary packages
BOX/root                 the root that is filled
BOX/work, BOX/logs       what builds write
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from msgspec import Struct

from fromscratch.errors import MissingTool
from fromscratch.host.container.sandbox import Sandbox, hindrance
from fromscratch.host.storage import disk
from fromscratch.host.storage.store import Store
from fromscratch.sources.portage import machine_tools, ownership
from fromscratch.sources.portage.configuration import (
    Layout,
    PlacedRepository,
    machine_files,
    repos_conf,
    target_files,
)
from fromscratch.sources.portage.machine import Programs
from fromscratch.sources.portage.options import PortageOptions
from fromscratch.sources.portage.plan import Plan
from fromscratch.sources.portage.program import Portage
from fromscratch.sources.portage.repositories import SyncedRepository

USER = "builder"
_ACCOUNTS = {
    "passwd": f"root:x:0:0:root:/:/bin/sh\n{USER}:x:1000:1000::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n",
    "group": f"root:x:0:\n{USER}:x:1000:\nnogroup:x:65534:\n",
}
# Fixed, so that what is built does not have the date of the day.
_EPOCH = "315532800"
_LIBRARIES = ("usr/lib64", "usr/lib", "lib64", "lib")
# What Gentoo's baselayout makes where /usr is merged.
_MERGED_USR = {"bin": "usr/bin", "sbin": "usr/bin", "usr/sbin": "bin", "lib": "usr/lib", "lib64": "usr/lib64"}
# Programs of Gentoo that eclasses call and no other system has. What the first does matters to other systems only.
_PROGRAMS = {
    "eltpatch": "#!/bin/sh\nexit 0\n",
    "meson-format-array": """\
#!/usr/bin/env python3
import shlex, sys
words = [word for text in sys.argv[1:] for word in shlex.split(text)]
quoted = [word.replace("\\\\", "\\\\\\\\").replace("'", "\\\\'") for word in words]
print("[" + ", ".join(f"'{word}'" for word in quoted) + "]")
""",
}
# What ebuilds look for below BROOT, the prefix of this machine's tools.
_OF_MACHINE = ("usr", "bin", "sbin", "lib", "lib64")


class Workspace(Struct, frozen=True, kw_only=True):
    """Where Portage works; `place` is the folder, `sandbox` what surrounds its programs. Locked by the caller."""

    place: Path
    programs: Programs
    jobs: int

    @property
    def portage(self) -> Portage:
        return self.programs.portage

    @property
    def box(self) -> Path:
        return self.place / "box"

    @property
    def root(self) -> Path:
        return self.box / "root"

    @property
    def sandbox(self) -> Sandbox:
        overlaid = {f"/etc/{name}": f"etc/{name}" for name in _ACCOUNTS}
        visible = [] if self.programs.system else self.portage.visible
        return Sandbox(folder=self.box, visible=visible, files=overlaid, system=self.programs.system)

    def seen(self, name: str) -> str:
        """A path of the box as the programs in it see it."""
        return f"{self.sandbox.place}/{name}"

    def argv(self, program: Sequence[str], synced: Sequence[SyncedRepository]) -> list[str]:
        """The call of a program inside with these repositories, as `host.process.run` takes it."""
        check_sandbox(self.box)
        known = {"PORTAGE_REPOSITORIES": repos_conf(self._layout(synced).repositories)}
        return self.sandbox.argv(program, {**self._environment(), **known})

    def prepare(self) -> None:
        """Make the folders, programs and accounts that are the same for every build."""
        with disk.explained(self.box):
            for name in ("etc", "bin", "scripts", "repositories", "distfiles", "packages", "root", "work", "logs"):
                (self.box / name).mkdir(parents=True, exist_ok=True)
            for name, text in _ACCOUNTS.items():
                (self.box / "etc" / name).write_text(text)
            _link(self.box / "bin" / "gtar", self.programs.find("tar") or "/bin/tar")
            for name, text in {**_PROGRAMS, "chown": ownership.PROGRAM, "chgrp": ownership.PROGRAM}.items():
                (self.box / "bin" / name).write_text(text)
                (self.box / "bin" / name).chmod(0o755)
            for name in _OF_MACHINE:
                _link(self.box / "machine" / name, f"/{name}")
            for name in ("plan.py", "runtime.py"):
                text = (files("fromscratch.sources.portage") / "inside" / name).read_text()
                (self.box / "scripts" / name).write_text(text)
            _link(self.box / "machine" / self.portage.below, self.portage.settings)

    def configure(self, options: PortageOptions, plan: Plan) -> None:
        """Write the configuration for these repositories, this profile, and what this machine counts as."""
        layout = self._layout(plan.repositories)
        target = target_files(options, layout, jobs=self.jobs, provided=plan.provided)
        self._write(self.box / "config", target, plan)
        self._write(self.box / "machine", machine_files(layout, plan.tools), plan)
        self._record_tools(plan)

    def _record_tools(self, plan: Plan) -> None:
        """Records of the tools of this machine as if they were installed: eclasses look for these (has_version)."""
        top = self.box / "machine" / "var" / "db" / "pkg"
        with disk.explained(top):
            disk.discard(top)
            for cpv in plan.tools:
                folder = top / cpv
                folder.mkdir(parents=True)
                category, _, name = cpv.partition("/")
                for field, text in machine_tools.record(category, name, plan.repositories[0].name).items():
                    (folder / field).write_text(text)

    def empty_root(self, links: Mapping[str, str]) -> None:
        """A fresh root with these symlinks, without binary packages and logs of an earlier build."""
        for name in ("root", "packages", "logs", "work"):
            disk.discard(self.box / name)
            (self.box / name).mkdir()
        for link, target in links.items():
            place = self.root / link
            (place.parent / target).mkdir(parents=True, exist_ok=True)
            place.symlink_to(target)

    def repository_folders(self, synced: Sequence[SyncedRepository]) -> list[Path]:
        return [self.box / "repositories" / each.name for each in synced]

    def put_distfiles(self, plan: Plan, store: Store) -> None:
        """The source archives of a plan, which are all in the store, and no others."""
        folder = self.box / "distfiles"
        disk.discard(folder)
        folder.mkdir()
        with disk.explained(folder):
            for name, each in plan.distfiles().items():
                if each.digest is not None:
                    # A copy: a build could change a link, and with it the store.
                    shutil.copyfile(store.path(each.digest), folder / name)

    def _write(self, top: Path, contents: Mapping[str, str], plan: Plan) -> None:
        folder = top / "etc" / "portage"
        with disk.explained(folder):
            shutil.rmtree(folder, ignore_errors=True)
            for name, text in contents.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text)
            repository, _, profile = plan.profile.rpartition(":")
            _link(folder / "make.profile", f"../../../repositories/{repository}/profiles/{profile}")

    def _layout(self, synced: Sequence[SyncedRepository]) -> Layout:
        return Layout(
            repositories=[
                PlacedRepository(
                    name=each.name, location=self.seen(f"repositories/{each.name}"), priority=each.priority
                )
                for each in synced
            ],
            distfiles=self.seen("distfiles"),
            binary_packages=self.seen("packages"),
            work=self.seen("work"),
            logs=self.seen("logs"),
            variables=self._search(),
        )

    def _search(self) -> dict[str, str]:
        """What makes this machine's compiler find headers and libraries of the root: a SYSROOT alone does not."""
        root = self.seen("root")
        folders = [f"{root}/{name}" for name in _LIBRARIES[:2]]
        links = " ".join(f"-L{each} -Wl,-rpath-link,{each}" for each in folders)
        data = [*(f"{each}/pkgconfig" for each in folders), f"{root}/usr/share/pkgconfig"]
        return {
            "CPPFLAGS": f"${{CPPFLAGS}} -I{root}/usr/include",
            "LDFLAGS": f"${{LDFLAGS}} {links}",
            "PKG_CONFIG_LIBDIR": ":".join(data),
            "PKG_CONFIG_SYSROOT_DIR": root,
            "SOURCE_DATE_EPOCH": _EPOCH,
        }

    def _environment(self) -> dict[str, str]:
        root = self.seen("root")
        return {
            "PATH": f"{self.seen('bin')}:{Path(self.portage.python).parent}:{self.programs.path}",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "HOME": self.seen("work"),
            "EPREFIX": "",
            "PORTAGE_OVERRIDE_EPREFIX": self.seen("machine"),
            "PORTAGE_CONFIGROOT": self.seen("config"),
            "ROOT": root,
            "SYSROOT": root,
            "PORTAGE_USERNAME": USER,
            "PORTAGE_GRPNAME": USER,
            "PORTAGE_INST_UID": "1000",
            "PORTAGE_INST_GID": "1000",
            "NOCOLOR": "true",
            "PYTHONDONTWRITEBYTECODE": "1",
        }


def _link(place: Path, target: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if not (place.is_symlink() and os.readlink(place) == target):  # noqa: PTH115
        place.unlink(missing_ok=True)
        place.symlink_to(target)


def merged_usr(options: PortageOptions, plan: Plan) -> Mapping[str, str]:
    """The symlinks that a root begins with."""
    return _MERGED_USR if options.merged_usr and "split-usr" not in plan.profile else {}


def check_sandbox(folder: Path) -> None:
    """Raises MissingTool where this user cannot have one."""
    if why := hindrance(folder):
        raise MissingTool(
            f"portage: builds need namespaces of their own, which this machine does not allow: {why}",
            "allow them (sysctl kernel.unprivileged_userns_clone=1 on Debian, "
            "kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu), or build on another machine",
        )
