"""Scripts of the shell into syntax trees: the grammar of POSIX, lines, and what is refused as dash refuses it."""

import subprocess
from shutil import which

import pytest

from fromscratch.errors import FormatError
from fromscratch.formats.shell.cursor import LEVELS
from fromscratch.formats.shell.parser import MAX_SCRIPT, parse
from fromscratch.formats.shell.syntax import Simple, Unknown
from tests.formats.shell.notation import sequence

WORDS = {
    "a 'b c'\"d\"e": '<a "b cd"e>',
    "a \"\" ''": '<a "" "">',
    'a ""$x"$x"': '<a ""${x}"${x}">',
    r'a \* "\$x\*"': '<a "*" "$x\\*">',
    "a b\\\nc": "<a bc>",
    'a "b\\\nc"': '<a "bc">',
    "a # b\nc#d": "<a>; <c#d>",
    'a $x ${x} "$1" $10 $? $# "$@" $! $$ $-': '<a ${x} ${x} "${1}" ${1}0 ${?} ${#} "${@}" ${!} ${$} ${-}>',
    "a ${#x} ${#} ${##} ${#-b}": "<a ${x length} ${#} ${# length} ${# - b}>",
    "a ${x:-b c} ${x-} ${x:=$y}": "<a ${x :- b c} ${x - } ${x := ${y}}>",
    "a ${x:-'}'} \"${x:-'b'}\"": '<a ${x :- "}"} "${x :- "\'b\'"}">',
    'a "${x:-"b c"}" "${x#*"/"}"': '<a "${x :- "b c"}" "${x # *"/"}">',
    "a ${x##*/} ${x%%.*} \"${x%'*'}\"": '<a ${x ## */} ${x %% .*} "${x % "*"}">',
    "a ${x//b/c} ${x:1:2} ${x^^} ${!x} ${x[1]}": "<a ${x // b/c} ${x : 1:2} ${x ^^ } ${x ! } ${x [ 1]}>",
    'a $(b "$(c)") "$(d)"': '<a $(<b "$(<c>)">) "$(<d>)">',
    "a $(b # )\n)": "<a $(<b>)>",
    "a $(case b in (c) d ;; e) f ;; esac)": "<a $(case b in c) <d>;; e) <f>;; esac)>",
    'a `b \\`c\\` \\$d` "`e \\"f\\"`"': '<a $(<b $(<c>) ${d}>) "$(<e "f">)">',
    "a $((1 + (2 * $x)))": '<a $(("1 + (2 * ""${x}"")"))>',
    "a $((b); (c))": "<a $((<b>); (<c>))>",
    "a $ b$ \"$\" '$x'": '<a "$" b"$" "$" "$x">',
    "x=1 y='a b' z= a=b c=d": '<x=1 y="a b" z= a=b c=d>',
    "a b=c": "<a b=c>",
    "x+=1": "<x+=1>",
}
COMMANDS = {
    "a; b & c\nd": "<a>; <b> &; <c>; <d>",
    "a && b || ! c | d": "<a> && <b> || ! <c> | <d>",
    "a &&\n\n# b\nc |\nd": "<a> && <c> | <d>",
    "{ a; b; } >c; (d)": "{<a>; <b>} 1>c; (<d>)",
    "if a; then b; elif c; then d; else e; fi": "if <a> then <b> elif <c> then <d> else <e> fi",
    "if a\nthen\nb\nfi <c": "if <a> then <b> fi 0<c",
    "for x in a $b; do c; done": "for x in a ${b} do <c> done",
    "for x do c; done\nfor x; do c; done\nfor x in; do c; done": "; ".join(
        ("for x do <c> done", "for x do <c> done", "for x in do <c> done")
    ),
    "while a; do b; done | c": "while <a> do <b> done | <c>",
    "until a; do b; done": "until <a> do <b> done",
    "case $x in\n# b\na|'b') c;;\n(*) d ;&\ne)\nesac": 'case ${x} in a|"b") <c>;; *) <d>;& e) ;; esac',
    "case x in esac": "case x in  esac",
    "f() { a; }\ng() (b)": "f() {<a>}; g() (<b>)",
    "function f { a; }": "f() {<a>}",
    "a >b 2>&1 </c 3<>d >|e <&-": "<a> 1>b 2>&1 0</c 3<>d 1>|e 0<&-",
    ">a b": "<b> 1>a",
    "echo if then {} }": "<echo if then {} }>",
    "((x > 1)) && a": '<let "x > 1"> && <a>',
    "((a); b)": "((<a>); <b>)",
    "[[ $a == b* && ( -f c || d < e ) ]]": "<[[ ${a} == b* && ( -f c || d < e ) ]]>",
    "[[ $a =~ ^(b|c)$ ]]": '<[[ ${a} =~ ^(b|c)"$" ]]>',
    'a <<< "b $c"': '<a> 0<<"b ""${c}""\n"',
    "a >& b": "<a> 1>b 2>&1",
    "": "",
}
DOCUMENTS = {
    'a <<E\nb $c `d` \\$e "f"\nE\ng': '<a> 0<<"b ""${c}"" ""$(<d>)"" $e "f"\n"; <g>',
    "a <<'E'\nb $c\\\nE\ng": '<a> 0<<"b $c\\\n"; <g>',
    "a <<-E | b\n\tc\n\t\td\n\tE\ne": '<a> 0<<"c\nd\n" | <b>; <e>',
    "a <<E <<F\n1\nE\n2\nF": '<a> 0<<"1\n" 0<<"2\n"',
    "a $(b <<E\nc)\nE\n) <<F\nd\nF": '<a $(<b> 0<<"c)\n")> 0<<"d\n"',
    "if a <<E; then b; fi\nc\nE": 'if <a> 0<<"c\n" then <b> fi',
    "a <<E\nb": '<a> 0<<"b\n"',
    "a <<E\nb\\\nc\nE": '<a> 0<<"bc\n"',
    "a <<E\nE": "<a> 0<<",
}
BASH = {
    "a &>b": "<a> 1>b 2>&1",
    "a &>>b": "<a> 1>>b 2>&1",
    r"a $'b\n\x41\"\101' $" + '"c"': '<a "b\nA"A" "c">',
}
UNKNOWN = {
    "x=(a b # c'\n d); e": "?an array of bash: x=(a b # c'\n d)?; <e>",
    "x[1]=a": "?an array of bash: x[1]=a?",
    "declare -a x=(a); b": "?an array of bash: declare -a x=(a)?; <b>",
    "for ((i = 0; i < 2; i++)); do a; done": "?for (( … )) of bash: for ((i = 0; i < 2; i++)); do a; done?",
    "a <(b) | c": "?a substitution of processes of bash: a <(b)? | <c>",
    "if [[ $a == @(b|c) ]]; then d; fi": "if ?an extended pattern of bash: [[ $a == @(b|c) ]]? then <d> fi",
    "select x in a; do b; done": "?select of bash: select x in a; do b; done?",
}


