"""What shell scripts call by its path, as far as the path can be known without running anything."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.linker.beyond.scripts import calls as reader
from fromscratch.linker.beyond.scripts import finder as scripts
from fromscratch.linker.beyond.scripts.calls import Files, calls
from tests.linker.beyond.scenes import listing, scene, settled
from tests.steps import check_growth
from tests.trees import text

NOTHING = Files(read=lambda path: None, resolve=lambda path: path, matching=lambda pattern: ())


def called(script: str, path: str = "/opt/app/bin/it", files: Files = NOTHING) -> str:
    """The calls by a path, each as role, path and marks: `!` for one that is certain, `?` for one that is tested."""
    found = calls(script.encode(), path, files).calls
    return "; ".join(
        f"{each.role} {each.word}{'!' * each.certain}{'?' * each.tested}{' exec' * each.replaces}"
        for each in found
        if "/" in each.word
    )


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("exec /usr/bin/jq", "command /usr/bin/jq! exec"),
        ('exec "/usr/bin/jq" "$@"', "command /usr/bin/jq! exec"),
        ("exec '/usr/bin/jq'", "command /usr/bin/jq! exec"),
        ('exec -a "$0" "/nix/store/abc-jq/bin/.jq-wrapped" "$@"', "command /nix/store/abc-jq/bin/.jq-wrapped! exec"),
        ("exec env -u HOME A=b /usr/bin/jq", "command /usr/bin/jq! exec"),
        ("nice -n 5 /usr/bin/jq", "command /usr/bin/jq!"),
        ("x=$(/usr/bin/jq .)", "command /usr/bin/jq!"),
        ('echo "`/usr/bin/jq .`"', "command /usr/bin/jq!"),
        ("cat <<EOF\n$(/usr/bin/jq)\nEOF", "command /usr/bin/jq!"),
        ("cat <<'EOF'\n$(/usr/bin/jq)\nEOF", ""),
        ("# /usr/bin/jq\n", ""),
        ("if x; then /usr/bin/jq; fi", "command /usr/bin/jq"),
        ("x || /usr/bin/jq", "command /usr/bin/jq"),
        ("f() { /usr/bin/jq; }", "command /usr/bin/jq"),
        ("[ -x /usr/bin/jq ] && /usr/bin/jq", "command /usr/bin/jq?"),
        ("command -v /usr/bin/jq >/dev/null && /usr/bin/jq", "command /usr/bin/jq?"),
        ("sh -c '/usr/bin/jq .'", "command /usr/bin/jq!"),
        ("trap '/usr/bin/jq' EXIT", "command /usr/bin/jq"),
        ("eval exec /usr/bin/jq", "command /usr/bin/jq! exec"),
        (". /usr/share/it.sh", "source /usr/share/it.sh!"),
        ("exec java -jar /opt/it.jar", "argument /opt/it.jar! exec"),
        ("a=(1 2)\nexec /usr/bin/jq", "command /usr/bin/jq! exec"),
        ("exec $UNKNOWN/bin/jq", ""),
    ],
)
def test_commands_by_their_path_are_found_wherever_they_stand(script: str, expected: str) -> None:
    assert called(script) == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("R=/usr/lib/it\nB=$R/bin\nexec \"$B/it\"", "/usr/lib/it/bin/it"),
        ("export R=/usr/lib/it; exec $R/it", "/usr/lib/it/it"),
        ("exec ${HOME_OF_IT:-/usr/lib/it}/it", "/usr/lib/it/it"),
        (": ${R:=/usr/lib/it}\nexec $R/it", "/usr/lib/it/it"),
        ("R=/usr; R=$R/lib; exec $R/it", "/usr/it /usr/lib/it"),
        ("R=/a; R+=/b; exec $R/it", "/a/it /a/b/it"),
        ("for x in /a /b; do $x/it; done", "/a/it /b/it"),
        ("L='/a/it /b/it'; for x in $L; do $x; done", "/a/it /b/it"),
        ('exec "$(dirname "$0")/../lib/it"', "/opt/app/bin/../lib/it"),
        ('exec "${0%/*}/it.real"', "/opt/app/bin/it.real"),
        ('exec "$0.real"', "/opt/app/bin/it.real"),
        ('d=$(cd "$(dirname "$0")/.." && pwd)\nexec "$d/lib/it"', "/opt/app/lib/it"),
        ('d=$(dirname -- "$(readlink -f -- "$0")")\nexec $d/it.real', "/opt/app/bin/it.real"),
        ('exec $debugger /usr/bin/it', ""),
        ('debugger=\nexec $debugger /usr/bin/it', "/usr/bin/it"),
    ],
)  # fmt: skip
def test_paths_are_followed_through_variables_and_the_place_of_the_script(script: str, expected: str) -> None:
    found = calls(script.encode(), "/opt/app/bin/it", NOTHING).calls
    assert " ".join(each.word for each in found if each.role == "command" and "/" in each.word) == expected


def test_files_that_are_sourced_are_read_with_the_variables_that_they_set() -> None:
    files = {"/etc/it.conf": b"R=/usr/lib/it", "/usr/lib/it/a.sh": b"/usr/bin/a", "/usr/lib/it/b.sh": b"/usr/bin/b"}
    seen = Files(
        read=files.get,
        resolve=lambda path: path,
        matching=lambda pattern: [path for path in files if path.startswith("/usr/lib/it/")],
    )
    assert called('. /etc/it.conf\nfor f in "$R"/*.sh; do . $f; done', files=seen) == (
        "source /etc/it.conf!; source /usr/lib/it/a.sh; command /usr/bin/a; source /usr/lib/it/b.sh; command /usr/bin/b"
    )


def test_a_file_that_sources_itself_is_read_once() -> None:
    seen = Files(read={"/a": b". /a\n/usr/bin/it"}.get, resolve=str, matching=lambda pattern: ())
    assert called(". /a", files=seen) == "source /a!; command /usr/bin/it!"


SYSTEM = """
    l 0777 0:0 /bin -> usr/bin
    f 0755 0:0 /usr/bin/dash '\\x7fELF'
    l 0777 0:0 /usr/bin/sh -> dash
    f 0755 0:0 /usr/bin/jq '\\x7fELF'
    f 0755 0:0 /usr/bin/sed '\\x7fELF'
    f 0755 0:0 /usr/bin/python3 '\\x7fELF'
    f 0644 0:0 /usr/share/it/main.py ''
    f 0644 0:0 /usr/share/it/common.sh 'sed'
    f 0644 0:0 /usr/share/it/data ''
    f 0600 0:0 /usr/share/it/secret ''
    f 0644 0:0 /etc/default/it ''
    f 0755 0:0 /nix/store/a-git/bin/git '\\x7fELF'
