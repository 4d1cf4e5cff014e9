"""git with its helpers, scripts and templates works on repositories: its own, a neighbour's, and one over TLS."""

from pathlib import Path

import pytest

from fromscratch.host.engines.contract import Engine
from tests.cli.command import Desk
from tests.engines import need
from tests.examples.bundled import Bundled, bundled, proven
from tests.examples.containers import Container, in_docker, in_podman
from tests.examples.rooms import NAME, Step
from tests.examples.telling import Tell, tell

__all__ = ["tell"]

pytestmark = [pytest.mark.slow, pytest.mark.engine]

# In the last clone the server breaks off, and a thread of git's ends itself: GLIBC opens libgcc_s.so.1 for that.
_WORK = f"""\
set -e
export HOME=/tmp/home GIT_AUTHOR_DATE='2026-11-21T00:00:00Z' GIT_COMMITTER_DATE='2026-11-21T00:00:00Z'
mkdir -p /tmp/home && cd /tmp/home
git config --global user.name ali && git config --global user.email ali@example.org
git config --global init.defaultBranch main && git config --global protocol.file.allow always
git init --quiet one && cd one
test -s .git/hooks/pre-commit.sample && test -s .git/info/exclude
echo 'der Wald steht schwarz und schweiget' >wald.txt
cp /usr/lib/git-core/git-filter-branch . && git add . && git commit --quiet --message 'ein Vers'
git gc --quiet && git fsck --strict
git grep --perl-regexp '(?<=schwarz )und'
cd .. && git clone --quiet file:///tmp/home/one two
git -C two log --format='%an: %s'
git -C two request-pull HEAD file:///tmp/home/one main >request  # by perl; it fails where perl does
git clone --quiet https://{NAME}:8443/hello.git three
git -C two submodule --quiet add file:///tmp/home/one three
git -C two submodule status
git http-push 2>&1 | grep -q 'usage: git http-push'
if test -e /usr/lib/git-core/git-add--interactive; then  # in Perl, before git 2.40
    echo und >>one/wald.txt
    echo status | git -C one -c add.interactive.useBuiltin=false add --interactive | grep '+1/-0 *wald.txt'
    perl -MGit -we 'print Git->repository(Directory => "/tmp/home/one")->command_oneline("log", "--format=%s"), "\\n"'
fi
broken='f() {{ git-upload-pack $1 | dd bs=1 count=2000; cat /usr/lib/git-core/git-filter-branch; }}; f'
said=$(git -c protocol.version=0 clone --upload-pack "$broken" file:///tmp/home/one four 2>&1) && exit 1
case $said in *libgcc*) echo "$said"; exit 1 ;; *'bad line length'*) ;; *) echo "$said"; exit 1 ;; esac
echo all done: $(cat three/poem.txt)
"""
_SPARE = {
    "auto/**": "modules of C that modules of Perl load for some of what they can do",
    "libsepol.so.2": "libselinux opens it to load a policy, which the mkdir of coreutils never does",
}
WORKED = Step(("-c", _WORK), says="all done: all that is gold does not glitter\n", entrypoint="/bin/sh")
STEPS = (
    Step(("--version",), says="git version"),
    WORKED,
)


@pytest.fixture(scope="module")
def git(desk: Desk, authority: Path) -> Bundled:
    """Its scripts need more than it: `commands` takes what they call, but for uname, which one calls that they read."""
    programs = (need("git"), need("uname"), need("mkdir"), need("dd"))
    folders = ("--plugins", "/usr/lib/git-core", "--plugins", "/usr/share/git-core/templates", "--with", "commands")
    trusted = ("--add", f"{authority}/ca.crt:/etc/ssl/certs/ca-certificates.crt")
    return bundled(desk, "git", *programs, *folders, *trusted, "--entrypoint", "git")


def test_git_works_in_docker(git: Bundled, nginx: Bundled, docker: Engine) -> None:
    with in_docker(docker, nginx) as server, in_docker(docker, git) as client:
        assert faults(server, client, git) == []


def test_git_works_in_podman(git: Bundled, nginx: Bundled, podman: Engine) -> None:
    with in_podman(podman, nginx) as server, in_podman(podman, git) as client:
        assert faults(server, client, git) == []


def faults(server: Container, client: Container, git: Bundled) -> list[str]:
    with server.serving("-g", "daemon off;") as network:
        beside = client.beside(network, git.room.root / "etc/hosts")
        return [fault for step in STEPS if (fault := beside.fault(step))]


def test_git_needs_each_of_its_libraries(git: Bundled, nginx: Bundled, tell: Tell) -> None:
    tell(git, proven(git, nginx.does(Step(())), *(git.does(step) for step in STEPS), spare=_SPARE))
