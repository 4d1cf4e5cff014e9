"""What is kept of an image: what runs used, component by component, and what belongs to that."""

import pytest
from msgspec.structs import replace

from fromscratch.errors import NotInTree
from fromscratch.formats.trace.events import Trace
from fromscratch.model.image import Healthcheck, RunConfig
from tests.slimming.made import MERGED_USR, chosen, kept, names, opened, reasons, trace, tree
from tests.sysroots import MULTIARCH, library, program
from tests.trees import text


def test_a_file_is_kept_with_its_parents_as_they_are_in_the_image() -> None:
    whole = tree("""
        d 0750 7:8 /srv
        d 2770 7:8 /srv/data
        f 0640 7:8 /srv/data/used {user.note=0x01}
        f 0640 7:8 /srv/data/unused
        d 0755 0:0 /opt
        f 0644 0:0 /opt/unused
    """)
    assert kept(whole, opened("/srv/data/used")) == text("""
        d 0750 7:8 /srv
        d 2770 7:8 /srv/data
        f 0640 7:8 /srv/data/used {user.note=0x01}
    """)


def test_every_symlink_of_a_chain_is_kept_and_none_leads_out_of_the_root() -> None:
    whole = tree("""
        l 0777 0:0 /etc/conf -> /../../etc/alternatives/conf
        l 0777 0:0 /etc/alternatives/conf -> ../../usr/share/conf.d
        f 0644 0:0 /usr/share/conf.d/main
        f 0644 0:0 /usr/share/conf.d/other
        l 0777 0:0 /etc/unused -> /usr/share/conf.d/other
    """)
    assert kept(whole, opened("/etc/conf/main")) == text("""
        d 0755 0:0 /etc
        d 0755 0:0 /etc/alternatives
        l 0777 0:0 /etc/alternatives/conf -> ../../usr/share/conf.d
        l 0777 0:0 /etc/conf -> /../../etc/alternatives/conf
        d 0755 0:0 /usr
        d 0755 0:0 /usr/share
        d 0755 0:0 /usr/share/conf.d
        f 0644 0:0 /usr/share/conf.d/main
    """)


def test_links_that_go_round_are_kept_as_they_are_and_not_followed_for_ever() -> None:
    whole = tree("""
        l 0777 0:0 /a/one -> two
        l 0777 0:0 /a/two -> one
        l 0777 0:0 /b/other -> other
    """)
    assert names(chosen(whole, opened("/a/one/x"))) == ["/a/one", "/a/two"]


def test_a_folder_that_a_path_leaves_by_dots_is_kept_too() -> None:
    whole = tree("""
        d 0755 0:0 /opt/app/bin
        f 0644 0:0 /opt/app/etc/conf
    """)
    assert "d 0755 0:0 /opt/app/bin" in kept(whole, opened("/opt/app/bin/../etc/conf"))


def test_files_that_were_only_looked_at_stay_and_a_link_that_was_only_read_stays_without_its_end() -> None:
    whole = tree("""
        f 0644 0:0 /a/module.py 'x = 1'
        l 0777 0:0 /a/link -> target
        f 0644 0:0 /a/target
    """)
    assert names(chosen(whole, trace(("stat", "/a/module.py"), ("readlink", "/a/link")))) == ["/a/link", "/a/module.py"]


def test_of_a_missing_path_the_folder_is_kept_where_it_was_looked_for_and_a_dangling_link() -> None:
    whole = tree("""
        d 0755 0:0 /etc/app
        f 0644 0:0 /etc/app/used
        l 0777 0:0 /var/log/access.log -> /dev/stdout
        d 0755 0:0 /var/lib/app
    """)
    seen = trace(("missing", "/etc/app/conf.d/x"), ("open", "/var/log/access.log"), ("open", "/var/lib/app/pid"))
    assert kept(whole, seen) == text("""
        d 0755 0:0 /etc
        d 0755 0:0 /etc/app
        d 0755 0:0 /var
        d 0755 0:0 /var/lib
        d 0755 0:0 /var/lib/app
        d 0755 0:0 /var/log
        l 0777 0:0 /var/log/access.log -> /dev/stdout
    """)


def test_an_opened_folder_is_kept_as_a_folder() -> None:
    whole = tree("""
        d 1777 0:0 /spool
        f 0644 0:0 /spool/unused
    """)
    assert kept(whole, opened("/spool")) == "d 1777 0:0 /spool"