@pytest.mark.parametrize(
    ("text", "expected"), [*WORDS.items(), *COMMANDS.items(), *DOCUMENTS.items(), *UNKNOWN.items()]
)
def test_a_script(text: str, expected: str) -> None:
    assert sequence(parse(text)) == expected


@pytest.mark.parametrize(("text", "expected"), BASH.items())
def test_a_script_of_bash_says_so_in_its_first_line(text: str, expected: str) -> None:
    assert sequence(parse(f"#!/bin/bash\n{text}")) == expected == sequence(parse(text, bash=True))
    assert sequence(parse(f"#!/bin/sh\n{text}")) != expected


def test_every_command_has_its_line_and_text() -> None:
    """In substitutions, here-documents and behind continuations too."""
    text = "#!/bin/sh\na 'b\n' \\\n  c # d\ne `f\ng` <<-E $(h\ni)\n\tj\n\t$(k)\nE\nl\n"
    assert _simple(parse(text)) == [
        (2, "a 'b\n' \\\n  c"),
        (5, "e `f\ng` <<-E $(h\ni)"),
        (5, "f"),
        (6, "g"),
        (6, "h"),
        (7, "i"),
        (9, "k"),
        (11, "l"),
    ]


def _simple(found: object) -> list[tuple[int, str]]:
    inner = [each for name in getattr(found, "__struct_fields__", ()) for each in _simple(getattr(found, name))]
    inner += [each for part in (found if isinstance(found, tuple) else ()) for each in _simple(part)]
    here = [(found.line, found.text)] if isinstance(found, Simple | Unknown) else []
    return sorted(here + inner)


REFUSED = (
    """
a; ; b%;%& a%a & ; b%a &&%a | | b%if a; then fi%if a; then b%if; then b; fi%if a; then b; else fi%while a; do done
for 1x in a; do b; done%for x in a b do c; done%case x in a%case x%case x in a b) c;; esac%{ a; %{ a }%( )%(a%a )%}%!
f()%f() { }%'a%"a%`a%$(a%${a%$((1%a >%a <<%then%do a%done%esac%fi%a;;%x=(%if a; then b; fi c%{ a; } b%$(a;;)
""".strip()
    .replace("\n", "%")
    .split("%")
)


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_a_script_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(FormatError, match="line 2: ") as error:
        parse(f"# a comment\n{text}")
    assert error.value.hint


@pytest.mark.skipif(which("dash") is None, reason="compares with dash")
@pytest.mark.parametrize("text", [*WORDS, *COMMANDS, *DOCUMENTS, *REFUSED])
def test_dash_agrees(text: str) -> None:
    """With everything but the forms of bash."""
    answer = subprocess.run(["dash", "-n"], input=text, text=True, capture_output=True, check=False)
    assert _is_script(text) == (answer.returncode == 0) or _is_bash(text)


def _is_script(text: str) -> bool:
    try:
        parse(text)
    except FormatError:
        return False
    return True


def _is_bash(text: str) -> bool:
    return text in {"a $((b); (c))", "function f { a; }", 'a <<< "b $c"', "[[ $a == b* && ( -f c || d < e ) ]]"} | {
        "[[ $a =~ ^(b|c)$ ]]",
        "((x > 1)) && a",
        "case $x in\n# b\na|'b') c;;\n(*) d ;&\ne)\nesac",
    }


@pytest.mark.parametrize("opening", ["$(", "{ ", "( ", "((", "$((", "${x:-", "if ", "case x in a) ", "f() ", '"$('])
def test_depth_is_bounded(opening: str) -> None:
    with pytest.raises(FormatError):
        parse(opening * 10_000)


def test_honest_scripts_may_be_nested() -> None:
    depth = LEVELS // 2
    parse("if a; then " * depth + "b" + "; fi" * depth)
    parse("$(a " * depth + ")" * depth)


def test_texts_within_texts_are_not_read_over_and_over() -> None:
    """Each level is read as arithmetic and again as commands, so forty would be read 2^40 times."""
    text = "x"
    for level in range(LEVELS - 2):
        text = f"$((cat $(cat <<E{level}\n{text}\nE{level}\n) ) )"
    with pytest.raises(FormatError):
        parse(text)


def test_size_is_bounded() -> None:
    with pytest.raises(FormatError, match="characters"):
        parse("a" * (MAX_SCRIPT + 1))
