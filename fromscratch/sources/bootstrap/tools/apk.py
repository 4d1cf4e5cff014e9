"""apk, of Alpine."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fromscratch.address import Address
from fromscratch.host.container.root_maker import PLACE, Step
from fromscratch.sources.bootstrap.options import BootstrapOptions
from fromscratch.sources.bootstrap.tools.contract import ROOT, Job, Tool, Workplace, architecture, env

_ARCHITECTURES = {
    "linux/386": "x86",
    "linux/amd64": "x86_64",
    "linux/arm/v6": "armhf",
    "linux/arm/v7": "armv7",
    "linux/arm64": "aarch64",
    "linux/loong64": "loongarch64",
    "linux/ppc64le": "ppc64le",
    "linux/riscv64": "riscv64",
    "linux/s390x": "s390x",
}


class Apk(Tool):
    program = "apk"
    install = "take apk.static of Alpine's package apk-tools-static, and name it under program:"
    leftovers = ("/var/cache/apk/**", "/lib/apk/db/lock", "/etc/apk/cache")
    scheme = ""

    def mirrors(self, options: BootstrapOptions) -> Mapping[str, Address]:
        return options.addresses()

    def keyrings(self, options: BootstrapOptions) -> Sequence[Path]:
        return []

    def files(self, job: Job) -> Mapping[str, bytes]:
        lines = "".join(f"{address}\n" for address in job.mirrors.values())
        return {"repositories": lines.encode(), "packages/.keep": b"", "keys/.keep": b"", "root/.keep": b""}

    def fetch(self, job: Job, at: Workplace) -> None:
        words = ["fetch", "--recursive", f"--output={PLACE}/packages", *job.options.packages]
        at.run(self._step(job, "downloading packages", ["--initdb", "add"]))
        at.run(self._step(job, "downloading packages", words))

    def build(self, job: Job, at: Workplace) -> None:
        words = ["--no-network", "--initdb", "add", *job.options.packages]
        at.run(self._step(job, "installing packages", words))

    def _step(self, job: Job, doing: str, words: Sequence[str]) -> Step:
        flags = [f"--root={ROOT}", f"--arch={architecture(job.platform, _ARCHITECTURES, 'apk')}"]
        flags += [f"--keys-dir={PLACE}/keys", f"--repositories-file={PLACE}/repositories", "--no-cache"]
        flags += ["--allow-untrusted"] if job.options.unsigned else []
        return Step(doing=doing, argv=[job.program, *flags, *words], env=env())
