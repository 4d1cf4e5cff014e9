"""debconf(7): the questions that scripts ask, answered as a noninteractive installation does, with defaults.

A script reads /usr/share/debconf/confmodule, whose functions are the commands `db_…` here; they answer in the variable
RET: debconf-devel(7).
"""

from collections.abc import Callable

from msgspec import Struct

from fromscratch.paths import decode, encode
from fromscratch.transforms.shell.commands.debconf_templates import Template, templates
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Package, Result

_NO_QUESTION, _SKIPPED = 10, 30
_CAPABILITIES = "multiselect escape backup progresscancel"
_VERSION = "2.1"
_NOTHING = (
    "beginblock", "endblock", "info", "previous_module", "progress", "purge", "settitle", "stop", "subst", "title",
    "x_loadtemplatefile", "clear",
)  # fmt: skip


class Question(Struct):
    """A question with its answer and flags; `value` is None while its template's default counts."""

    template: Template
    value: str | None = None
    flags: dict[str, bool] = {}
    undecided: bool = False
    """Whether a script decides it that was not followed: without a default the answer is not known then."""

    @property
    def answer(self) -> str:
        return self.template.default if self.value is None else self.value


class Debconf:
    """The templates and questions of all packages of a machine, and answers that were given before."""

    def __init__(self) -> None:
        self.templates: dict[str, Template] = {}
        self.questions: dict[str, Question] = {}
        self.answers: dict[str, str] = {}
        self.owners: dict[str, str] = {}
        self._loaded: set[str] = set()

    def load(self, machine: Machine) -> "Debconf":
        """With the templates of packages that were not read yet."""
        for name, package in machine.packages.items():
            if name not in self._loaded and package.templates:
                for each in templates(package.templates):
                    self.templates.setdefault(each.name, each)
                    self.owners.setdefault(each.name, name)
                    self.questions.setdefault(each.name, Question(each, self.answers.get(each.name)))
            self._loaded.add(name)
        return self

    def leave_undecided(self, package: Package) -> None:
        """Note that the config script of a package was not followed, which asks its questions and sets answers."""
        for each in templates(package.templates):
            self.questions[each.name].undecided = True


def _answered(text: str, status: int = 0) -> Result:
    return Result(status, variables={"RET": text})


Answer = Callable[[Debconf, Question, tuple[str, ...]], Result]


def _of_question(answer: Answer, words: int) -> Command:
    """A command whose first word is a question, and that needs so many more."""

    def run(machine: Machine, call: Call) -> Result:
        known = machine.state(Debconf).load(machine)
        position = 1 if call.name == "db_input" else 0
        if len(call.arguments) <= max(words, position):
            raise NotUnderstood(f"{call.name} needs more words")
        name = call.arguments[position]
        question = known.questions.get(name)
        if question is None:
            return _answered(f"{name} doesn't exist", _NO_QUESTION)
        return answer(known, question, call.arguments[position + 1 :])

    return Command(run, "content")


def _get(known: Debconf, question: Question, words: tuple[str, ...]) -> Result:
    if question.undecided and not question.answer:
        return Result(0, variables={"RET": None})
    return _answered(question.answer)


def _set(known: Debconf, question: Question, words: tuple[str, ...]) -> Result:
    question.value = " ".join(words)
    return _answered("value set")


def _reset(known: Debconf, question: Question, words: tuple[str, ...]) -> Result:
    question.value = None
    question.flags["seen"] = False
    return _answered("")


def _input(known: Debconf, question: Question, words: tuple[str, ...]) -> Result:
    """Nobody answers; of a choice without default the first counts."""
    choices = question.template.choices
    if question.template.kind == "select" and question.answer not in choices and choices and "$" not in choices[0]:
        question.value = choices[0]
    question.flags["seen"] = True
    return _answered("question skipped", _SKIPPED)


def _get_flag(known: Debconf, question: Question, words: tuple[str, ...]) -> Result:
    return _answered("true" if question.flags.get(words[0]) else "false")


