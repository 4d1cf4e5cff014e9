"""Where the programs that a script names are: in the tree, or among those that every installation has."""

from fromscratch.errors import ImageError
from fromscratch.model.entry import File
from fromscratch.paths import TreePath
from fromscratch.transforms.shell.machine import Machine

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Scripts of packages run where all Essential packages are, whatever the image has of them.
_USER = """
    awk base64 basename bash cat chgrp chmod chown cksum cmp comm cp csplit cut dash date dd df diff diff3
    dircolors dirname dpkg dpkg-deb dpkg-divert dpkg-maintscript-helper dpkg-query dpkg-realpath dpkg-split
    dpkg-statoverride dpkg-trigger du echo egrep env expand expr factor false fgrep find fmt fold getent getopt
    grep groups gunzip gzip head hostid hostname iconv id install ipcrm ipcs join link ln locale localedef
    logger login logname ls lscpu mawk md5sum mkdir mkfifo mknod mktemp more mount mv nice nl nohup nproc numfmt
    od passwd paste pathchk perl pinky pr printenv printf ptx pwd readlink realpath rm rmdir run-parts savelog
    sed seq setpriv setsid sh sha1sum sha224sum sha256sum sha384sum sha512sum shred shuf sleep sort split stat
    stdbuf stty su sum sync tac tail tar taskset tee tempfile test timeout touch tr true truncate tsort tty
    umount uname unexpand uniq unlink update-alternatives users vdir wc which which.debianutils who whoami xargs
    yes zcat zgrep deb-systemd-helper deb-systemd-invoke debconf debconf-communicate debconf-set-selections
    debconf-show faillog lastlog chage chfn chsh expiry gpasswd newgrp sg
"""
_SYSTEM = """
    add-shell agetty chgpasswd chpasswd chroot cpgr cppw dpkg-preconfigure dpkg-reconfigure fstab-decode
    groupadd groupdel groupmems groupmod grpck grpconv grpunconv installkernel invoke-rc.d ldconfig mkfs mkswap
    newusers nologin pam-auth-update pam_getenv policy-rc.d pwck pwconv pwunconv remove-shell service
    shadowconfig start-stop-daemon sulogin swapoff swapon update-passwd update-rc.d update-shells useradd
    userdel usermod vigr vipw
"""
ASSUMED = {name: f"/usr/bin/{name}" for name in _USER.split()} | {name: f"/usr/sbin/{name}" for name in _SYSTEM.split()}


def found(machine: Machine, name: str, path: str = PATH) -> str | None:
    """The path of a program, as a search along `path` gives it; None if no installation would have it."""
    if "/" in name:
        return name if is_program(machine, name) else None
    for folder in path.split(":"):
        candidate = f"{folder.rstrip('/')}/{name}"
        if _is_executable(machine, candidate):
            return candidate
    return ASSUMED.get(name)


def is_program(machine: Machine, path: str) -> bool:
    """Whether a program is at an absolute path, in the tree or in every installation."""
    return _is_executable(machine, path) or is_assumed(path)


def is_assumed(path: str) -> bool:
    """Whether every installation has a program at this path."""
    name = path.rpartition("/")[2]
    place = ASSUMED.get(name)
    return place is not None and path in (place, place.removeprefix("/usr"))


def _is_executable(machine: Machine, path: str) -> bool:
    entry = machine.tree.find(path)
    return isinstance(entry, File) and bool(entry.meta.mode & 0o111)


def script(machine: Machine, path: str) -> tuple[str, str] | None:
    """The interpreter's name and the text of a script of the tree; None for what is not one."""
    try:
        entry = machine.tree.find(TreePath(path))
        if not isinstance(entry, File) or entry.content.size > 1 << 20:
            return None
        with entry.content.open() as stream:
            if stream.read(2) != b"#!":
                return None
            data = stream.read()
    except ImageError:
        return None
    first, _, _ = data.partition(b"\n")
    words = first.decode("utf-8", "replace").split()
    if words and words[0].endswith("/env"):
        words = words[1:]
    name = words[0].rpartition("/")[2] if words else ""
    return name, "#!" + data.decode("utf-8", "surrogateescape")
