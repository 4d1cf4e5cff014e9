"""zypper, of openSUSE."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fromscratch.address import Address
from fromscratch.host.container.root_maker import PLACE, Step
from fromscratch.sources.bootstrap.options import BootstrapOptions
from fromscratch.sources.bootstrap.tools import rpm
from fromscratch.sources.bootstrap.tools.contract import ROOT, Job, Tool, Workplace, env


class Zypper(Tool):
    program = "zypper"
    install = "apt-get install zypper"
    leftovers = rpm.LEFTOVERS

    def mirrors(self, options: BootstrapOptions) -> Mapping[str, Address]:
        return options.addresses()

    def keyrings(self, options: BootstrapOptions) -> Sequence[Path]:
        return []

    def files(self, job: Job) -> Mapping[str, bytes]:
        configuration = f"[main]\narch = {rpm.rpm_architecture(job, 'zypper')}\nsolver.onlyRequires = true\n"
        return {
            "repos.d/all.repo": rpm.repositories(job, "zypper").encode(),
            "zypp.conf": configuration.encode(),
            "home/.rpmmacros": rpm.MACROS,
            "root/.keep": b"",
        }

    def fetch(self, job: Job, at: Workplace) -> None:
        self._import_keys(job, at)
        at.run(self._step(job, "downloading packages", "--download-only"))

    def build(self, job: Job, at: Workplace) -> None:
        self._import_keys(job, at)
        at.run(self._step(job, "installing packages"))

    def _import_keys(self, job: Job, at: Workplace) -> None:
        for name in job.keys:
            argv = ["rpm", f"--root={ROOT}", "--import", f"{PLACE}/keys/{name}"]
            at.run(Step(doing=f"reading the keys in {name}", argv=argv, env=env(HOME=f"{PLACE}/home")))

    def _step(self, job: Job, doing: str, *more: str) -> Step:
        options = job.options
        words = [job.program, "--non-interactive", f"--root={ROOT}", f"--reposd-dir={PLACE}/repos.d"]
        words += [f"--cache-dir={PLACE}/cache", *([f"--releasever={options.release}"] if options.release else [])]
        words += ["--no-gpg-checks"] if options.unsigned else []
        words += ["install", "--auto-agree-with-licenses", *more]
        words += ["--recommends" if options.recommends else "--no-recommends"]
        more_env = {"HOME": f"{PLACE}/home", "ZYPP_CONF": f"{PLACE}/zypp.conf", "ZYPP_LOGFILE": f"{PLACE}/zypper.log"}
        argv = [*words, *options.packages, *(f"-{name}" for name in options.exclude)]
        return Step(doing=doing, argv=argv, env=env(**more_env))
