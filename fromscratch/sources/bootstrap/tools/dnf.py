"""dnf, version 4 and 5, with its installroot."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fromscratch.address import Address
from fromscratch.host.container.root_maker import PLACE, Step
from fromscratch.sources.bootstrap.options import BootstrapOptions
from fromscratch.sources.bootstrap.tools import rpm
from fromscratch.sources.bootstrap.tools.contract import ROOT, Job, Tool, Workplace, env


class Dnf(Tool):
    program = "dnf"
    install = "apt-get install dnf"
    leftovers = rpm.LEFTOVERS

    def mirrors(self, options: BootstrapOptions) -> Mapping[str, Address]:
        return options.addresses()

    def keyrings(self, options: BootstrapOptions) -> Sequence[Path]:
        return []

    def files(self, job: Job) -> Mapping[str, bytes]:
        main = {
            "reposdir": "/nonexistent",
            "varsdir": "/nonexistent",
            "pluginpath": "/nonexistent",
            "cachedir": f"{PLACE}/cache",
            "persistdir": f"{PLACE}/persistent",
            "logdir": f"{PLACE}/log",
            "install_weak_deps": "1" if job.options.recommends else "0",
            "gpgcheck": "0" if job.options.unsigned else "1",
            "excludepkgs": " ".join(job.options.exclude),
            "keepcache": "0",
        }
        text = "[main]\n" + "".join(f"{key}={value}\n" for key, value in main.items())
        return {"dnf.conf": (text + rpm.repositories(job, "dnf")).encode(), "home/.rpmmacros": rpm.MACROS}

    def fetch(self, job: Job, at: Workplace) -> None:
        at.run(self._step(job, "downloading packages", "--downloadonly"))

    def build(self, job: Job, at: Workplace) -> None:
        at.run(self._step(job, "installing packages"))

    def _step(self, job: Job, doing: str, *more: str) -> Step:
        words = [job.program, f"--config={PLACE}/dnf.conf", "--assumeyes", f"--installroot={ROOT}", *more]
        words += [f"--releasever={job.options.release or '1'}", f"--forcearch={rpm.rpm_architecture(job, 'dnf')}"]
        return Step(doing=doing, argv=[*words, "install", *job.options.packages], env=env(HOME=f"{PLACE}/home"))
