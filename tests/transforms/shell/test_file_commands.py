"""Commands on files do to a tree what the real ones do to a folder."""

import os
import shlex

import pytest

from fromscratch.paths import TreePath
from fromscratch.transforms.shell.machine import NotUnderstood
from fromscratch.transforms.shell.streams import UnknownFiles
from fromscratch.transforms.shell.values import Doubt
from tests import trees
from tests.transforms.shell import beside

TREE = """
    d 0755 0:0 /a
    f 0644 0:0 /a/one 'one\\n'
    f 0755 0:0 /a/run '#!/bin/sh\\n'
    l 0777 0:0 /a/link -> one
    l 0777 0:0 /a/broken -> nothing
    d 0700 0:0 /a/deep
    f 0600 0:0 /a/deep/secret 'secret\\n'
    l 0777 0:0 /a/deep/up -> ../one
    d 0755 0:0 /b
    f 0640 0:0 /b/one 'another\\n'
    d 0755 0:0 /empty
    d 2775 0:8 /shared
    l 0777 0:0 /to-b -> b
    f 4755 0:0 /setuid 'x'
    f 6755 0:0 /setid 'x'
    f 2644 0:0 /setgid 'x'
    f 0644 0:0 /first 'hard\\n'
    h 0644 0:0 /second => /first
    p 0600 0:0 /fifo
    d 0755 0:0 /etc
    f 0644 0:0 /etc/passwd 'root:x:0:0:root:/root:/bin/sh\\nmail:x:8:8:mail:/var/mail:/bin/false\\nlist:x:38:38::/:\\n'
    f 0644 0:0 /etc/group 'root:x:0:\\nmail:x:8:\\nlist:x:38:\\nadm:x:4:\\n'
"""