"""


def says(script: str) -> str:
    return listing(scripts.find(scene(SYSTEM + f"f 0755 0:0 /usr/bin/it {script!r}", "/usr/bin/it")))


def test_what_a_script_calls_by_its_path_is_taken_and_what_it_may_lack_is_optional() -> None:
    script = """#!/bin/sh
        [ -r /etc/default/it ] && . /etc/default/it
        . /usr/share/it/common.sh
        if [ -x /usr/bin/sed ]; then /usr/bin/sed 1d; fi
        cat /usr/share/it/data
        exec python3 /usr/share/it/main.py /usr/share/it/secret
    """
    assert says(script) == text("""
        interpreter certain /bin/sh interpreter of /usr/bin/it (#!/bin/sh)
        commands likely optional /usr/share/it/common.sh opened by /usr/bin/it (reads /usr/share/it/common.sh)
        commands likely optional /usr/bin/sed opened by /usr/bin/it (command /usr/bin/sed)
        commands likely optional /usr/share/it/main.py opened by /usr/bin/it (python3 of /usr/share/it/main.py)
        offer commands commands that /usr/bin/it seems to call: python3
    """)


def test_a_large_command_that_the_script_looks_for_first_is_offered() -> None:
    large = f"f 0755 0:0 /usr/bin/large {'x' * (1 << 20) + 'x'!r}"
    script = "#!/bin/sh\n[ -x /usr/bin/large ] && exec /usr/bin/large\nexec /usr/bin/jq"
    it = scene(SYSTEM + large + f"\nf 0755 0:0 /usr/bin/it {script!r}", "/usr/bin/it")
    assert listing(scripts.find(it)).splitlines()[1:] == [
        "commands certain optional /usr/bin/jq opened by /usr/bin/it (command /usr/bin/jq)",
        "offer commands commands that /usr/bin/it seems to call: large",
    ]


def test_a_command_that_the_script_becomes_and_that_is_not_here_is_told() -> None:
    assert says("#!/bin/sh\nexec /opt/gone/bin/it") == text("""
        interpreter certain /bin/sh interpreter of /usr/bin/it (#!/bin/sh)
        warning commands /usr/bin/it ends in /opt/gone/bin/it, which is not here
    """)
    assert "warning" not in says("#!/bin/sh\nif x; then exec /opt/gone/bin/it; fi")


def test_folders_that_a_wrapper_puts_into_path_are_offered() -> None:
    script = "#!/bin/sh\nexport PATH='/nix/store/a-git/bin'${PATH:+':'}$PATH\ngit\nexec /usr/bin/jq"
    assert says(script).splitlines()[1:] == [
        "commands certain optional /usr/bin/jq opened by /usr/bin/it (command /usr/bin/jq)",
        "commands likely optional /nix/store/a-git/bin/git opened by /usr/bin/it (command git)",
        "offer commands /nix/store/a-git/bin (1 file), which /usr/bin/it puts into PATH",
    ]


def test_scripts_that_call_scripts_are_followed() -> None:
    tree = SYSTEM + "f 0755 0:0 /one '#!/bin/sh\\nexec /two'\nf 0755 0:0 /two '#!/bin/sh\\nexec /usr/bin/jq'"
    end, _ = settled(scene(tree, "/one"), scripts.find)
    assert sorted(end.objects) == ["/usr/bin/dash", "/usr/bin/jq"]


@given(st.text(max_size=300).map(lambda raw: raw.replace("q", "${").replace("z", "$(").replace("x", "`")))
def test_any_text_is_read_without_an_exception(raw: str) -> None:
    called(raw)


@pytest.mark.parametrize("piece", ["$(", "a=$a$a;", "a=/$a/b;$a;", ". /a;", "for a in $a /b; do $a; done;", "eval "])
def test_the_work_grows_with_the_size_only(piece: str) -> None:
    numbers = count()  # a script that was parsed once is not parsed again
    check_growth(lambda size: called(f"# {next(numbers)}\n" + piece * (size // len(piece))), 500, reader)
