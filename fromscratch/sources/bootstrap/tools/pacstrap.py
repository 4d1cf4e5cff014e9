"""pacman, as pacstrap calls it: pacstrap itself mounts a devtmpfs, which no user namespace may."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fromscratch.address import Address
from fromscratch.host.container.root_maker import PLACE, Step
from fromscratch.sources.bootstrap.options import BootstrapOptions
from fromscratch.sources.bootstrap.tools.contract import ROOT, Job, Tool, Workplace, architecture, env

_ARCHITECTURES = {
    "linux/amd64": "x86_64",
    "linux/arm64": "aarch64",
    "linux/arm/v7": "armv7h",
    "linux/riscv64": "riscv64",
}
_GNUPG = f"{PLACE}/gnupg"


class Pacstrap(Tool):
    program = "pacman"
    install = "apt-get install pacman-package-manager"
    leftovers = (
        "/var/cache/pacman/pkg/**",
        "/var/lib/pacman/sync",
        "/var/lib/pacman/db.lck",
        "/etc/pacman.d/gnupg",
    )

    def mirrors(self, options: BootstrapOptions) -> Mapping[str, Address]:
        return options.addresses()

    def keyrings(self, options: BootstrapOptions) -> Sequence[Path]:
        return []

    def files(self, job: Job) -> Mapping[str, bytes]:
        level = "Never" if job.options.unsigned else "Required DatabaseOptional TrustAll"
        main = {
            "RootDir": ROOT,
            "DBPath": f"{ROOT}/var/lib/pacman/",
            "CacheDir": f"{PLACE}/cache/",
            "LogFile": f"{PLACE}/pacman.log",
            "GPGDir": f"{_GNUPG}/",
            "HookDir": f"{ROOT}/etc/pacman.d/hooks/",
            "Architecture": architecture(job.platform, _ARCHITECTURES, "pacman"),
            "SigLevel": level,
        }
        text = "[options]\n" + "".join(f"{key} = {value}\n" for key, value in main.items())
        text += "".join(f"[{name}]\nServer = {address}\n" for name, address in job.mirrors.items())
        return {
            "pacman.conf": text.encode(),
            "cache/.keep": b"",
            "gnupg/.keep": b"",
            "root/var/lib/pacman/.keep": b"",
            "root/etc/pacman.d/.keep": b"",
        }

    def fetch(self, job: Job, at: Workplace) -> None:
        self._import_keys(job, at)
        at.run(self._step(job, "downloading packages", "-Syw"))

    def build(self, job: Job, at: Workplace) -> None:
        self._import_keys(job, at)
        at.run(self._step(job, "installing packages", "-Sy"))

    def _import_keys(self, job: Job, at: Workplace) -> None:
        if job.options.unsigned:
            return
        for name in job.keys:
            argv = ["gpg", f"--homedir={_GNUPG}", "--batch", "--no-permission-warning", "--no-autostart", "--import"]
            at.run(Step(doing=f"reading the keys in {name}", argv=[*argv, f"{PLACE}/keys/{name}"], env=env()))

    def _step(self, job: Job, doing: str, *mode: str) -> Step:
        words = [job.program, *mode, "--noconfirm", "--noprogressbar", f"--config={PLACE}/pacman.conf"]
        return Step(doing=doing, argv=[*words, *job.options.packages], env=env())
