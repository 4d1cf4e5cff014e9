"""apk, of Alpine."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fromscratch.address import Address
from fromscratch.formats.alpine.architectures import ARCHITECTURES
from fromscratch.host.container.root_maker import PLACE, Step
from fromscratch.sources.bootstrap.options import BootstrapOptions
from fromscratch.sources.bootstrap.tools.contract import ROOT, Job, Tool, Workplace, architecture, env


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
        flags = [f"--root={ROOT}", f"--arch={architecture(job.platform, ARCHITECTURES, 'apk')}"]
        flags += [f"--keys-dir={PLACE}/keys", f"--repositories-file={PLACE}/repositories", "--no-cache"]
        flags += ["--allow-untrusted"] if job.options.unsigned else []
        return Step(doing=doing, argv=[job.program, *flags, *words], env=env())
