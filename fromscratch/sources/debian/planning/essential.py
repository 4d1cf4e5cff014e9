"""What the Essential packages are counted on for without a dependency: Policy 3.8.

Their effects (accounts, the name of the release, folders, a locale in UTF-8) belong into nearly every image and are
small; so these are taken as parts of their packages. Their programs are taken, whole packages at a time, where
something in the image calls them.
"""

from collections.abc import Collection, Iterable

from fromscratch.formats.debian.version import Relation
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, ancestors, matcher
from fromscratch.sources.debian.planning.catalogue import Catalogue

AWK = "awk"
"""Not a package of its own: base-files pre-depends on something that provides it."""

PARTS: dict[str, tuple[str, ...]] = {
    "base-files": (
        "/etc/os-release",
        "/usr/lib/os-release",
        "/etc/debian_version",
        "/etc/lsb-release",
        "/etc/host.conf",
        "/home",
        "/media",
        "/mnt",
        "/opt",
        "/root",
        "/run",
        "/srv",
        "/tmp",
        "/usr/local",
        "/var/cache",
        "/var/lib",
        "/var/lock",
        "/var/log",
        "/var/run",
        "/var/spool",
        "/var/tmp",
        "/usr/share/base-files",
        "/usr/share/doc/base-files/copyright",
    ),
    "base-passwd": (
        "/usr/share/base-passwd/group.master",
        "/usr/share/base-passwd/passwd.master",
        "/usr/share/doc/base-passwd/copyright",
    ),
    "libc-bin": (
        "/etc/ld.so.conf",
        "/etc/ld.so.conf.d",
        "/usr/lib/locale/C.utf8",
        "/usr/lib/locale/C.UTF-8",
        "/usr/share/libc-bin/nsswitch.conf",
        "/usr/share/doc/libc-bin/copyright",
    ),
}
"""The paths of the effects, in the words of every release; one that a package does not have is passed over."""

ONLY_WITH = {"libc-bin": "libc6"}
"""Parts that mean nothing without another package."""

TEMPLATES = ("/usr/share/base-passwd", "/usr/share/libc-bin", "/usr/share/base-files")
"""What scripts make their files of; of no use afterwards where only a part of the package is taken."""

_COMMANDS = {
    "base-passwd": "update-passwd",
    "bash": "bash bashbug clear_console rbash",
    "bsdutils": "logger renice script scriptlive scriptreplay wall",
    "coreutils": "[ arch b2sum base32 base64 basename basenc cat chcon chgrp chmod chown chroot cksum comm cp csplit"
    " cut date dd df dir dircolors dirname du echo env expand expr factor false fmt fold groups head hostid id"
    " install join link ln logname ls md5sum mkdir mkfifo mknod mktemp mv nice nl nohup nproc numfmt od paste"
    " pathchk pinky pr printenv printf ptx pwd readlink realpath rm rmdir runcon seq sha1sum sha224sum"
    " sha256sum sha384sum sha512sum shred shuf sleep sort split stat stdbuf stty sum sync tac tail tee test"
    " timeout touch tr true truncate tsort tty uname unexpand uniq unlink users vdir wc who whoami yes",
    "dash": "dash sh",
    "debianutils": "add-shell installkernel ischroot remove-shell run-parts savelog tempfile update-shells which",
    "diffutils": "cmp diff diff3 sdiff",
    "dpkg": "dpkg dpkg-deb dpkg-divert dpkg-query dpkg-split dpkg-statoverride dpkg-trigger update-alternatives"
    " dpkg-maintscript-helper start-stop-daemon",
    "findutils": "find xargs",
    "grep": "egrep fgrep grep rgrep",
    "gzip": "gunzip gzexe gzip uncompress zcat zcmp zdiff zegrep zfgrep zforce zgrep zless zmore znew",
    "hostname": "dnsdomainname domainname hostname nisdomainname ypdomainname",
    "init-system-helpers": "deb-systemd-helper deb-systemd-invoke invoke-rc.d service update-rc.d",
    "libc-bin": "getconf getent iconv iconvconfig ldconfig ldd locale localedef pldd tzselect zdump zic",
    "login": "faillog lastlog login newgrp nologin sg",
    "ncurses-bin": "captoinfo clear infocmp infotocap reset tabs tic toe tput tset",
    "perl-base": "perl",
    "sed": "sed",
    "sysvinit-utils": "fstab-decode killall5 pidof",
    "tar": "rmt tar tarcat",
    "util-linux": "addpart agetty blkdiscard blkid blockdev chcpu chmem choom chrt ctrlaltdel delpart dmesg fallocate"
    " fincore findfs findmnt flock fsck fsfreeze fstrim getopt getty hardlink i386 ionice ipcmk ipcrm ipcs isosize"
    " last lastb ldattach linux32 linux64 lsblk lscpu lsipc lslocks lslogins lsmem lsns mcookie mesg mkfs mkswap more"
    " mountpoint namei nsenter partx pivot_root prlimit raw readprofile rename.ul resizepart rev rtcwake runuser"
    " setarch setpriv setsid setterm su sulogin swaplabel switch_root taskset unshare utmpdump wdctl whereis wipefs"
    " x86_64 zramctl",
    AWK: "awk",
}
PROVIDERS = {command: package for package, commands in _COMMANDS.items() for command in commands.split()}
"""The package that has a command."""

DATA = {"libtinfo.so": "ncurses-base", "libncurses.so": "ncurses-base", "libncursesw.so": "ncurses-base"}
"""The package without whose files a library cannot do its work, by the start of the soname."""


def parts(present: Collection[str], known: Collection[str], left_out: Collection[str]) -> list[str]:
    """The packages to take a part of, when `present` are in the image and `known` are those of the archives."""
    return [
        name
        for name in PARTS
        if name in known
        and name not in present
        and name not in left_out
        and (name not in ONLY_WITH or ONLY_WITH[name] in present)
    ]


def part_of(tree: Rootfs, name: str) -> Rootfs:
    """What is taken of a package's tree, with the folders above it."""
    matches = matcher(PARTS[name])
    places = {path for path in tree if matches(path)}
    places |= {above for path in places for above in ancestors(path)}
    return tree.without([path for path in tree if path not in places])


def without_templates(tree: Rootfs, names: Iterable[str]) -> Rootfs:
    """The tree without what only the scripts of these packages need, now that their work is done."""
    gone = [TreePath(folder) for folder in TEMPLATES if folder.rpartition("/")[2] in {*names}]
    return tree.without([folder for folder in gone if folder in tree])


def provider(name: str, catalogue: Catalogue) -> str:
    """The package that is taken for a name of `PROVIDERS` or `DATA`; empty if these archives do not count on it."""
    if name == AWK:
        found = catalogue.satisfying(Relation(AWK)) if catalogue.essential else ()
        return found[0].name if found else ""
    return name if name in catalogue.essential else ""
