"""Traces that say nothing of an image are refused, and what is worth a word is said."""

import pytest
from msgspec.structs import replace

from fromscratch.errors import ImageError, UsageError
from fromscratch.formats.trace.events import Trace
from fromscratch.slimming.fitness import check_fit, check_recorded, is_recorded_in, notes
from tests.slimming.made import chosen, opened, trace, tree

HERE, THERE = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def test_an_empty_trace_is_refused() -> None:
    with pytest.raises(UsageError, match="empty"):
        check_recorded(Trace(), HERE, "oci:x", any_image=True)


def test_a_trace_of_another_image_is_refused_unless_any_will_do() -> None:
    seen = opened("/x")
    other = Trace(tuple(replace(run, image=THERE) for run in seen.runs), seen.events)
    with pytest.raises(UsageError, match=f"in another image, {THERE}") as caught:
        check_recorded(other, HERE, "oci:x", any_image=False)
    assert "any_image" in caught.value.hint
    check_recorded(other, HERE, "oci:x", any_image=True)
    check_recorded(seen, HERE, "oci:x", any_image=False)


def test_a_trace_of_which_the_image_has_nearly_nothing_is_refused_unless_any_will_do() -> None:
    whole = tree("f 0644 0:0 /x")
    strange = chosen(whole, opened("/x", *(f"/other/{number}" for number in range(20))))
    with pytest.raises(ImageError, match="oci:x has 1 of the 21 paths that the trace names, and not /other/0"):
        check_fit(strange, "oci:x", any_image=False)
    check_fit(strange, "oci:x", any_image=True)
    with pytest.raises(ImageError, match="no file of all that the trace names, and not /y"):
        check_fit(chosen(whole, opened("/y")), "oci:x", any_image=True)
    check_fit(chosen(whole, opened("/x", "/y")), "oci:x", any_image=False)


def test_a_trace_names_the_image_that_it_was_recorded_in() -> None:
    seen = opened("/x")
    here = Trace(tuple(replace(run, image=HERE) for run in seen.runs), seen.events)
    assert is_recorded_in(here, HERE)
    assert not is_recorded_in(here, THERE)
    assert not is_recorded_in(seen, HERE)
    assert not is_recorded_in(seen, "")
    assert not is_recorded_in(Trace((*here.runs, *seen.runs), seen.events), HERE)


def test_a_trace_of_programs_of_which_the_image_has_none_is_refused_unless_any_will_do() -> None:
    whole = tree("f 0755 0:0 /lib/libc.so.6")
    strange = chosen(whole, trace(("exec", "/bin/server"), ("open", "/lib/libc.so.6")))
    with pytest.raises(ImageError, match="another image: /bin/server, which was started, is not in oci:x"):
        check_fit(strange, "oci:x", any_image=False)
    check_fit(strange, "oci:x", any_image=True)
    from_outside = chosen(whole, trace(("exec", "/sbin/chroot"), ("exec", "/lib/libc.so.6")))
    check_fit(from_outside, "oci:x", any_image=False)


def test_passwords_that_are_kept_and_paths_that_leave_the_root_are_named() -> None:
    whole = tree("""
        f 0640 0:42 /etc/shadow
        f 0644 0:0 /x
    """)
    found = list(notes(chosen(whole, trace(("open", "/etc/shadow", "/sbin/su"), ("open", "/../../x"))), whole))
    assert found == [
        "/../../x: the path leads above the root, where a container stays in it",
        "/etc/shadow is kept (opened by /sbin/su in run 1); leave it out with drop=/etc/shadow",
    ]
    assert list(notes(chosen(whole, opened("/x")), whole)) == []


def test_a_program_that_has_looked_at_nearly_everything_is_named() -> None:
    whole = tree("\n".join(f"f 0644 0:0 /srv/{number}" for number in range(600)))
    seen = trace(*(("stat", f"/srv/{number}", "/usr/bin/find") for number in range(550)))
    assert list(notes(chosen(whole, seen), whole)) == [
        "/usr/bin/find has used 550 files and folders, as a search does, and they are all kept; "
        "exclude=/usr/bin/find takes no notice of it"
    ]
