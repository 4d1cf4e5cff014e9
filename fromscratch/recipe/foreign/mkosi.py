"""mkosi's configuration (mkosi.conf): the distribution's packages, further trees, and settings of a container's root.

Follows mkosi 25 and newer, with `mkosi.conf.d` beside the file, sections `[Match]` included. What only machines that
boot need, such as kernels and bootloaders, and how mkosi itself works, are listed.
"""

import posixpath
import re
from collections.abc import Callable, Iterator
from typing import Any

from fromscratch.recipe.foreign.contract import LeftOut, Reading, Surroundings
from fromscratch.recipe.foreign.draft import Draft
from fromscratch.recipe.foreign.lines import Lines, Place
from fromscratch.recipe.foreign.mkosi_settings import ESSENTIAL, IN_OTHER_WAYS, Setting, settings

_SECTIONS = (
    "Match", "TriggerMatch", "Include", "Config", "Distribution", "Output", "Content", "Validation", "Build", "Runtime",
    "Packages", "Host", "UKIProfile",
)  # fmt: skip
_DEBS, _RPMS = (
    ("debian", "ubuntu", "kali"),
    ("fedora", "centos", "alma", "rocky", "rhel", "opensuse", "azure", "mageia"),
)
_ARCHITECTURES = {"x86-64": "amd64", "x86": "386", "arm64": "arm64", "arm": "arm/v7", "ppc64-le": "ppc64le"}
_SCRIPTS = tuple(
    f"mkosi.{name}{end}"
    for name in ("configure", "sync", "prepare", "build", "postinst", "finalize", "postoutput")
    for end in ("", ".chroot")
)
_COMPRESSIONS = {"zst": "zstd", "zstd": "zstd", "gz": "gzip", "gzip": "gzip", "no": "none", "none": "none"}
_TRUE, _FALSE = ("1", "yes", "y", "true", "t", "on"), ("0", "no", "n", "false", "f", "off")
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_ARCHIVE = re.compile(r".*\.(tar|tgz|txz|tar\.(gz|xz|bz2|zst|lz4))$")


def recognises(name: str, text: str) -> bool:
    """Whether a text has sections and settings as mkosi.conf has them."""
    heads = re.findall(r"(?m)^\[([A-Za-z]+)\]\s*$", text)
    packages = {"Distribution", "Content", "Packages", "Output", "Include"} & {*heads}
    return bool(packages) and {*heads} <= {*_SECTIONS}


def read(text: str, surroundings: Surroundings) -> Reading:
    """The draft of a recipe of the image that the configuration describes."""
    draft = Draft()
    configuration = _Configuration(draft, surroundings)
    configuration.read(text)
    return draft, configuration.entries


