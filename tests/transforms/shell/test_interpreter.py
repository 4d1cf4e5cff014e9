"""What scripts of packages make of a tree, and what is left out of them since it cannot be known."""

from fromscratch.transforms.shell.interpreter import run_script
from tests import trees
from tests.transforms.shell.interpreting import interpret, left_out, machine, written


def test_files_that_a_script_writes_are_in_the_tree_with_the_line_that_made_them() -> None:
    _, where = interpret("#!/bin/sh\numask 077\necho one > /etc/demo\necho two >> /etc/demo\n")
    assert trees.listed(where.tree.finished()) == trees.text("""
        d 0755 0:0 /etc
        f 0600 0:0 8 /etc/demo
        d 1777 0:0 /tmp
        d 0755 0:0 /usr
        d 0755 0:0 /usr/bin
        f 0755 0:0 4 /usr/bin/probe
    """)
    entry = where.tree.find("/etc/demo")
    assert entry is not None
    assert [origin.detail for origin in entry.origins] == [
        "line 3 of the postinst of demo",
        "line 4 of the postinst of demo",
    ]


def test_a_program_is_never_run_and_what_depends_on_its_output_is_left_out() -> None:
    status, where = interpret("#!/bin/sh\nset -e\nkey=$(probe)\necho key=$key > /etc/key\necho ok > /etc/ok\n")
    assert status == 0
    assert where.tree.find("/etc/key") is None
    assert written(where, "/etc/ok") == "ok\n"
    assert left_out(where) == [
        "3: probe: probe is a program, and programs are not run",
        "4: what is written to /etc/key: $key: probe is a program, and programs are not run",
    ]


def test_a_condition_that_nobody_knows_leaves_all_branches_out_and_their_variables_in_doubt() -> None:
    branches = "if probe; then x=1; echo a > /etc/a; else x=2; fi"
    _, where = interpret(f"#!/bin/sh\n{branches}\necho $x > /etc/x\n[ -n known ] && echo b > /etc/b\n")
    assert where.tree.find("/etc/a") is None
    assert where.tree.find("/etc/x") is None
    assert written(where, "/etc/b") == "b\n"
    assert left_out(where) == [
        "2: probe: probe is a program, and programs are not run",
        "2: echo a > /etc/a: the condition at line 2 is not known: probe",
        "3: what is written to /etc/x: $x: the condition at line 2 is not known: probe",
    ]


def test_what_changes_nothing_is_not_listed_when_it_is_left_out() -> None:
    _, where = interpret("#!/bin/sh\nif probe; then echo hello; [ -d /etc ]; cat /etc/passwd >&2; fi\n")
    assert left_out(where) == ["2: probe: probe is a program, and programs are not run"]


def test_sed_changes_nothing_unless_it_works_in_place() -> None:
    _, where = interpret("if probe; then sed s/a/b/ /etc/x; sed -i s/a/b/ /etc/x; fi\n")
    assert [line for line in left_out(where) if ": sed" in line] == [
        "1: sed -i s/a/b/ /etc/x: the condition at line 1 is not known: probe"
    ]


def test_a_branch_that_may_end_the_script_leaves_out_all_that_follows() -> None:
    _, where = interpret("#!/bin/sh\nif probe; then exit 0; fi\necho a > /etc/a\n")
    assert where.tree.find("/etc/a") is None
    assert [line.partition(":")[0] for line in left_out(where)] == ["2", "3"]


def test_a_branch_that_would_fail_is_not_taken() -> None:
    _, where = interpret("#!/bin/sh\nset -e\nif probe; then exit 1; fi\nprobe || exit 1\necho a > /etc/a\n")
    assert written(where, "/etc/a") == "a\n"


def test_an_unknown_status_before_or_true_is_success() -> None:
    status, where = interpret("#!/bin/sh\nset -e\nif probe || true; then echo a > /etc/a; fi\n")
    assert (status, written(where, "/etc/a")) == (0, "a\n")


def test_a_failure_under_set_e_ends_the_script_and_lists_the_rest() -> None:
    status, where = interpret("#!/bin/sh\nset -e\n[ -f /etc/missing ]\necho a > /etc/a\n")
    assert status == 1
    assert where.tree.find("/etc/a") is None
    assert [line.split(":")[0] + line.split(":")[1] for line in left_out(where)] == [
        "4 echo a > /etc/a",
        "3 the rest of the script",
    ]


def test_a_script_that_ends_itself_with_a_failure_says_so() -> None:
    status, where = interpret("#!/bin/sh\nif [ ! -e /proc ]; then\n  exit 3\nfi\n")
    assert (status, left_out(where)) == (3, ["3: the rest of the script: it ends with status 3 here"])


def test_a_script_of_the_tree_is_interpreted_and_a_program_is_not() -> None:
    where = machine("""
        f 0755 0:0 /usr/bin/helper '#!/bin/sh\\necho "$1 $V" > /etc/helped\\necho said\\n'
        f 0755 0:0 /usr/bin/native '\\x7fELF'
    """)
    interpret("#!/bin/sh\nV=v; export V; W=$(helper a); echo $W > /etc/w\nnative\n", on=where)
    assert written(where, "/etc/helped") == "a v\n"
    assert written(where, "/etc/w") == "said\n"
    assert left_out(where) == ["3: native: native is a program, and programs are not run"]


