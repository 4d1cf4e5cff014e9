"""sysdig's and falco's output, in the forms that their documents and users show, and what is read from it."""

import pytest

from fromscratch.errors import FormatError
from fromscratch.formats.trace.sysdig import parse


def read(output: str) -> list[str]:
    events = parse(output.encode("utf-8", "surrogateescape").splitlines(), search=("/usr/bin", "/bin"))
    return [f"{event.kind} {event.path}" for event in events]


LS = """\
1832 14:31:23.530858089 1 ls (1410.1410) < execve res=0 exe=ls args=--color=auto.A/. tid=1410(ls) pid=1410(ls) \
ptid=1367(bash) cwd=<NA> fdlimit=1024 pgft_maj=0 vm_size=524 comm=ls cgroups=cpuset=/.cpu=/.memory=/user.slice/us... \
env=SHELL=/bin/bash.PWD=/home/... tty=34817 loginuid=1000(max) exe_ino=33899672 trusted_exepath=/usr/bin/ls
1833 14:31:23.530876301 1 ls (1410.1410) > brk addr=0
1844 14:31:23.531990664 1 ls (1410.1410) > access mode=4(R_OK)
1845 14:31:23.531996099 1 ls (1410.1410) < access res=-2(ENOENT) name=/etc/ld.so.preload
1846 14:31:23.532001446 1 ls (1410.1410) > openat dirfd=-100(AT_FDCWD) name=/etc/ld.so.cache flags=4097(O_RDONLY)
1847 14:31:23.532006428 1 ls (1410.1410) < openat fd=3(<f>/etc/ld.so.cache) dirfd=-100(AT_FDCWD) name=/etc/ld.so.cache \
flags=4097(O_RDONLY|O_CLOEXEC) mode=0 dev=FD00 ino=33685637
1856 14:31:23.532022519 1 ls (1410.1410) > read fd=3(<f>/lib64/libselinux.so.1) size=832
1857 14:31:23.532024066 1 ls (1410.1410) < read res=832 data=.ELF..............>.............pp......@......
2028 14:31:24.037793902 0 ls (1410.1410) < openat fd=-2(ENOENT) dirfd=-100(AT_FDCWD) \
name=/usr/lib/locale/locale-archive flags=4097(O_RDONLY|O_CLOEXEC) mode=0 dev=0 ino=0
2262 14:31:24.533029559 1 ls (1410.1410) > procexit status=0 ret=0 sig=0 core=0 reaper_tid=0
"""


def test_the_default_format() -> None:
    found = list(parse(LS.encode().splitlines()))
    assert [(event.kind, event.path, event.process, event.time) for event in found] == [
        ("exec", "/usr/bin/ls", "", 0),
        ("missing", "/etc/ld.so.preload", "/usr/bin/ls", 1),
        ("open", "/etc/ld.so.cache", "/usr/bin/ls", 1),
        ("open", "/lib64/libselinux.so.1", "/usr/bin/ls", 1),
        ("missing", "/usr/lib/locale/locale-archive", "/usr/bin/ls", 507),
    ]


