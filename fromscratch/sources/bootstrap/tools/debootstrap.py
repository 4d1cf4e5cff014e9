"""debootstrap: it downloads by itself, and installs without apt."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fromscratch.address import Address
from fromscratch.host.container.root_maker import PLACE, Step
from fromscratch.sources.bootstrap.options import BootstrapOptions
from fromscratch.sources.bootstrap.tools import debian
from fromscratch.sources.bootstrap.tools.contract import ROOT, Job, Tool, Workplace, env


class Debootstrap(Tool):
    program = "debootstrap"
    install = "apt-get install debootstrap"
    leftovers = debian.LEFTOVERS
    mounts_itself = True

    def mirrors(self, options: BootstrapOptions) -> Mapping[str, Address]:
        first = debian.archives(options)[0]
        return {first.mirror: first.address}

    def keyrings(self, options: BootstrapOptions) -> Sequence[Path]:
        return debian.keyrings()

    def files(self, job: Job) -> Mapping[str, bytes]:
        return {debian.KEYRING: debian.keyring(job)}

    def fetch(self, job: Job, at: Workplace) -> None:
        at.run(self._step(job, "downloading packages", "--download-only"))

    def build(self, job: Job, at: Workplace) -> None:
        at.run(self._step(job, "installing packages"))

    def _step(self, job: Job, doing: str, *more: str) -> Step:
        options = job.options
        words = [job.program, *more, f"--arch={debian.debian_architecture(job)}"]
        words += [f"--variant={options.variant}"] if options.variant else []
        words += [f"--include={','.join(options.packages)}"] if options.packages else []
        words += [f"--exclude={','.join(options.exclude)}"] if options.exclude else []
        words += [f"--components={','.join(options.components)}"]
        words += (
            ["--no-check-gpg"] if options.unsigned else [f"--keyring={PLACE}/{debian.KEYRING}", "--force-check-gpg"]
        )
        [mirror] = job.mirrors.values()
        # In a user namespace nobody can make devices; debootstrap binds those of the machine where it knows of that.
        return Step(doing=doing, argv=[*words, options.release, ROOT, mirror], env=env(container="lxc", **debian.QUICK))