def test_patterns_are_matched_against_the_tree() -> None:
    where = machine("""
        d 0755 0:0 /etc/d
        f 0644 0:0 /etc/d/b.conf
        f 0644 0:0 /etc/d/a.conf
        f 0644 0:0 /etc/d/.hidden.conf
        f 0644 0:0 /etc/d/c.txt
    """)
    interpret("#!/bin/sh\ncd /etc; echo d/*.conf /etc/*/c.* /no*/x > /etc/found\n", on=where)
    assert written(where, "/etc/found") == "d/a.conf d/b.conf /etc/d/c.txt /no*/x\n"


def test_a_script_that_goes_on_for_ever_is_left_out() -> None:
    for body in (
        "while :; do :; done",
        "f() { f; }; f",
        "x=x; while :; do x=$x$x; done",
    ):
        status, where = interpret(f"#!/bin/sh\n{body}\n")
        assert status is None
        assert [each.command for each in where.left_out] == ["the rest of the script"], body


def test_what_is_not_a_shell_script_is_left_out() -> None:
    where = machine()
    text = "#!/usr/bin/perl\nprint 1;\n"
    assert run_script(where, text, package="demo", script="postinst", arguments=()) is None
    assert left_out(where) == ["0: the whole script: it is a script of perl, not of a shell"]


def test_a_fault_of_syntax_leaves_the_script_out() -> None:
    status, where = interpret("#!/bin/sh\nif true; then\n")
    assert status is None
    assert [each.command for each in where.left_out] == ["the whole script"]


def test_a_command_that_is_not_installed_is_not_found() -> None:
    _, where = interpret("#!/bin/sh\nif missing-tool; then echo a; else echo b; fi > /etc/out\n")
    assert (written(where, "/etc/out"), left_out(where)) == ("b\n", [])


def test_a_command_that_fails_under_set_e_is_left_out_since_no_good_installation_fails() -> None:
    status, where = interpret("#!/bin/sh\nset -e\nrmdir /missing\nx=$(cat /missing)\necho a > /etc/a\n")
    assert (status, written(where, "/etc/a")) == (0, "a\n")
    assert [each.command for each in where.left_out] == ["rmdir /missing", "x=$(cat /missing)"]


def test_variables_of_a_subshell_or_function_that_is_left_out_are_not_in_doubt_outside() -> None:
    script = "#!/bin/sh\nx=1; y=2; set -- a b\nf() { local y; y=3; shift; }\nif probe; then (x=5; cd /tmp); f; fi\n"
    _, where = interpret(script + "echo $x $y $* > out\n")
    assert written(where, "/out") == "1 2 a b\n"


def test_a_script_of_the_tree_is_followed_whole_or_not_at_all() -> None:
    where = machine("""
        f 0755 0:0 /usr/bin/helper '#!/bin/sh\\necho a > /etc/a\\nprobe\\nprobe 2\\nrm /tmp/kept\\n'
        f 0644 0:0 /tmp/kept
    """)
    before = trees.listed(where.tree.finished())
    interpret("#!/bin/sh\nhelper --all\n", on=where)
    assert trees.listed(where.tree.finished()) == before
    assert left_out(where) == ["2: helper --all: it needs probe: probe is a program, and programs are not run"]


def test_a_script_of_the_tree_may_end_as_failed() -> None:
    where = machine(r"""
        f 0755 0:0 /usr/bin/query '#!/bin/sh\nset -e\nask() { return 1; }\nask\nexit $?\n'
    """)
    interpret("#!/bin/sh\nset -e\nquery || ret=$?\necho $ret > /etc/out\n", on=where)
    assert (written(where, "/etc/out"), left_out(where)) == ("1\n", [])


def test_a_path_of_the_image_is_resolved_inside_it() -> None:
    where = machine("l 0777 0:0 /bin -> usr/bin")
    interpret('#!/bin/sh\necho $(dpkg-realpath --root "$DPKG_ROOT" /bin)/probe > /etc/out\n', on=where)
    assert written(where, "/etc/out") == "/usr/bin/probe\n"


def test_a_question_is_not_listed_and_an_action_of_the_same_command_is() -> None:
    script = "find /etc -name a\nfind /etc -delete\ndpkg-divert --list\ndpkg --compare-versions 1 lt 2"
    _, where = interpret(f"#!/bin/sh\nif probe; then\n{script}\nfi\n")
    assert [each.command for each in where.left_out] == ["probe", "find /etc -delete"]


def test_a_test_that_is_known_decides_over_what_nobody_knows() -> None:
    script = 'if probe && [ -n "" ]; then echo a > /etc/a; fi; if probe || [ -n x ]; then echo b > /etc/b; fi\n'
    _, where = interpret(f"#!/bin/sh\n{script}if probe && [ -n x ]; then echo c > /etc/c; fi\n")
    assert [path for path in ("/etc/a", "/etc/b", "/etc/c") if where.tree.find(path)] == ["/etc/b"]
    assert [each.line for each in where.left_out] == [2, 3, 3]


def test_a_file_that_a_program_would_write_is_listed_with_the_program_and_a_log_last() -> None:
    _, where = interpret("#!/bin/sh\nprobe > /etc/a\nprobe > /var/log/a\nmkdir -p /var/log\nprobe > /var/log/b\n")
    assert [(each.command, each.matter) for each in where.left_out if "probe" in each.why] == [
        ("probe > /etc/a", "content"),
        ("probe > /var/log/b", "cache"),
    ]
