"""How the command is called: help, slips of the pen, words after `--`, and streams that are not there or full."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fromscratch
from fromscratch.cli.parsing.arguments import parse
from fromscratch.cli.parsing.records import values
from fromscratch.cli.verbs.catalogue import GENERAL, VERBS
from tests.cli.command import Answer, Desk
from tests.cli.in_process import called

PROGRAM = (sys.executable, "-m", "fromscratch")
needs_full = pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="there is no /dev/full")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "desk", tmp_path / "store")
    made.write("fromscratch.yaml", "name: demo\nrootfs: [{overlay: files}]\n")
    made.write("files/bin/app", "app\n")
    return made


def through(desk: Desk, script: str, *words: str, **variables: str) -> Answer:
    """The command, started by a shell as the script says it."""
    desk.variables.update(variables)
    return desk.call(*words, program=("sh", "-c", script, "sh", *PROGRAM))


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_the_help_of_each_verb_explains_each_option(desk: Desk, verb: str) -> None:
    options = [line for line in called(desk.folder, "--help", verb).out.splitlines() if line.startswith("  --")]
    known = {flag: option for flag, option in VERBS[verb].flags().items() if option is not VERBS[verb].operand}
    assert {line.split()[0] for line in options} == set(known)
    for line in options:
        flag, value, *text = line.split()
        assert text
        named = f"[{known[flag].value}]" if known[flag].alone else known[flag].value
        assert not named or value == named


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_the_help_of_each_verb_lists_choices_and_ends_with_a_call_that_is_read(desk: Desk, verb: str) -> None:
    reported = called(desk.folder, "--help", verb).out
    for flag, option in VERBS[verb].flags().items():
        after = (
            reported if option is VERBS[verb].operand else reported.partition(f"  {flag} ")[2].partition("\n  --")[0]
        )
        text = " ".join(after.split())
        assert [choice for choice in values(option.choices) if choice not in text] == []
    [example] = [line for line in reported.splitlines() if line.startswith("Example: ")]
    words = shlex.split(example.removeprefix("Example: ").partition(" > ")[0].partition(" -- ")[0])
    if words[0] == "fromscratch":
        line = parse(words[1:], VERBS, GENERAL)
        assert verb in [request.verb.name for request in line.requests]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("b", {"build", "bundle", "fetch"}),
        ("build", {"fetch", "run"}),
        ("build --recipe", {"busybox", "buildroot-busybox", "fromscratch.yaml"}),
        ("build --recipe bus", {"busybox", "fromscratch.yaml"}),
        ("fetch --recipe = bus", {"busybox"}),
        ("fetch build --platform linux/", {"linux/amd64", "linux/arm64", "linux/riscv64"}),
        ("pack --to", {"tar", "oci", "oci-archive", "docker-archive", "aci"}),
        ("pack --to=o", {"oci", "oci-archive"}),
        ("bundle /bin/sh --to", {"oci:", "docker-archive:"}),
        ("bundle /bin/sh --without d", {"dlopen", "certificates"}),
        ("import --engine", {"docker", "podman", "buildah", "containerd"}),
        ("run --engine p", {"docker", "podman", "containerd", "none"}),
        ("import --via", {"import", "load"}),
        ("init --from", {"debian", "buildroot", "binaries", "directory", "tarball"}),
        ("run de", {"demo", "oci:", "docker://"}),
        ("push x --image", {"demo", "oci:", "podman:"}),
        ("run -- de", set()),
        ("push --a", {"--also-tag", "--image", "--recipe"}),
        ("--help b", {"build", "bundle"}),
        ("--print-completion-script", {"bash", "zsh", "fish"}),
        ("-", {"--help", "--version"}),
        ("build --output", set()),
        ("pack --", {"--to", "--output"}),
        ("run -- sh", set()),
    ],
)
def test_completion_offers_values_as_well_as_words(desk: Desk, line: str, offered: set[str]) -> None:
    called(desk.folder, "build")
    words = called(desk.folder, "--complete", "--", "fromscratch", *line.split()).out.split()
    assert offered <= set(words)
    assert bool(words) == bool(offered)


# What asks each shell for completions of a line by our script, without a terminal; zsh has no such way, and is asked
# for what the script hands over to it.
_SHELLS = {
    "bash": 'COMP_WORDS=(LINE); _complete_fromscratch fromscratch "${COMP_WORDS[-1]}"; echo "${COMPREPLY[@]}"',
    "zsh": "compadd() { print -l -- ${(M)candidates:#$words[-1]*}; }; words=(LINE); _fromscratch",
    "fish": "complete -C 'LINE'",
}


@pytest.mark.parametrize("shell", _SHELLS)
@pytest.mark.parametrize(
    ("line", "found"), [("pack --to oci-", "oci-archive"), ("build --recipe nginx", "nginx"), ("pack --j", "--json")]
)
def test_a_shell_completes_by_the_script_that_we_print(desk: Desk, shell: str, line: str, found: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    desk.write("bin/fromscratch", f'#!/bin/sh\nexec {sys.executable} -m fromscratch "$@"\n').chmod(0o755)
    desk.write("completion", called(desk.folder, "--print-completion-script", shell).out)
    desk.variables["PATH"] = f"{desk.folder}/bin:{os.environ['PATH']}"
    before = "compdef() { : }; " if shell == "zsh" else ""
    script = f"{before}. ./completion; {_SHELLS[shell].replace('LINE', f'fromscratch {line}')}"
    assert desk.call(program=(shell, "-c", script)).out.split() == [found]


def test_the_manual_page_has_every_verb_and_option_and_is_right_roff(desk: Desk) -> None:
    if shutil.which("groff") is None:
        pytest.skip("there is no groff")
    page = desk.write("fromscratch.1", called(desk.folder, "--print-man-page").out)
    shown = subprocess.run(
        ["groff", "-man", "-Tascii", "-P-c", "-P-b", "-P-u", "-ww", page], capture_output=True, text=True, check=True
    )
    assert shown.stderr == ""
    parts = {part.partition("\n")[0]: part for part in re.split(r"\n   (?=\S)", shown.stdout)}
    for verb in VERBS.values():
        part = parts[verb.name].partition("Example:")[0]
        flags = {flag for flag, option in verb.flags().items() if option is not verb.operand}
        assert {word for word in part.split() if word.startswith("--") and word in flags} == flags, verb.name
        assert verb.summary.split()[0] in part


def test_the_help_promises_the_shipped_recipe_only_to_verbs_that_take_it(desk: Desk) -> None:
    for verb, takes_it in {"build": True, "run": True, "import": False, "pack": False, "push": False}.items():
        reported = " ".join(desk.answer("--help", verb).split())
        assert ("else the shipped busybox" in reported) == takes_it


def test_the_help_lists_the_verbs_and_none_of_the_options_that_mean_nothing_here(desk: Desk) -> None:
    reported = desk.answer("--help")
    assert "  build  " in reported
    assert "sudo" not in reported
    assert desk.answer() == reported


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["--help", "nope"], "No idea what 'nope' is!", "--help"),
        (["--help", "biuld"], "No idea what 'biuld' is!", "did you mean build?"),
        (["--print-completion-script", "nosh"], "nosh", ""),
        (["--json", "build"], "--json", "an option follows its verb, as in: fromscratch build --json"),
        (["fetch", "--json"], "--json", "fetch has no --json; it is an option of"),
        (["build", "--recipe"], "--recipe needs a value", ""),
        (["init", "--from"], "--from needs a value", ""),
        (["build", "--store-dir"], "--store-dir needs a value", ""),
        (["build", "--platform", "linux/amd64", "--platform", "linux/arm64"], "linux/arm64", "say --platform once"),
        (["run", "echo", "hi"], "No idea what 'hi' is!", "words for the image follow --"),
        (["build", "--", "x"], "build takes no words after --", "only run does"),
        (["run", "--engine", "none", "--", ""], "the first word of the command is empty", "/bin/sh"),
    ],
)
def test_a_wrong_call_is_told_in_its_own_words(desk: Desk, words: list[str], message: str, hint: str) -> None:
    called(desk.folder, "build")
    answer = called(desk.folder, *words)
    reported, _, advice = answer.err.partition("\n hint: ")
    assert (answer.code, reported.startswith("error: "), "Argument" in reported) == (2, True, False)
    assert message in reported
    assert hint in advice


@needs_full
@pytest.mark.parametrize("words", ["build", "ls", "ls --json", "why /bin/app", "schema", "--help", "--version"])
def test_an_answer_that_cannot_be_written_is_an_error_with_a_hint(desk: Desk, words: str) -> None:
    desk.answer("build")
    answer = through(desk, 'exec "$@" >/dev/full', *words.split())
    assert (answer.code, "Traceback" in answer.err) == (1, False)
    assert "No space left on device" in answer.err
    assert answer.err.count(" hint: ") == 1


@needs_full
def test_a_note_that_cannot_be_written_ends_nothing(desk: Desk) -> None:
    desk.answer("build")
    assert through(desk, 'exec "$@" 2>/dev/full', "ls").out.startswith("d 0755")


def test_streams_may_be_closed(desk: Desk) -> None:
    desk.answer("build")
    assert through(desk, 'exec "$@" <&- >&- 2>&-', "ls").code == 0
    assert through(desk, 'exec "$@" 2>&-', "ls").out.startswith("d 0755")
    (desk.folder / "fromscratch.yaml").unlink()
    assert through(desk, 'exec "$@" <&-', "init").code == 0


@pytest.mark.parametrize(
    ("form", "place"),
    [
        *((form, "-") for form in ("tar", "oci-archive", "docker-archive", "aci")),
        *(("tar", place) for place in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")),
    ],
)
def test_an_image_is_not_written_to_a_standard_output_that_is_closed(desk: Desk, form: str, place: str) -> None:
    called(desk.folder, "build")
    answer = through(desk, 'exec "$@" >&-', "pack", "--to", form, "--output", place)
    assert (answer.code, answer.err.startswith("error: standard output is closed")) == (1, True), answer
    assert through(desk, 'exec "$@" >/dev/null', "pack", "--to", form, "--output", place).code == 0


@pytest.mark.parametrize("encoding", ["utf-8:strict", "ascii:strict"])
def test_any_name_can_be_printed_in_any_locale(desk: Desk, encoding: str) -> None:
    name = os.fsdecode("ü\udcff".encode("utf-8", "surrogateescape"))
    desk.variables["PYTHONIOENCODING"] = encoding
    for words in (["build"], ["build", "--json"]):
        with subprocess.Popen(
            [*PROGRAM, *words, "--output", name],
            cwd=desk.folder,
            env=desk.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            out, err = process.communicate()
        assert (process.returncode, err) == (0, b"")
    assert json.loads(out)["layout"] == f"{name}/oci"


def test_a_current_folder_that_is_gone_is_told(desk: Desk) -> None:
    answer = through(desk, 'mkdir gone && cd gone && rmdir ../gone && exec "$@"', "build")
    assert (answer.code, answer.err.startswith("error: the current folder is gone")) == (2, True)


def test_what_the_system_refuses_is_no_traceback(desk: Desk) -> None:
    answer = desk.call("ls", "x" * 5000)
    assert (answer.code, "Traceback" in answer.err, answer.err.count(" hint: ")) == (1, False, 1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_entered_is_no_traceback(desk: Desk) -> None:
    shut = desk.folder / "shut"
    shut.mkdir(mode=0o000)
    for words in (["build", "--output", "shut/x"], ["ls", "tar:shut/x"], ["build", "--recipe", "shut/x.yaml"]):
        answer = desk.call(*words)
        assert answer.code in (1, 2)
        assert "Permission denied" in answer.err
        assert "Traceback" not in answer.err
    shut.chmod(0o755)


@pytest.mark.parametrize("epoch", ["²", "٣", "-1", "1.5", " 12 ", "253402300800", "9" * 5000])
def test_an_epoch_is_written_in_plain_digits_and_in_a_year_of_four(desk: Desk, epoch: str) -> None:
    desk.variables["SOURCE_DATE_EPOCH"] = epoch
    answer = desk.call("build")
    assert (answer.code, "seconds since 1970" in answer.err, "Traceback" in answer.err) == (2, True, False)


def test_the_last_second_of_the_calendar_is_an_epoch(desk: Desk) -> None:
    desk.variables["SOURCE_DATE_EPOCH"] = "0253402300799"
    desk.answer("build")
    assert json.loads((desk.folder / "build/demo/evidence.json").read_text())["epoch"] == 253402300799


@pytest.mark.parametrize("verb", ["closure", "cmake-dir"])
def test_a_verb_loads_nothing_that_it_does_not_use(verb: str) -> None:
    """Such as other verbs, what reads recipes, or pathlib, which takes longer to load than a closure lasts."""
    script = "import sys; from fromscratch.cli.main import main; code = main(sys.argv[1:]); print(*sys.modules)"
    words = [verb, sys.executable] if verb == "closure" else [verb]
    answer = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)
    names = answer.stdout.splitlines()[-1].split()
    loaded = {name.split(".")[0] for name in names}
    assert f"fromscratch.cli.verbs.{verb.replace('-', '_')}" in names
    assert not loaded & {
        "invoke",
        "msgspec",
        "requests",
        "tqdm",
        "elftools",
        "zlib_ng",
        "zstandard",
        "filelock",
        "json",
    }
    assert not [name for name in names if name.startswith(("fromscratch.flow", "fromscratch.cli.verbs.bundle.build"))]
    assert verb != "closure" or not loaded & {"pathlib", "difflib", "dataclasses"}


def test_a_closure_is_answered_without_what_takes_as_long_to_load() -> None:
    script = "import sys; from fromscratch.cli.main import main; main(['closure', sys.executable]); print(*sys.modules)"
    env = {"PYTHONPATH": str(Path(fromscratch.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-S", "-c", script], capture_output=True, text=True, check=True, env=env)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "fromscratch.linker.closure" in loaded
    of_typing = {"typing", "re", "enum", "copy"} if sys.version_info < (3, 14) else set()
    assert not loaded & {"pathlib", "msgspec", "json", "subprocess", *of_typing}


@pytest.mark.parametrize("verb", [("build",), ("bundle", "files/bin/program", "--output", "made")])
def test_what_has_not_changed_is_told_without_what_builds_load(desk: Desk, verb: tuple[str, ...]) -> None:
    """Each of these takes a millisecond or more, which is a tenth of what Python itself takes to start."""
    shutil.copy("/bin/true", desk.write("files/bin/program", ""))
    desk.answer(*verb)
    script = "import sys; from fromscratch.cli.main import main; code = main(sys.argv[1:]); print(*sys.modules)"
    done = desk.call(*verb, program=(sys.executable, "-c", script))
    assert "unchanged" in done.out
    loaded = set(done.out.splitlines()[-1].split())
    slow = {"dataclasses", "difflib", "inspect", "logging", "requests", "shutil", "subprocess", "tempfile", "tqdm"}
    assert not loaded & slow
    assert "yaml" not in loaded or verb == ("build",)
    rooms = ("formats.tar", "formats.packing.layer", "host.process")
    unused = (*rooms, "linker.beyond.perl", "linker.beyond.ruby", "linker.beyond.node", "formats.oci.artifact")
    assert not [name for name in loaded if name.startswith(tuple(f"fromscratch.{room}" for room in unused))]


def test_names_of_a_recipe_are_utf_8_in_every_locale(desk: Desk) -> None:
    desk.write("fromscratch.yaml", "name: demo\nrootfs: [{overlay: café}, {directory: {path: naïve, into: /ñ}}]\n")
    desk.write("café/日本", "")
    desk.write("naïve/x", "")
    desk.variables.update(LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")  # names are ASCII to this process
    desk.answer("build")
    del desk.variables["PYTHONUTF8"]
    assert "unchanged" in desk.answer("build")
    assert r"/日本" in desk.answer("ls")
