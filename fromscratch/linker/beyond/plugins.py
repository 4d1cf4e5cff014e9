"""Finder of files that a program finds by listing a folder: by patterns of the user, and for some known programs."""

from collections.abc import Iterator, Sequence

from fromscratch import paths
from fromscratch.advice import Setting
from fromscratch.linker.beyond.contract import FinderWarning, Finding, NeededFile, Offer, Scene
from fromscratch.model import view as views
from fromscratch.model.entry import Directory, File
from fromscratch.paths import TreePath

KIND = "plugins"

# Name of a program or library -> the folders that it is known to search. `*` stands for the multiarch folder.
_HABITS = {
    "git": ("/usr/lib/git-core", "/usr/libexec/git-core", "/usr/share/git-core/templates"),
    "nginx": ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/etc/nginx"),
    "apache2": ("/usr/lib/apache2/modules", "/etc/apache2"),
    "httpd": ("/usr/lib64/httpd/modules", "/etc/httpd"),
    "php": ("/usr/lib/php", "/etc/php"),
    "ffmpeg": ("/usr/share/ffmpeg",),
    "vim": ("/usr/share/vim",),
    "file": ("/usr/lib/file", "/usr/share/misc/magic.mgc"),
    "libmagic.so": ("/usr/lib/file", "/usr/share/misc/magic.mgc"),
    "libgdk_pixbuf-2.0.so": ("/usr/lib/*/gdk-pixbuf-2.0", "/usr/lib64/gdk-pixbuf-2.0", "/usr/lib/gdk-pixbuf-2.0"),
    "libgio-2.0.so": ("/usr/lib/*/gio/modules", "/usr/lib64/gio/modules", "/usr/lib/gio/modules"),
    "libgstreamer-1.0.so": ("/usr/lib/*/gstreamer-1.0", "/usr/lib64/gstreamer-1.0", "/usr/lib/gstreamer-1.0"),
    "libsasl2.so": ("/usr/lib/*/sasl2", "/usr/lib64/sasl2", "/usr/lib/sasl2"),
    "libpam.so": ("/usr/lib/*/security", "/usr/lib64/security", "/usr/lib/security", "/etc/pam.d"),
    "libkrb5.so": ("/usr/lib/*/krb5/plugins", "/usr/lib64/krb5/plugins", "/etc/krb5.conf"),
    "libfontconfig.so": ("/etc/fonts", "/usr/share/fontconfig"),
    "libtinfo.so": ("/usr/share/terminfo", "/lib/terminfo"),
    "libQt5Core.so": ("/usr/lib/*/qt5/plugins", "/usr/lib64/qt5/plugins"),
    "libQt6Core.so": ("/usr/lib/*/qt6/plugins", "/usr/lib64/qt6/plugins"),
}
_MAX_COUNTED = 20_000


def find(scene: Scene, *, patterns: Sequence[str] = ()) -> Iterator[Finding]:
    """What the patterns match, folders with all below them. Of the folders of programs that are known to have plugins,
    those that no pattern speaks of are offered."""
    by = next(iter((*scene.requested, *scene.objects)), paths.ROOT)
    for pattern in dict.fromkeys(patterns):
        matched = list(views.glob(scene.view, pattern)) if pattern.startswith("/") else []
        if not matched:
            hint = "" if pattern.startswith("/") else "; write it from the root, as in /usr/lib/git-core/git-*"
            yield FinderWarning(f"nothing here matches {pattern}{hint}", KIND)
        for path in matched:
            whole = isinstance(views.look(scene.view, path), Directory)
            yield NeededFile(
                path, by, f"{by} (named by the pattern {pattern})", KIND, "declared", whole=whole, optional=True
            )
    yield from _habits(scene, patterns)


def _habits(scene: Scene, patterns: Sequence[str]) -> Iterator[Offer]:
    offered: set[TreePath] = set()
    covered = [place for place in (views.place(scene.view, _folder(pattern)) for pattern in patterns) if place]
    for place, elf in scene.objects.items():
        for name in (paths.name(place), (elf.soname or "").partition(".so")[0] + ".so"):
            for path in (path for pattern in _HABITS.get(name, ()) for path in views.glob(scene.view, pattern)):
                top = views.place(scene.view, path)
                if top is None or top in offered or any(paths.is_within(each, top) for each in covered):
                    continue
                offered.add(top)
                count, size = _measured(scene, top)
                if count:
                    files = "1 file" if count == 1 else f"{count} files"
                    yield Offer(f"{path} ({files}), which {place} looks through", Setting("plugins", path), KIND, size)


def _folder(pattern: str) -> str:
    """The path, as far as it stands in the pattern without a wildcard."""
    parts = pattern.split("/")
    plain = next((at for at, part in enumerate(parts) if any(char in part for char in "*?[")), len(parts))
    return "/".join(parts[:plain])


def _measured(scene: Scene, top: TreePath) -> tuple[int, int]:
    """How many files are there that the image does not have yet, and their bytes; the count stops at 20,000."""
    count = size = 0
    for place in views.below(scene.view, top):
        entry = scene.view.get(place)
        if isinstance(entry, File) and place not in scene.files and place not in scene.objects:
            count, size = count + 1, size + entry.content.size
        if count >= _MAX_COUNTED:
            break
    return count, size
