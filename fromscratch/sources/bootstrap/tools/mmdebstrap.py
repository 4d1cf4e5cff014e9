"""mmdebstrap: apt of this machine chooses and downloads, dpkg of the new root installs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fromscratch.address import Address
from fromscratch.formats.debian import package as deb
from fromscratch.host.container.root_maker import PLACE, Step
from fromscratch.host.storage import disk
from fromscratch.sources.bootstrap.options import BootstrapOptions
from fromscratch.sources.bootstrap.tools import debian
from fromscratch.sources.bootstrap.tools.contract import ROOT, Job, Tool, Workplace, env

_APT = f"{PLACE}/apt"
_ALONE = ("extract", "custom")
"""Variants of nothing but what is named."""
_PRIORITIES = {
    "required": "?and(?priority(required),?not(?essential))",
    "buildd": "?and(?priority(required),?not(?essential))",
    "important": "?and(?or(?priority(required),?priority(important)),?not(?essential))",
    "standard": "?and(?or(~prequired,~pimportant,~pstandard),?not(?essential))",
}
_SAME = {"": "important", "-": "important", "debootstrap": "important", "minbase": "required"}


class Mmdebstrap(Tool):
    program = "mmdebstrap"
    install = "apt-get install mmdebstrap"
    leftovers = debian.LEFTOVERS
    scheme = "copy"
    mounts_itself = True

    def mirrors(self, options: BootstrapOptions) -> Mapping[str, Address]:
        return {one.mirror: one.address for one in debian.archives(options)}

    def keyrings(self, options: BootstrapOptions) -> Sequence[Path]:
        return debian.keyrings()

    def files(self, job: Job) -> Mapping[str, bytes]:
        return {
            debian.KEYRING: debian.keyring(job),
            "sources.list": "".join(f"{line}\n" for line in _lines(job)).encode(),
            "apt.conf": self._configuration(job).encode(),
            "apt/status": b"",
            "apt/lists/partial/.keep": b"",
            "apt/archives/partial/.keep": b"",
        }

    def fetch(self, job: Job, at: Workplace) -> None:
        """Download what it will ask for, in two steps as it does: what is essential, then the rest over that."""
        at.run(self._apt("reading the indexes", "update"))
        variant = _SAME.get(job.options.variant, job.options.variant)
        if variant not in _ALONE:
            words = ["dist-upgrade"] if variant == "apt" else ["install", _narrow(job, "?essential")]
            at.run(self._apt("downloading essential packages", *words))
            disk.write_atomically(at.work / "apt/status", _installed(at.work / "apt/archives"))
        rest = [_narrow(job, _PRIORITIES[variant])] if variant in _PRIORITIES else []
        rest += ["build-essential", "apt"] if variant == "buildd" else []
        rest += ["apt"] if variant in ("required", "important", "standard") else []
        if rest or job.options.packages:
            at.run(self._apt("downloading packages", "install", *rest, *job.options.packages))

    def build(self, job: Job, at: Workplace) -> None:
        options = job.options
        words = [job.program, "--mode=root", "--format=directory", f"--architectures={debian.debian_architecture(job)}"]
        words += [f"--variant={options.variant}"] if options.variant else []
        words += [f"--include={','.join(options.packages)}"] if options.packages else []
        words += ["--aptopt=APT::Install-Recommends true"] if options.recommends else []
        words += [] if options.unsigned else [f"--keyring={PLACE}/{debian.KEYRING}"]
        words += [options.release, ROOT, *_lines(job)]  # as lines, they are in /etc/apt/sources.list of the root
        at.run(Step(doing="installing packages", argv=words, env=env(**debian.QUICK)))

    def _apt(self, doing: str, *words: str) -> Step:
        argv = ["apt-get", "--yes", "--download-only", *words] if words[0] != "update" else ["apt-get", *words]
        return Step(doing=doing, argv=argv, env=env(APT_CONFIG=f"{PLACE}/apt.conf"))

    def _configuration(self, job: Job) -> str:
        """What mmdebstrap tells apt, in folders of our own (apt.conf(5))."""
        architecture = debian.debian_architecture(job)
        return "".join(
            f"{key} {value};\n"
            for key, value in {
                "Apt::Architecture": f'"{architecture}"',
                "Apt::Architectures": f'{{ "{architecture}"; }}',
                "Apt::Install-Recommends": "true" if job.options.recommends else "false",
                "Acquire::Languages": '"none"',
                "APT::Sandbox::User": '"root"',
                "Dir::State": f'"{_APT}"',
                "Dir::State::status": f'"{_APT}/status"',
                "Dir::State::lists": f'"{_APT}/lists"',
                "Dir::Cache": f'"{_APT}"',
                "Dir::Cache::archives": f'"{_APT}/archives"',
                "Dir::Etc::sourcelist": f'"{PLACE}/sources.list"',
                "Dir::Etc::sourceparts": '"/dev/null"',
                "Dir::Etc::preferencesparts": '"/dev/null"',
                "Dir::Etc::trusted": f'"{PLACE}/{debian.KEYRING}"',
                "Dir::Etc::trustedparts": '"/dev/null"',
                "Dir::Log": f'"{_APT}"',
            }.items()
        )


def _lines(job: Job) -> list[str]:
    """The repositories as sources.list(5) has them."""
    trusted = " [trusted=yes]" if job.options.unsigned else ""
    return [
        f"deb{trusted} {job.mirrors[one.mirror]} {one.suite} {' '.join(one.components)}"
        for one in debian.archives(job.options)
    ]


def _narrow(job: Job, pattern: str) -> str:
    """apt-patterns(7): packages of the release and of its architecture alone."""
    suite = job.options.release
    where = f"?or(?archive(^{suite}$),?codename(^{suite}$)),?architecture({debian.debian_architecture(job)})"
    return f"?narrow({where},{pattern})"


def _installed(folder: Path) -> bytes:
    """dpkg's record of these packages as installed ones."""
    paragraphs = []
    for path in sorted(folder.glob("*.deb")):
        control = deb.control_files(path, path.name)["control"].rstrip(b"\n")
        name, _, rest = control.partition(b"\n")
        paragraphs.append(name + b"\nStatus: install ok installed\n" + rest + b"\n\n")
    return b"".join(paragraphs)