class _Configuration:
    """The settings of a file and its drop-ins. Of single values the last counts, lists are put together."""

    def __init__(self, draft: Draft, surroundings: Surroundings) -> None:
        self._draft, self._surroundings = draft, surroundings
        self._files: list[Lines] = []
        self._beside: list[LeftOut] = []
        self._settings: list[tuple[Setting, Place]] = []

    def entries(self) -> list[LeftOut]:
        return [*self._beside, *(entry for lines in self._files for entry in lines.entries())]

    def read(self, text: str) -> None:
        self._add(text, "")
        for name in self._surroundings.find("mkosi.conf.d/*"):
            self._drop_in(name)
        kind = self._one("Distribution")
        self._packages(kind)
        self._trees()
        self._root()
        self._image()
        self._unread_files()

    def _add(self, text: str, file: str) -> None:
        found = list(settings(text))
        lines = Lines(text, found, "no reader knows this setting", file)
        self._files.append(lines)
        self._settings += [(each, lines.place(each)) for each in found if each.section != "Match"]
        for each in found:
            if each.section == "Match" and file:
                lines.take(each)
            if why := IN_OTHER_WAYS.get(each.key) or IN_OTHER_WAYS.get(f"[{each.section}]"):
                lines.place(each).leave_out(*why[:1], remark=why[1])

    def _drop_in(self, path: str) -> None:
        """A file of mkosi.conf.d whose conditions hold; one whose conditions cannot be known is listed."""
        text = None if path.endswith("/") else self._surroundings.read(f"mkosi.conf.d/{posixpath.basename(path)}")
        if text is None:
            self._beside.append(LeftOut(path, 1, 1, "", "only files are read, and no folders of them"))
            return
        matches = [each for each in settings(text) if each.section == "Match"]
        if all(self._holds(each) for each in matches):
            self._add(text, path)
        else:
            why = "its conditions do not hold, or depend on more than the distribution"
            self._beside.append(LeftOut(path, 1, 1, "[Match]", why, remark=all(map(self._is_known, matches))))

    def _is_known(self, match: Setting) -> bool:
        return match.key in ("Distribution", "Release", "Architecture")

    def _holds(self, match: Setting) -> bool:
        value = next((setting.text for setting, _ in self._settings if setting.key == match.key), "")
        return self._is_known(match) and match.text.lstrip("|") == value

    def _one(self, *keys: str) -> tuple[str, Place | None]:
        """The value that counts, of a setting with these names."""
        found = [(setting, place) for setting, place in self._settings if setting.key in keys]
        for _, place in found[:-1]:
            place.leave_out("a later setting counts", remark=True)
        for setting, place in found[-1:]:
            place.take()
            return setting.text, place
        return "", None

    def _all(self, *keys: str) -> Iterator[tuple[str, Place]]:
        """The values of all settings with these names. An empty one takes back those before it."""
        found: list[tuple[str, Place]] = []
        for setting, place in self._settings:
            if setting.key in keys:
                found = [*found, *((value, place) for value in setting.values)] if setting.values else []
                place.take()
        return iter(found)

    def _packages(self, distribution: tuple[str, Place | None]) -> None:
        name, place = distribution
        release, of_release = self._one("Release")
        item: tuple[str | int, ...] = ()
        bases = list(self._all("BaseTrees"))
        for path, base in bases:
            self._tree(path, "", base)
        asked = list(self._all("Packages"))
        lacking: frozenset[str] = frozenset()
        if name in _DEBS:
            suite = release or "stable"
            item = self._draft.item("debian", {"suite": suite}, of_release or place)
            options = {"suite": suite, **self._of_debian(item)}
            names = [package for package, _ in asked if _NAME.fullmatch(package)]
            lacking = self._lacking(options, [*([] if bases else ESSENTIAL), *names])
            for package in [] if bases else sorted({*ESSENTIAL} - lacking):
                self._draft.add((*item, "packages"), package, place)
        elif name in _RPMS:
            item = self._draft.item("rpm", {"release": release} if release else {}, place)
            if place:
                place.leave_out("repositories are those of this machine; name others under repositories:", remark=True)
        for package, of_package in asked:
            if package in lacking:
                of_package.leave_out(f"no index at hand has a package {package}")
            elif item:
                self._draft.add((*item, "packages"), package, of_package)
            else:
                of_package.leave_out("the packages of this distribution are not known to recipes")
        for package, of_package in self._all("RemovePackages"):
            if item:
                self._draft.add((*item, "exclude"), package, of_package)

    def _lacking(self, options: dict[str, Any], names: list[str]) -> frozenset[str]:
        """The names that no index of such an item has; none where the indexes cannot be asked."""
        return self._surroundings.missing("debian", {**options, "packages": ["x"]}, names) or frozenset()

    def _of_debian(self, item: tuple[str | int, ...]) -> dict[str, Any]:
        """Puts the archive that is meant into the draft, and returns the options that name it."""
        mirror, of_mirror = self._one("Mirror", "LocalMirror")
        self._draft.put((*item, "mirror"), mirror, of_mirror)
        components: list[str] = []
        for component, of_component in self._all("Repositories"):
            for name in [component] if components else ["main", component]:
                self._draft.add((*item, "components"), name, of_component)
                components.append(name)
        archive: dict[str, Any] = {"mirror": mirror, "components": components}
        if mirror and "{snapshot}" in mirror:
            snapshot, of_snapshot = self._one("Snapshot")
            self._draft.put((*item, "snapshot"), snapshot, of_snapshot)
            archive["snapshot"] = snapshot
        if self._flag("WithRecommends"):
            self._draft.put((*item, "recommends"), True, self._one("WithRecommends")[1])
        if self._flag("RepositoryKeyCheck") is False:
            self._draft.put((*item, "unsigned"), True, self._one("RepositoryKeyCheck")[1])
        return {key: value for key, value in archive.items() if value}

    def _flag(self, key: str) -> bool | None:
        """A truth value; None, and left out, for anything else."""
        value, place = self._one(key)
        if place is None:
            return None
        if value.lower() in _TRUE or value.lower() in _FALSE:
            return value.lower() in _TRUE
        place.leave_out("this is neither true nor false")
        return None

    def _trees(self) -> None:
        for key, default in (("SkeletonTrees", "mkosi.skeleton"), ("ExtraTrees", "mkosi.extra")):
            for path in self._surroundings.find(default):
                self._draft.item("overlay", {"path": path.rstrip("/"), "keep_modes": True}, None, replace=True)
            for value, place in self._all(key):
                source, _, target = value.partition(":")
                self._tree(source, target, place)
        for glob, of_glob in self._all("RemoveFiles"):
            self._draft.add(("trim",), glob, of_glob)
        if self._flag("WithDocs") is False:
            self._draft.add(("trim",), "docs", self._one("WithDocs")[1])

    def _tree(self, source: str, target: str, place: Place) -> None:
        """A folder or archive to lay over the root, or a file to put into it."""
        found = list(self._surroundings.find(source.removeprefix("./")))
        path = found[0] if len(found) == 1 else source
        if not found:
            place.leave_out(f"{source} is not here yet; it is taken from there when the image is built", remark=True)
        if _ARCHIVE.fullmatch(source):
            self._draft.item("tarball", {"path": path, "into": target or "/"}, place, replace=True)
        elif target and not path.endswith("/"):
            file = {"path": target, "type": "file", "source": path, "replace": True}
            self._draft.add(("paths",), file, place)
        elif target:
            folder = {"path": target, "type": "directory", "source": path.rstrip("/"), "replace": True}
            self._draft.add(("paths",), folder, place)
        else:
            self._draft.item("overlay", {"path": path.rstrip("/"), "keep_modes": True}, place, replace=True)

    def _root(self) -> None:
        """What mkosi writes into /etc."""
        files: dict[str, tuple[str, Callable[[str], dict[str, str]]]] = {
            "Hostname": ("/etc/hostname", lambda value: _file(f"{value}\n")),
            "Locale": ("/etc/locale.conf", lambda value: _file(f"LANG={value}\n")),
            "Keymap": ("/etc/vconsole.conf", lambda value: _file(f"KEYMAP={value}\n")),
            "MachineId": ("/etc/machine-id", lambda value: _file(f"{value}\n")),
            "Timezone": (
                "/etc/localtime",
                lambda value: {"type": "symlink", "target": f"../usr/share/zoneinfo/{value}"},
            ),
        }
        for key, (path, make) in files.items():
            value, place = self._one(key)
            if value:
                self._draft.add(("paths",), {"path": path, **make(value), "replace": True}, place)
        password, place = self._one("RootPassword")
        if password.startswith("hashed:"):
            user = {"name": "root", "uid": 0, "home": "/root", "password": password.removeprefix("hashed:")}
            self._draft.add(("accounts", "users"), {**user, "shell": self._one("RootShell")[0] or "/bin/sh"}, place)
        elif place:
            place.leave_out("recipes have passwords as hashes alone")

    def _image(self) -> None:
        form, place = self._one("Format")
        if place and form not in ("directory", "tar", "oci", "none", "portable"):
            place.leave_out(f"a container has no {form} image; the recipe makes a container image")
        for key, path in (("ImageId", ("name",)), ("ImageVersion", ("image", "about", "version"))):
            value, place = self._one(key)
            self._draft.put(path, value, place)
        architecture, place = self._one("Architecture")
        if place:
            self._draft.add(("platforms",), f"linux/{_ARCHITECTURES.get(architecture, architecture)}", place)
        compression, place = self._one("CompressOutput")
        if place and compression in _COMPRESSIONS:
            self._draft.put(("compression",), _COMPRESSIONS[compression], place)
        elif place:
            place.leave_out("layers are packed by gzip or zstd", remark=True)
        epoch, place = self._one("SourceDateEpoch")
        self._draft.put(("epoch",), epoch, place)
        for key, ours in (("OciLabels", "labels"), ("OciAnnotations", "annotations")):
            for pair, of_pair in self._all(key):
                name, _, value = pair.partition("=")
                self._draft.put_text(("image", ours, name), value.strip("\"'"), of_pair)

    def _unread_files(self) -> None:
        """Files beside mkosi.conf that mkosi would use, and that no recipe has."""
        for name in _SCRIPTS:
            for path in self._surroundings.find(name):
                self._beside.append(LeftOut(path, 1, 1, "", "no recipe runs build steps"))
        for name in ("mkosi.rootpw", "mkosi.images", "mkosi.profiles", "mkosi.local.conf", "mkosi.repart"):
            for path in self._surroundings.find(name):
                self._beside.append(LeftOut(path, 1, 1, "", "mkosi uses it too; it is not read"))


def _file(content: str) -> dict[str, str]:
    return {"type": "file", "content": content}