def test_what_the_kernel_gives_is_not_taken_from_the_image_but_its_mount_points_are() -> None:
    whole = tree("""
        d 0555 0:0 /proc
        f 0444 0:0 /proc/cpuinfo
        c 0666 0:0 1,3 /dev/null
        d 1777 0:0 /tmp
        f 0644 0:0 /tmp/leftover
        d 0755 0:0 /run
        d 0700 0:0 /root
        l 0777 0:0 /var/run -> /run
        f 0644 0:0 /x
    """)
    assert kept(whole, opened("/proc/cpuinfo", "/dev/null", "/x")) == text("""
        d 0755 0:0 /dev
        d 0555 0:0 /proc
        d 0700 0:0 /root
        d 0755 0:0 /run
        d 1777 0:0 /tmp
        d 0755 0:0 /var
        l 0777 0:0 /var/run -> /run
        f 0644 0:0 /x
    """)


def test_a_library_that_no_run_reached_is_kept_by_what_links_to_it() -> None:
    files: dict[str, bytes | str] = {
        **MERGED_USR,
        "/usr/bin/server": program("libused.so.1"),
        f"{MULTIARCH}/libused.so.1": library("libused.so.1", "libdeep.so.2"),
        f"{MULTIARCH}/libdeep.so.2": library("libdeep.so.2"),
        f"{MULTIARCH}/libother.so.3": library("libother.so.3"),
    }
    found = chosen(tree("", files), trace(("exec", "/bin/server")))
    assert names(found) == [
        "/bin",
        "/lib",
        "/lib64",
        "/usr/bin/server",
        f"{MULTIARCH}/ld-linux-x86-64.so.2",
        f"{MULTIARCH}/libc.so.6",
        f"{MULTIARCH}/libdeep.so.2",
        f"{MULTIARCH}/libused.so.1",
        "/usr/lib64/ld-linux-x86-64.so.2",
    ]
    assert reasons(found, "/usr/bin/server") == ["started by run 1"]
    assert reasons(found, f"{MULTIARCH}/libdeep.so.2") == [
        "needed by /lib/x86_64-linux-gnu/libused.so.1 (DT_NEEDED libdeep.so.2)"
    ]


def test_a_script_keeps_its_interpreters_one_behind_the_other() -> None:
    files: dict[str, bytes | str] = {
        **MERGED_USR,
        "/usr/bin/tool": "#!/usr/bin/env runner\n",
        "/usr/bin/env": program(),
        "/usr/bin/runner": "#!/usr/lib/real\n",
        "/usr/lib/real": program(),
        "/usr/bin/other": program(),
    }
    found = names(chosen(tree("", files), trace(("exec", "/usr/bin/tool"))))
    assert {"/usr/bin/env", "/usr/bin/runner", "/usr/lib/real"} <= set(found)
    assert "/usr/bin/other" not in found


def test_of_a_script_that_was_only_read_the_interpreter_is_not_needed() -> None:
    files: dict[str, bytes | str] = {
        **MERGED_USR,
        "/templates/hook": "#!/usr/bin/runner\n",
        "/usr/bin/runner": program(),
        "/usr/bin/tool": program(),
    }
    whole = tree("", files)
    seen = trace(("exec", "/usr/bin/tool"), ("open", "/templates/hook"))
    assert "/usr/bin/runner" not in names(chosen(whole, seen))
    assert "/usr/bin/runner" in names(chosen(whole, seen, keep=("/templates",)))
    listed = Trace((replace(seen.runs[0], recorder="list"),), seen.events)
    assert "/usr/bin/runner" in names(chosen(whole, listed))


def test_links_of_the_image_that_lead_to_what_is_kept_stay() -> None:
    whole = tree("""
        l 0777 0:0 /bin -> usr/bin
        l 0777 0:0 /lib -> usr/lib
        d 0755 0:0 /usr/lib
        f 0755 0:0 /usr/bin/busybox
        l 0777 0:0 /usr/bin/sh -> busybox
        l 0777 0:0 /usr/bin/vi -> /etc/alternatives/vi
        l 0777 0:0 /etc/alternatives/vi -> /usr/bin/busybox
        l 0777 0:0 /usr/bin/other -> not-there
        l 0777 0:0 /usr/bin/else -> /opt/else
        f 0755 0:0 /opt/else
    """)
    assert names(chosen(whole, opened("/usr/bin/busybox"))) == [
        "/bin",
        "/etc/alternatives/vi",
        "/lib",
        "/usr/bin/busybox",
        "/usr/bin/sh",
        "/usr/bin/vi",
    ]


