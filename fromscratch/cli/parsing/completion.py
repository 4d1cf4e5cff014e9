"""What may stand where the cursor is, and the scripts by which bash, zsh and fish ask for it."""

from collections.abc import Mapping, Sequence

from fromscratch.cli.parsing.records import Option, Verb, values

# Each hands over the whole line and offers what comes back; where that is nothing, names of files.
_SCRIPTS = {
    "bash": """\
# Completion of fromscratch for bash: source this, or put it into /usr/share/bash-completion/completions/fromscratch.
_complete_fromscratch() {
    local candidates
    candidates=$(fromscratch --complete -- "${COMP_WORDS[@]}" 2>/dev/null)
    COMPREPLY=($(compgen -W "$candidates" -- "$2"))
}
complete -o default -F _complete_fromscratch fromscratch
""",
    "zsh": """\
# Completion of fromscratch for zsh: source this after compinit.
_fromscratch() {
    local -a candidates
    candidates=(${(f)"$(fromscratch --complete -- "${words[@]}" 2>/dev/null)"})
    if (( $#candidates )); then compadd -a candidates; else _files; fi
}
compdef _fromscratch fromscratch
""",
    "fish": """\
# Completion of fromscratch for fish: put this into ~/.config/fish/completions/fromscratch.fish.
function __complete_fromscratch
    set --local line (commandline --tokenize --cut-at-cursor) (commandline --current-token)
    set --local candidates (fromscratch --complete -- $line 2>/dev/null)
    if count $candidates >/dev/null
        printf '%s\\n' $candidates
    else
        __fish_complete_path (commandline --current-token)
    end
end
complete --command fromscratch --no-files --arguments '(__complete_fromscratch)'
""",
}


def script(shell: str) -> str:
    """What a shell sources to complete the command."""
    return _SCRIPTS[shell]


def candidates(words: Sequence[str], verbs: Mapping[str, Verb], general: Sequence[Option]) -> list[str]:
    """The words that could be the last one of `words`, or follow it; those that do not begin as it does are the shell's
    to leave out.

    Words after the program's name, as the shells give them: bash makes a word of its own of each = in them.
    """
    said = [part for word in words for part in _parts(word)]
    if "--" in said[:-1]:
        return []
    last, before = (said[-1], said[:-1]) if said else ("", [])
    verb = next((verbs[word] for word in reversed(before) if word in verbs), None)
    if last in verbs and verb is None:
        verb = verbs[last]
    flags = verb.flags() if verb else {}
    about = {option.flag: option for option in general}
    for flag in (last, *before[-1:]):
        if flag == "--help":
            return list(verbs)
        option = about.get(flag) or flags.get(flag)
        if option and option.value and not option.alone:
            return _values(option)
    if last.startswith("-"):
        hidden = verb.operand.flag if verb and verb.operand else ""
        return [flag for flag in flags if flag != hidden] if verb else list(about)
    operands = _values(verb.operand) if verb and verb.operand else []
    return [*(name for name in verbs if name not in before), *operands]


def _values(option: Option) -> list[str]:
    """None where any file or text may stand."""
    return list(values(option.choices) or values(option.candidates))


def _parts(word: str) -> list[str]:
    """`--option=value` as two words."""
    if word == "=":
        return []
    flag, equals, value = word.partition("=")
    return [flag, *([value] if value else [])] if equals and flag.startswith("--") else [word]