# Each line is one case: commands one after the other on the same tree.
CASES = """
mkdir x
mkdir a
mkdir x/y
mkdir -p x/y/z
mkdir -p a/deep b
mkdir -p a/one
mkdir -p a/one/x
mkdir -m 700 x; mkdir -m 1777 y; mkdir -m u=rwx,g=rx,o= z
mkdir -p -m 0750 x/y/z
mkdir -p -m 700 a
mkdir -pm 2775 x
mkdir x a y
mkdir -p x/ y//z/ ./w
mkdir to-b/x
mkdir -p to-b/x/y
mkdir a/broken; mkdir -p a/broken
mkdir a/link
mkdir shared/x; mkdir -p shared/y/z; mkdir -m 755 shared/w; mkdir -m 0755 -p shared/v/u
mkdir
mkdir -v x
install -d x
install -d x/y/z
install -d -m 700 x/y
install -d -m 2750 x
install -d a
install -d -m 700 a b
install -d shared/x shared
install -d shared/x/y/z
install -d a/one
install -d -o mail -g adm -m 0750 x/y
install -d -o mail a
install a/one c
install -m 644 a/one c
install -m 0600 a/one b
install -m 0600 a/one a/run b
install -D a/one x/y/z
install -D -m 644 a/one x/y/
install -Dm644 -t x/y a/one b/one
install -t b a/one
install -T a/one b
install -T a/one c
install a/one a/link
install a/link c
install a/one a/broken
install a/nothing c
install a b
install a/one a/one
install second first
install -m 4755 -o mail a/one c
install -o mail -g mail -m 640 a/one c
install -g adm a/one shared/c
install -m 2755 a/one shared/c
install /dev/null c
install -m 600 /dev/null a/one
install -b a/one b/one
install -S .orig a/one b/one
install --mode=u=rw,go=r a/one c
install a/one nowhere/c
install a/one
install -C a/one b/one
ln -s x y
ln -s x a/one
ln -sf x a/one
ln -sf x a
ln -sfn x a
ln -s x to-b
ln -sfn x to-b
ln -sf x to-b
ln -sT x to-b
ln -sfT x to-b
ln -sfT x a
ln -snf ../x b
ln -s a/one
ln -s a/one a/run b
ln -s -t b a/one a/run
ln -s a/one a/run c
ln a/one c
ln a/link c
ln -L a/link c
ln a/broken c
ln -L a/broken c
ln a c
ln a/one b/one
ln -f a/one b/one
ln -f first second
ln -f first first
ln first third; ln -f a/one first
ln -f second third; rm first
ln -sr a/one b/link
ln -sr a/deep b
ln -sr nowhere/x a/deep/link
ln -srf a/one a/link
ln -sb x a/one
ln -s --backup=numbered x a/one; ln -s --backup=numbered y a/one
ln -s '' y
ln -s x nowhere/y
ln -s x y/
cp a/one c
cp a/one b
cp a/one b/one
cp a/run b/one
cp a/link c
cp -d a/link c
cp -P a/link c
cp a/broken c
cp -P a/broken c
cp a/one a/link
cp a/one a/broken
cp --remove-destination a/one a/link
cp -f a/one a/link
cp a c
cp -r a c
cp -r a b
cp -R a empty
cp -rT a b
cp -a a c
cp -a a/. b
cp -a a/* b
cp -r a/ c/
cp -a to-b c
cp -a to-b/ c
cp -r to-b c
cp -rL a c
cp -rL b c; cp -rL to-b d
cp -rH to-b c
cp -p setuid c
cp setuid c
cp -a setuid setid c
cp first second b
cp -a first second b
cp -d first second b
cp --preserve=links first second b
cp --preserve=mode setuid c
cp --no-preserve=mode -a a c
cp -n a/one b/one
cp -n a/one c
cp -u a/one c
cp a/one a/one
cp first second
cp -l a/one c
cp -al a c
cp a/one a/run
cp a/one b/one empty
cp a/one b c
cp -t empty a/one b/one
cp -T a/one empty
cp a/one nowhere/c
cp a/one c/
cp a/nothing c
cp a/nothing a/one empty
cp --parents a/deep/secret empty
cp -r b/. a
cp -b a/one b/one
cp -S .bak a/one b/one
cp --backup=numbered a/one b/one; cp --backup=numbered a/run b/one; cp -b a/one b/one
cp -a fifo c
cp -r a/deep shared
cp a/one shared
cp -p a/one shared
cp /dev/null a/one
cp a/one second
cp --remove-destination a/one second
cp -a a/deep/up c
cp a/one a/deep/../c
cp -rp shared c
mv a c
mv a b
mv a/one c
mv a/one b
mv a/one a/run b
mv a/one b/one empty
mv a/one b/one
mv -T a b
mv -T a empty
mv -T a c
mv a a/deep
mv a/link c
mv a/broken c
mv to-b c
mv a/one to-b
mv -T a/one to-b
mv -n a/one b/one
mv -f a/one b/one
mv -b a/one b/one
mv a/nothing c
mv a/one nowhere/c
mv first second
mv first c; mv second d
mv a/one second
mv b/one first
mv a/one a/one
mv a/one empty
mv b empty
mv empty b
mv a/one c/
mv a/ c/
mv shared a
mv a b; mv b c; mv c/a d
rm a/one
rm a
rm -r a
rm -rf a b
rm -f nothing
rm nothing
rm -f nothing a/one
rm -f
rm
rm -d empty
rm -d a
rm to-b
rm -rf to-b
rm -rf to-b/
rm -r a/.
rm -rf a/..
rm -f a/link a/broken
rm first
rm first; rm second
rm -f a/one/x
rm -f nowhere/x
rm -rf nowhere/x
rm -rf a/*
rm -r empty fifo nothing b
rmdir empty
rmdir a
rmdir --ignore-fail-on-non-empty a
mkdir -p x/y/z; rmdir -p x/y/z
mkdir -p x/y/z; touch x/f; rmdir -p x/y/z
mkdir -p x/y/z; touch x/f; rmdir -p --ignore-fail-on-non-empty x/y/z
rmdir a/one nothing empty
rmdir to-b
unlink first
unlink a
touch a/one c
touch -c c
touch c/d
touch nowhere/x
touch a/broken
touch a
touch shared/x
touch -h a/broken
touch c/
touch -r a/one c
mkfifo c
mkfifo -m 600 c d
mkfifo a
mknod c p
chmod 600 a/one
chmod 0 a/one
chmod 00755 shared
chmod 755 shared
chmod 0755 shared
chmod g-s shared
chmod =rx shared
chmod u=rwx,g=rwx,o= shared
chmod 4755 a/one
chmod u+s,g+s a/run
chmod +x a/one
chmod -x a/run
chmod a-x a/run
chmod -w a/one
chmod go-rwx a/run a/one
chmod ug+rw,o-r a/one
chmod g=u a/run
chmod o=g,g= a/run
chmod g+u,o+g-w a/one
chmod +X a/one a/run a
chmod -R go+rX,u+w a
chmod -R 700 a
chmod -R g+s,o-rwx a b
chmod -R a=rX a
chmod +t a
chmod 1777 a
chmod a+st b
chmod u=s,o=t b/one
chmod 644 a/link
chmod 600 a/broken
chmod 600 nothing a/one
chmod -f 600 nothing
chmod -R 600 a/link
chmod -R 700 to-b
chmod --reference=setuid a/one
chmod --reference=shared b
chmod -R u-s setuid
chmod =755 a/one
chmod 600 second
chmod -- -x a/run
chmod a= a/one
chmod go= a
chown mail a/one
chown mail:adm a/one
chown mail: a/one
chown :adm a/one
chown 1234:4321 a/one
chown mail.adm a/one
chown -R mail a
chown -R mail:mail a b to-b
chown mail a/link
chown -h mail a/link
chown mail a/broken
chown -h mail a/broken
chown mail to-b
chown -R mail to-b
chown -R -H mail to-b
chown mail nothing a/one
chown -f mail nothing
chown mail setuid setid setgid
chown root setuid
chown mail second
chown -R --from=root mail a
chown mail a/one; chown --from=mail:root list:adm a/one b/one
chown --reference=shared a/one
chown -h list:list a/deep/up a/deep
chown +8:+4 a/one
chgrp adm a/one setid setgid
chgrp -R adm a
chgrp -h adm a/link
chgrp 4 a
chgrp --reference=shared a/one
cat a/one b/one
cat a/one nothing b/one
cat a
cat
cat -
cat a/one - b/one
cat -s a/one
cat a/link
cat a/broken
tee a/one
tee c d
tee -a a/one c
tee a
tee nowhere/x
tee a/link; tee a/broken
tee second
readlink a/link
readlink a/one
readlink to-b a/link
readlink -n a/link
readlink nothing
basename /a/b/c
basename c.txt .txt
basename .txt .txt
basename /
basename a/
basename -a a/b c/d
basename -s .c x.c y/z.c
basename ''
basename a b c
dirname /a/b/c
dirname a a/b /a / a// //a a//b ''
dirname
stat -c %a setuid a/one shared
stat -c '%U:%G %u %g' a/one
stat -c %F a a/one a/link fifo empty
stat -c '%n %s %A' a/one setid setgid a/link
stat -L -c %F a/link to-b
stat -c %h first
stat -c %a%% nothing a
stat --format=%a a/one
cmp a/one a/link
cmp -s a/one b/one
cmp -s a/one nothing
diff -q a/one a/link
"""