def _set_flag(known: Debconf, question: Question, words: tuple[str, ...]) -> Result:
    question.flags[words[0]] = words[1:] == ("true",)
    return _answered("true" if question.flags[words[0]] else "false")


def _get_field(known: Debconf, question: Question, words: tuple[str, ...]) -> Result:
    found = question.template.fields.get(words[0].lower())
    return _answered(f"{words[0]} does not exist", _NO_QUESTION) if found is None else _answered(found)


def _forget(known: Debconf, question: Question, words: tuple[str, ...]) -> Result:
    known.questions = {name: each for name, each in known.questions.items() if each is not question}
    return _answered("")


def _register(machine: Machine, call: Call) -> Result:
    known = machine.state(Debconf).load(machine)
    if len(call.arguments) != 2 or call.arguments[0] not in known.templates:
        return _answered("No such template", 20)
    template, name = call.arguments
    known.questions.setdefault(name, Question(known.templates[template], known.answers.get(name)))
    return _answered("")


def _constant(text: str) -> Command:
    return Command(lambda machine, call: _answered(text), "content")


def _exists(machine: Machine, call: Call) -> Result:
    known = machine.state(Debconf).load(machine).questions
    return _answered("true" if {*call.arguments} & {*known} else "false")


def set_selections(machine: Machine, call: Call) -> Result:
    """Take answers, a line each: owner, question, kind, value."""
    if call.arguments:
        raise NotUnderstood("only what it reads is known of debconf-set-selections")
    known = machine.state(Debconf).load(machine)
    for line in decode(call.read()).splitlines():
        words = line.split(None, 3)
        if len(words) > 2 and not line.startswith("#"):
            answer = words[3].strip() if len(words) > 3 else ""
            known.answers[words[1]] = answer
            if words[1] in known.questions:
                known.questions[words[1]].value = answer
    return Result()


def show(machine: Machine, call: Call) -> Result:
    """debconf-show(1): the questions of packages with their answers; a star says that one was asked."""
    known = machine.state(Debconf).load(machine)
    names = [word for word in call.arguments if not word.startswith("-")]
    if len(names) != len(call.arguments):
        raise NotUnderstood("the options of debconf-show are not known")
    lines = [
        f"{'*' if question.flags.get('seen') else ' '} {name}: {_shown(question)}".rstrip()
        for name, question in sorted(known.questions.items())
        if known.owners.get(question.template.name) in names
    ]
    return Result(0, encode("".join(f"{line}\n" for line in lines)))


def _shown(question: Question) -> str:
    return "(password omitted)" if question.template.kind == "password" and question.answer else question.answer


def escape(machine: Machine, call: Call) -> Result:
    """debconf-escape(1): line breaks and backslashes, written as escapes or read."""
    text = decode(call.read())
    match call.arguments:
        case ("-e",):
            return Result(0, encode(text.replace("\\", "\\\\").replace("\n", "\\n")))
        case ("-u",):
            pieces = [piece.replace("\\n", "\n") for piece in text.split("\\\\")]
            return Result(0, encode("\\".join(pieces)))
    raise NotUnderstood("it takes -e or -u")


COMMANDS = {
    **{f"db_{name}": _constant("") for name in _NOTHING},
    "db_capb": _constant(_CAPABILITIES),
    "db_exist": Command(_exists, "content"),
    "db_fget": _of_question(_get_flag, 1),
    "db_fset": _of_question(_set_flag, 2),
    "db_get": _of_question(_get, 0),
    "db_go": _constant("ok"),
    "db_input": _of_question(_input, 1),
    "db_metaget": _of_question(_get_field, 1),
    "db_register": Command(_register, "content"),
    "db_reset": _of_question(_reset, 0),
    "db_set": _of_question(_set, 0),
    "db_unregister": _of_question(_forget, 0),
    "db_version": _constant(_VERSION),
    "debconf-escape": Command(escape, "content"),
    "debconf-show": Command(show, "content"),
    "debconf-set-selections": Command(set_selections, "content"),
}
