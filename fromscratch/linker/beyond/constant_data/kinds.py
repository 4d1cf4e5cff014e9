"""What a path is that an object names: a module, a helper program, configuration, data, or nothing for an image."""

from typing import Literal

from fromscratch.formats.elf.headers import MAGIC
from fromscratch.lazy_regex import lazy_regex
from fromscratch.model.entry import File
from fromscratch.paths import TreePath, name

Kind = Literal["module", "helper", "configuration", "data"]

_SETUID_OR_SETGID = 0o6000
_SHARED = lazy_regex(r".+\.so(\.[0-9]+)*")
# State and temporary files, what a machine needs to boot, what people read, and the standard folders that hold the
# files of many programs: a name of one shows nothing.
_NOTHING_OF_ONE_PROGRAM = lazy_regex(
    r"/var/(?!lib/.)[^/]+(/.*)?|/var/lib/(dpkg|apt|apk|rpm|systemd|dbus|misc)(/.*)?"
    r"|(/usr)?/lib/(systemd|udev|modules|firmware|kernel|debug|[a-z-]+\.d)(/.*)?"
    r"|(/usr)?/lib\w*/ld[-.][^/]*|(/usr)?/lib\w*/[^/]*-linux-[^/]*/ld[-.][^/]*"
    r"|/etc/(xdg|systemd|opt|skel|cron[^/]*|init\.d|rc.\.d|default|alternatives|X11)(/.*)?"
    r"|/usr/share/(doc|man|info|help|gtk-doc|lintian|bug|menu|bash-completion|zsh|fish|applications|icons|pixmaps"
    r"|themes|fonts|mime|xml|sgml|dbus-1|perl5|pkgconfig|aclocal|systemd|polkit-1|metainfo)"
    r"|/usr/share/(doc|man|info|help|gtk-doc|lintian)/.*"
    r"|(/usr(/local)?|/opt)?/(?!include$)[^/]+|/usr/include/.*|(/usr(/local)?)?/lib\w*/[^/]*-linux-[^/]*"
)
# What other finders look for, by better rules than these.
_OF_OTHER_FINDERS = lazy_regex(
    r"/etc/(ssl|pki|pkcs11|ca-certificates)(/.*)?|/usr/(lib|share)/(ssl|ca-certificates|p11-kit)(/.*)?"
    r"|/usr/lib/ssl(/.*)?|.*/(ossl-modules|engines-[0-9.]+|pkcs11|gconv)(/.*)?"
    r"|/etc/(localtime|timezone|locale\.alias|ld\.so\.[a-z]+)|/usr/(share|lib)/(zoneinfo|locale)(/.*)?"
    r"|/etc/(passwd|group|shadow|gshadow|hosts|hostname|resolv\.conf|nsswitch\.conf|host\.conf|gai\.conf)"
    r"|/etc/(mtab|fstab|sysctl\.conf|shadow-|gitconfig|machine-id|os-release|shells)"
    r"|/etc/(services|protocols|networks|rpc)|/usr/lib/os-release"
    r"|.*/(bin/)?(ba|da)?sh"
)
_FOR_PEOPLE = lazy_regex(
    r".*/(doc|man|info|LC_MESSAGES|__pycache__)/.*|.*\.(html|pdf|po|mo|pyc)|.*/(README|NEWS|ChangeLog)[^/]*"
)


def shows_nothing(path: str) -> bool:
    """Whether a path is not looked at, since its name says nothing of this program, or another finder looks there."""
    return bool(_NOTHING_OF_ONE_PROGRAM.fullmatch(path) or _OF_OTHER_FINDERS.fullmatch(path))


def is_for_people(path: str) -> bool:
    """Whether no program reads what is there: documentation and translations."""
    return _FOR_PEOPLE.fullmatch(path) is not None


def kind_of(place: TreePath, file: File) -> Kind:
    if place.startswith("/etc/"):
        return "configuration"
    if _SHARED.fullmatch(name(place)):
        return "module"
    return "helper" if file.meta.mode & 0o111 and _starts(file) else "data"


def is_private(file: File) -> bool:
    """Whether only some users may read it, or it gives those who start it another user's rights."""
    return not file.meta.mode & 0o004 or bool(file.meta.mode & _SETUID_OR_SETGID)


def start_of(file: File) -> bytes:
    """The first four bytes, which tell a program of the machine from a script."""
    with file.content.open() as stream:
        return stream.read(4)


def _starts(file: File) -> bool:
    start = start_of(file)
    return start == MAGIC or start.startswith(b"#!")