def commands(line: str) -> list[list[str]]:
    """The commands of one case; a `*` stands for what is in `a`."""
    found = []
    for each in line.split(";"):
        words = shlex.split(each)
        if "a/*" in words:
            at = words.index("a/*")
            words[at : at + 1] = ["a/broken", "a/deep", "a/link", "a/one", "a/run"]
        found.append(words)
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="scripts of packages run as root, and so must the real programs")
@pytest.mark.slow
def test_every_case_does_to_the_tree_what_the_real_programs_do() -> None:
    tree = trees.tree(TREE)
    differing = []
    for line in CASES.strip().splitlines():
        mine, theirs = (each(tree, commands(line), b"given\n\n\n") for each in (beside.ours, beside.real))
        if mine != theirs and "-v" not in line:
            differing.append(f"{line}\n{_difference(mine, theirs)}")
    assert differing == []


def _difference(mine: list[str], theirs: list[str]) -> str:
    rows = [set("\n".join(each).splitlines()) for each in (mine, theirs)]
    return "\n".join(
        [
            *(f"  ours: {row}" for row in sorted(rows[0] - rows[1])),
            *(f"  real: {row}" for row in sorted(rows[1] - rows[0])),
        ]
    )


def test_what_is_made_says_which_line_of_which_script_made_it() -> None:
    machine = beside.machine_of(trees.tree("d 0755 0:0 /etc"))
    machine.package, machine.script, machine.line = "redis-server", "postinst", 12
    beside.done(machine, ["mkdir", "/etc/redis"])
    entry = machine.tree.find("/etc/redis")
    assert entry is not None
    assert [(each.reason, each.detail) for each in entry.origins] == [
        ("made by", "line 12 of the postinst of redis-server")
    ]


@pytest.mark.parametrize(
    "words", ["chown nobody-here /a", "cp -i /a /b", "rm -i /a", "mkdir --nothing /b", "touch -d tomorrow /a"]
)
def test_what_cannot_be_known_is_not_guessed(words: str) -> None:
    machine = beside.machine_of(trees.tree("f 0644 0:0 /a 'x'\nf 0644 0:0 /b 'y'"))
    with pytest.raises(NotUnderstood):
        beside.done(machine, words.split())


def test_what_a_command_that_was_left_out_would_have_written_is_not_read_as_if_it_were_known() -> None:
    tree = trees.tree("d 0755 0:0 /etc\nf 0644 0:0 /etc/known 'x\\n'")
    machine = beside.machine_of(tree)
    machine.state(UnknownFiles).doubts[TreePath("/etc/made")] = Doubt("a program makes it")
    for line in ("cat /etc/made", "cp /etc/made /b", "install /etc/made /b", "mv /etc/made /b", "chmod 600 /etc/made"):
        assert beside.attempted(machine, line.split()) == "left out: a program makes it"
    assert beside.attempted(machine, ["cp", "/etc/known", "/etc/made"]).startswith("succeeds")
    assert beside.attempted(machine, ["cat", "/etc/made"]) == r"succeeds b'x\n'"
