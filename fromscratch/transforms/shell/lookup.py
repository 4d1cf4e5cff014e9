"""Where the programs that a script names are: in the tree, or among those that every installation has."""

from fromscratch.errors import ImageError
from fromscratch.model.entry import File
from fromscratch.paths import TreePath
from fromscratch.transforms.shell.machine import Machine

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Scripts of packages run where all Essential packages are, whatever the image has of them.
_USER = """
    [ arch awk b2sum base32 base64 basename basenc bash bashbug captoinfo cat chcon chgrp chmod choom chown chrt
    cksum clear clear_console cmp comm cp csplit cut dash date dd deb-systemd-helper deb-systemd-invoke debconf
    debconf-apt-progress debconf-communicate debconf-copydb debconf-escape debconf-set-selections debconf-show df
    diff diff3 dir dircolors dirname dmesg dnsdomainname domainname dpkg dpkg-deb dpkg-divert
    dpkg-maintscript-helper dpkg-query dpkg-realpath dpkg-split dpkg-statoverride dpkg-trigger du echo egrep env
    expand expr factor faillog fallocate false fgrep find findmnt flock fmt fold getconf getent getopt grep groups
    gunzip gzexe gzip hardlink head hostid hostname i386 iconv id infocmp infotocap install ionice ipcmk ipcrm ipcs
    ischroot join lastlog ld.so ldd link linux32 linux64 ln locale localedef logger logname ls lsblk lscpu lsipc
    lslocks lslogins lsmem lsns mawk mcookie md5sum mkdir mkfifo mknod mktemp more mountpoint mv namei nice
    nisdomainname nl nohup nproc nsenter numfmt od partx paste pathchk perl perl5.40.1 pidof pinky pldd pr printenv
    printf prlimit ptx pwd rbash readlink realpath rename.ul renice reset rev rgrep rm rmdir run-parts runcon
    savelog script scriptlive scriptreplay sdiff sed seq setarch setpriv setsid setterm sh sha1sum sha224sum
    sha256sum sha384sum sha512sum shred shuf sleep sort split stat stdbuf stty su sum sync tabs tac tail tar taskset
    tee tempfile test tic timeout toe touch tput tr true truncate tset tsort tty tzselect uclampset uname uncompress
    unexpand uniq unlink unshare update-alternatives users vdir wall wc wdctl whereis which which.debianutils who
    whoami x86_64 xargs yes ypdomainname zcat zcmp zdiff zdump zegrep zfgrep zforce zgrep zless zmore znew
"""
_SYSTEM = """
    add-shell agetty blkdiscard blkid blkzone blockdev chcpu chmem chroot dpkg-preconfigure dpkg-reconfigure findfs
    fsck fsfreeze fstab-decode fstrim getty iconvconfig installkernel invoke-rc.d isosize killall5 ldattach ldconfig
    mkfs mkswap pam-auth-update pam_getenv pivot_root policy-rc.d readprofile remove-shell rmt-tar rtcwake runuser
    service start-stop-daemon sulogin swaplabel switch_root tarcat update-passwd update-rc.d update-shells wipefs
    zic zramctl
"""
# Not Essential, but in every installation that is not made for a single purpose.
_REQUIRED_USER = "chage chfn chsh expiry gpasswd login mount newgrp passwd sg su umount"
_REQUIRED_SYSTEM = """
    chgpasswd chpasswd groupadd groupdel groupmems groupmod grpck grpconv grpunconv newusers nologin pwck pwconv
    pwunconv shadowconfig swapoff swapon useradd userdel usermod vigr vipw
"""
ASSUMED = {
    **{name: f"/usr/bin/{name}" for name in (*_USER.split(), *_REQUIRED_USER.split())},
    **{name: f"/usr/sbin/{name}" for name in (*_SYSTEM.split(), *_REQUIRED_SYSTEM.split())},
}


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