LINES = {
    # of the first versions, whose calls begin without arguments
    "1 12:02:36.2 2 a (7) < open fd=3(<f>/etc/passwd) name=/etc/passwd flags=1(O_RDONLY) mode=0 ": ["open /etc/passwd"],
    # as web pages show it, where <f> got lost
    "1 12:02:36.2 2 a (7) < open fd=3(/etc/passwd) name=/etc/passwd flags=1(O_RDONLY) mode=0": ["open /etc/passwd"],
    # -pc: with a container
    "9 00:04:22.9 0 web-1 (cd3fa651c6dd) runc:[1:CHILD] (38477:1) < openat fd=3(<f>/etc/a) dirfd=-100(AT_FDCWD) "
    "name=/etc/a flags=4098(O_WRONLY|O_CLOEXEC) mode=0 dev=1A": ["open /etc/a"],
    # -p "%evt.rawtime %proc.name %evt.type %evt.dir %evt.args"
    "1631268063037090989 apache2 open < fd=12(<f>/etc/a) name=/etc/a flags=4097(O_RDONLY) mode=0 ": ["open /etc/a"],
    # -p "%evt.info | %proc.name"
    "fd=3(<f>/etc/a) dirfd=-100(AT_FDCWD) name=/etc/a flags=1(O_RDONLY) mode=0 dev=801  | cat": ["open /etc/a"],
    # columns of the user's own
    "openat /etc/a cat": ["open /etc/a"],
    "cat openat /etc/a": ["open /etc/a"],
    "newfstatat\t/etc/a\tcat": ["stat /etc/a"],
    "execve /usr/bin/ls ls": ["exec /usr/bin/ls"],
    "openat <NA> cat\nopenat /etc/a cat": ["open /etc/a"],
    # relative names
    "1 12:00:00.1 0 cat (7.7) < openat fd=3(<f>/home/v/d/f) dirfd=-100(AT_FDCWD) name=d/f(/home/v/d/f) flags=1"
    " mode=0": ["open /home/v/d/f"],
    "1 12:00:00.1 0 cat (7) < openat fd=3(<f>/home/v/f) dirfd=-100(AT_FDCWD) name=f flags=1(O_RDONLY)": [
        "open /home/v/f"
    ],
    "1 12:00:00.1 0 cat (7) < openat fd=3(<f>readme) dirfd=-100(AT_FDCWD) name=readme(readme) flags=1": [
        "open /readme"
    ],
    "1 12:00:00.1 0 cat (7) < execve res=0 exe=/bin/cat args= cwd=/root fdlimit=1024\n"
    "2 12:00:00.1 0 cat (7) < access res=0 name=a b flags=0": ["exec /bin/cat", "stat /root/a b"],
    "1 12:00:00.1 0 sh (7) < chdir res=0 path=/srv\n2 12:00:00.1 0 sh (7) < clone res=8(sh) exe=sh args= \n"
    "3 12:00:00.1 0 sh (8) < stat res=0 path=a": ["stat /srv", "stat /srv/a"],
    # what calls are for, and what came of them
    "1 12:00:00.1 0 nginx (7) < newfstatat res=0 dirfd=-100(AT_FDCWD) path=/a flags=0": ["stat /a"],
    "1 12:00:00.1 0 a (7) < readlink res=3 target=/b path=/a": ["readlink /a"],
    "1 12:00:00.1 0 a (7) < rename res=0 oldpath=/a newpath=/b": ["stat /a", "stat /b"],
    "1 12:00:00.1 0 a (7) < symlink res=0 target=c linkpath=/b": ["stat /b"],
    "1 12:00:00.1 0 a (7) < openat2 fd=-38(ENOSYS) dirfd=-100(AT_FDCWD) name=/a flags=1": [],
    "1 12:00:00.1 0 a (7) < open fd=-13(EACCES) name=/a flags=1": ["stat /a"],
    "1 12:00:00.1 0 a (7) < open_by_handle_at fd=4(<f>/a) mountfd=3 flags=1 path=/a": ["open /a"],
    # programs: by where the kernel found them, by what was asked for, or by any folder of the search path
    "1 12:00:00.1 0 a (7) > execve filename=/usr/sbin/sshd \n2 12:00:00.1 0 sshd (7) < execve res=0 exe=sshd args=": [
        "exec /usr/sbin/sshd"
    ],
    "1 12:00:00.1 0 sshd (7) < execve res=0 exe=sshd args=-D. cwd=/": ["exec /usr/bin/sshd", "exec /bin/sshd"],
    "1 12:00:00.1 0 a (7) < execve res=-2(ENOENT) exe=bash args= filename=/opt/x": ["missing /opt/x"],
    # falco
    "2026-10-07T07:21:02.061+0000: Warning Sensitive file opened for reading by non-trusted program | file=/etc/shadow "
    "evt_type=open user=root process=cat proc_exepath=/bin/busybox command=cat /etc/shadow": ["open /etc/shadow"],
    "10:15:42.1: Warning Sensitive file opened (user=root command=cat /etc/a file=/etc/a)": ["open /etc/a"],
    '{"output":"x","rule":"r","output_fields":{"evt.type":"openat","fd.name":"/a","proc.exepath":"/bin/b","n":null}}': [
        "open /a"
    ],
    '{"output":"x","rule":"r","output_fields":{"proc.exepath":"/bin/sh","proc.name":"sh"}}': ["exec /bin/sh"],
    # sysdig -j
    '{"evt.cpu":1,"evt.dir":"<","evt.info":"res=0 path=/a ","evt.num":3,"evt.type":"stat","proc.name":"x"}': [
        "stat /a"
    ],
    '{"evt.cpu":1,"evt.dir":">","evt.info":"fd=3(<f>/a) size=4","evt.num":3,"evt.type":"close","proc.name":"x"}': [],
    # what was open before sysdig began
    "1631268063051922957 apache2 mmap > addr=0 length=9088 prot=1(PROT_READ) flags=1(MAP_SHARED) fd=11(<f>/srv/a) "
    "offset=0 ": ["open /srv/a"],
    "1 12:00:00.1 0 a (7) > read fd=3(<f>/a) size=4": ["open /a"],
    "1 12:00:00.1 0 a (7) > read fd=3(<f>/tmp/.a (deleted)) size=4": [],
    "1 12:00:00.1 0 a (7) > read fd=3(<p>pipe:[3]) size=4": [],
    "1 12:00:00.1 0 a (7) < fcntl res=2(<f>/var/log/not-this)": [],
    # what is no file
    "4 01:40:19.6 1 httpd (7513) < accept fd=14(<4t>127.0.0.1:39175->127.0.0.1:80) tuple=a->b queuepct=0": [],
    "5 01:40:19.6 0 httpd (3750) > switch next=0 pgft_maj=0 pgft_min=522 vm_size=350196": [],
}


@pytest.mark.parametrize("lines", LINES)
def test_lines_of_every_form(lines: str) -> None:
    assert read(lines) == LINES[lines]


@pytest.mark.parametrize("text", ["", "hello\n", "/etc/passwd\n/bin/sh\n", "{}\n", "[1,\n", "a < b\n"])
def test_bytes_that_are_not_of_sysdig_are_an_error_that_says_what_to_give(text: str) -> None:
    with pytest.raises(FormatError, match=r"^F has no event of sysdig or falco$") as caught:
        list(parse(text.encode().splitlines(), what="F"))
    assert "sysdig" in caught.value.hint


def test_other_lines_are_counted() -> None:
    notes: list[str] = []
    list(parse([b"Events detected: 3", LS.encode().splitlines()[3]], what="F", note=notes.append))
    assert notes == ["F has 1 lines that are not of sysdig or falco"]