def test_hard_links_stay_one_file_even_where_its_first_name_goes() -> None:
    whole = tree("""
        f 4755 0:0 /bin/a 'the same'
        h 4755 0:0 /bin/b => /bin/a
        h 4755 0:0 /bin/c => /bin/a
    """)
    seen = trace(("readlink", "/bin/b"), ("readlink", "/bin/c"))
    found = kept(whole, seen, drop=("/bin/a",))
    assert found == text("""
        d 0755 0:0 /bin
        f 4755 0:0 /bin/b
        h 4755 0:0 /bin/c => /bin/b
    """)


def test_what_the_configuration_starts_and_writes_to_is_kept() -> None:
    whole = tree("""
        f 0644 0:0 /etc/passwd 'app:x:7:7::/home/app:/bin/sh'
        f 0644 0:0 /etc/group
        d 0700 7:7 /home/app
        f 0644 7:7 /home/app/unused
        f 0755 0:0 /start.sh
        f 0755 0:0 /usr/local/bin/serve
        f 0755 0:0 /bin/sh
        f 0755 0:0 /usr/bin/curl
        d 0755 7:7 /var/lib/app
        f 0644 7:7 /var/lib/app/unused
        d 0755 0:0 /work
        f 0644 0:0 /x
    """)
    config = RunConfig(
        user="app",
        entrypoint=("/start.sh",),
        cmd=("serve", "--now"),
        volumes=("/var/lib/app",),
        working_dir="/work",
        env={"PATH": "/usr/local/bin:/usr/bin:/bin"},
        healthcheck=Healthcheck(test=("CMD-SHELL", "curl -f http://localhost/ || exit 1")),
    )
    assert kept(whole, opened("/x"), config) == text("""
        d 0755 0:0 /bin
        f 0755 0:0 /bin/sh
        d 0755 0:0 /etc
        f 0644 0:0 /etc/group
        f 0644 0:0 /etc/passwd
        d 0755 0:0 /home
        d 0700 7:7 /home/app
        f 0755 0:0 /start.sh
        d 0755 0:0 /usr
        d 0755 0:0 /usr/bin
        f 0755 0:0 /usr/bin/curl
        d 0755 0:0 /usr/local
        d 0755 0:0 /usr/local/bin
        f 0755 0:0 /usr/local/bin/serve
        d 0755 0:0 /var
        d 0755 0:0 /var/lib
        d 0755 7:7 /var/lib/app
        d 0755 0:0 /work
        f 0644 0:0 /x
    """)


def test_a_library_that_the_environment_preloads_is_kept() -> None:
    whole = tree("""
        f 0755 0:0 /opt/libfast.so
        f 0644 0:0 /x
    """)
    config = RunConfig(env={"LD_PRELOAD": "/opt/libfast.so:libelse.so"})
    assert names(chosen(whole, opened("/x"), config)) == ["/opt/libfast.so", "/x"]


def test_keep_drop_and_exclude_have_the_last_word() -> None:
    whole = tree("""
        f 0644 0:0 /foo/kept
        f 0644 0:0 /foobar/seen
        f 0644 0:0 /etc/shadow
        f 0644 0:0 /srv/searched
        f 0644 0:0 /srv/used
    """)
    seen = trace(
        ("open", "/foobar/seen"),
        ("open", "/etc/shadow"),
        ("stat", "/srv/searched", "/usr/bin/find"),
        ("open", "/srv/used", "/usr/bin/app"),
    )
    found = chosen(whole, seen, keep=("/foo",), drop=("/etc/shadow",), exclude=("/usr/bin/find",))
    assert names(found) == ["/foo/kept", "/foobar/seen", "/srv/used"]
    assert reasons(found, "/foo/kept") == ["asked for kept by /foo"]
    assert reasons(found, "/srv/used") == ["opened by /usr/bin/app in run 1"]
    assert found.dropped == ("/etc/shadow",)


def test_a_glob_to_keep_that_matches_nothing_is_an_error() -> None:
    with pytest.raises(NotInTree, match="/nowhere"):
        chosen(tree("f 0644 0:0 /x"), opened("/x"), keep=("/nowhere",))
