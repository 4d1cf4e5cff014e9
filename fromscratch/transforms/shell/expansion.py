"""Words into fields: XCU 2.6, in its order: parameters, substitution, arithmetic; splitting, file names, quotes."""

from collections.abc import Callable, Iterable
from typing import assert_never

from fromscratch.formats.shell.syntax import Arithmetic, Parameter, Sequence, Substitution, Text, Word
from fromscratch.model.entry import File
from fromscratch.transforms.shell import arithmetic, patterns
from fromscratch.transforms.shell.globbing import names
from fromscratch.transforms.shell.state import Shell
from fromscratch.transforms.shell.streams import contents
from fromscratch.transforms.shell.values import Doubt, Doubtful, Fault, Value, raw

_BLANK = " \t\n"
Substitute = Callable[[Shell, Sequence], Value]


class _Fields:
    """Fields as they come together: each a list of texts, with whether they were quoted."""

    def __init__(self, separators: str) -> None:
        self._blank = "".join(c for c in separators if c in _BLANK)
        self._other = "".join(c for c in separators if c not in _BLANK)
        self.fields: list[list[tuple[str, bool]]] = []
        self._field: list[tuple[str, bool]] | None = None
        self._after_blank = False

    def add(self, text: str, quoted: bool) -> None:
        if text or quoted:
            self._field = self._field or []
            self._field.append((text, quoted))
            self._after_blank = False

    def end(self) -> None:
        """The field ends here, if one has begun."""
        if self._field is not None:
            self.fields.append(self._field)
            self._field = None

    def split(self, text: str) -> None:
        """Add what an expansion gives, split at the separators: XCU 2.6.5."""
        begin = 0
        for at, c in enumerate(text):
            if c not in self._blank and c not in self._other:
                continue
            self.add(text[begin:at], False)
            begin = at + 1
            began = self._field is not None
            if c in self._blank:
                self._after_blank = self._after_blank or began
            elif began:
                self._after_blank = False
            elif self._after_blank:
                self._after_blank = False
                continue
            else:
                self._field = []
            self.end()
        self.add(text[begin:], False)


class Expansion:
    """The expansion of words in one shell. A value in doubt raises Doubtful."""

    def __init__(self, shell: Shell, substitute: Substitute) -> None:
        self._shell, self._substitute = shell, substitute

    def fields(self, words: Iterable[Word]) -> list[Value]:
        """The fields that words become; a word that depends on what nobody knows becomes one field in doubt."""
        result: list[Value] = []
        for word in words:
            literal = word.literal
            if literal is not None and _stands_for_itself(word):
                if word.parts:
                    result.append(literal)
                continue
            try:
                found = self._word(word)
            except Doubtful as unknown:
                result.append(unknown.doubt)
                continue
            self._shell.budget.fields(len(found))
            result.extend(found)
        return result

    def _word(self, word: Word) -> list[str]:
        separators = self._shell.get("IFS")
        if isinstance(separators, Doubt):
            raise Doubtful(separators)
        building = _Fields(_BLANK if separators is None else separators)
        self._into(building, self._with_home(word), inside=False, quoted=False)
        building.end()
        result: list[str] = []
        for field in building.fields:
            plain = "".join(text for text, _ in field)
            if "f" in self._shell.options or not any(not quoted and _magic(text) for text, quoted in field):
                result.append(plain)
                continue
            pattern = "".join(patterns.escaped(text) if quoted else text for text, quoted in field)
            result.extend(names(self._shell.machine, pattern, self._shell.place(), self._shell.budget) or [plain])
        return result

    def _into(self, building: _Fields, word: Word, *, inside: bool, quoted: bool) -> None:
        """Add the parts of a word; those `inside` the braces of a parameter are split too where they are unquoted."""
        for part in word.parts:
            hidden = quoted or part.quoted
            if isinstance(part, Text):
                if inside and not hidden:
                    building.split(part.text)
                else:
                    building.add(part.text, hidden)
            elif isinstance(part, Parameter) and part.name in "@*" and part.operator != "length":
                self._all(building, part, hidden)
            elif isinstance(part, Parameter) and part.operator in (":-", "-", ":+", "+"):
                self._conditional(building, part, hidden)
            elif hidden:
                building.add(self._part(part), True)
            else:
                building.split(self._part(part))

    def _all(self, building: _Fields, part: Parameter, hidden: bool) -> None:
        """`$@` and `$*`: XCU 2.5.2."""
        values = self._positional()
        self._shell.budget.fields(len(values))
        if part.operator:
            if self._chosen(part, bool(values) and (":" not in part.operator or values != [""])):
                if part.argument is not None and part.operator in (":-", "-", ":+", "+"):
                    self._into(building, part.argument, inside=True, quoted=hidden)
                return
            if part.operator in ("+", ":+"):
                return
            if part.operator not in ("-", ":-"):
                values = [self._operated(part, value) for value in values]
        if hidden and part.name == "*":
            building.add(self._joined(values), True)
            return
        for number, value in enumerate(values):
            if number:
                building.end()
            if hidden:
                building.add(value, True)
            else:
                building.split(value)

    def _positional(self) -> list[str]:
        values = []
        for value in self._shell.positional:
            if isinstance(value, Doubt):
                raise Doubtful(value)
            values.append(value)
        return values

    def _joined(self, values: list[str]) -> str:
        separators = self._shell.get("IFS")
        if isinstance(separators, Doubt):
            raise Doubtful(separators)
        return (" " if separators is None else separators[:1]).join(values)

    def _conditional(self, building: _Fields, part: Parameter, hidden: bool) -> None:
        value = self._value(part.name)
        if self._chosen(part, value is not None and (value != "" or ":" not in part.operator)):
            if part.argument is not None and (part.argument.parts or hidden):
                if hidden:
                    building.add("", True)
                self._into(building, part.argument, inside=True, quoted=hidden)
            elif hidden:
                building.add("", True)
        elif part.operator in (":-", "-"):
            (building.add(value or "", True) if hidden else building.split(value or ""))
        elif hidden:
            building.add("", True)

    @staticmethod
    def _chosen(part: Parameter, present: bool) -> bool:
        """Whether `${name-word}` and its like give the word."""
        return present if part.operator in (":+", "+") else not present and part.operator in (":-", "-")

    def single(self, word: Word, *, quoted: bool = False) -> str:
        """A word as one field, neither split nor matched to file names: what is assigned, redirected to, compared."""
        return "".join(text for text, _ in self._pieces(self._with_home(word, assigned=True), quoted))

    def document(self, word: Word) -> str:
        """The body of a here-document: XCU 2.7.4."""
        return "".join(text for text, _ in self._pieces(word, True))

    def pattern(self, word: Word) -> str:
        """A word as a pattern, in which a backslash stands before what was quoted."""
        pieces = self._pieces(self._with_home(word), False)
        return "".join(patterns.escaped(text) if quoted else text for text, quoted in pieces)

    def _pieces(self, word: Word, quoted: bool) -> list[tuple[str, bool]]:
        pieces: list[tuple[str, bool]] = []
        for part in word.parts:
            hidden = quoted or part.quoted
            if isinstance(part, Text):
                pieces.append((part.text, hidden))
            elif isinstance(part, Parameter) and part.name in "@*" and not part.operator:
                values = self._positional()
                pieces.append((self._joined(values) if part.name == "*" else " ".join(values), hidden))
            elif isinstance(part, Parameter) and part.operator in (":-", "-", ":+", "+"):
                value = self._joined(self._positional()) if part.name in "@*" else self._value(part.name)
                if part.name in "@*" and not self._shell.positional:
                    value = None
                if self._chosen(part, value is not None and (value != "" or ":" not in part.operator)):
                    pieces.extend(self._pieces(part.argument, hidden) if part.argument is not None else ())
                elif part.operator in (":-", "-"):
                    pieces.append((value or "", hidden))
            else:
                pieces.append((self._part(part), hidden))
        return pieces

    def _part(self, part: Parameter | Substitution | Arithmetic) -> str:
        match part:
            case Parameter():
                return self._parameter(part)
            case Substitution():
                value = self._substitute(self._shell, part.body)
                if isinstance(value, Doubt):
                    raise Doubtful(value)
                return value
            case Arithmetic():
                expression = self.single(part.expression, quoted=True)
                return str(arithmetic.evaluated(expression, self._read, self._shell.set))
            case _ as never:
                assert_never(never)

    def _read(self, name: str) -> str:
        value = self._value(name)
        return value or ""

    def _value(self, name: str) -> str | None:
        value = self._shell.get(name)
        if isinstance(value, Doubt):
            raise Doubtful(Doubt(value.why if value.why.startswith(("$", "/")) else f"${name}: {value.why}"))
        return value

    def _parameter(self, part: Parameter) -> str:
        if part.operator == "length":
            if part.name in "@*":
                return str(len(self._shell.positional))
            value = self._value(part.name)
            return str(len(value or "") if self._shell.bash else len(raw(value or "")))
        if part.operator == "bad":
            raise Fault("Bad substitution")
        if part.operator == "!" and (part.argument is None or not part.argument.parts):
            return self._value(self._value(part.name) or "") or ""
        if part.name in "@*":
            value = self._joined(self._positional()) if self._shell.positional else None
        else:
            value = self._value(part.name)
        missing = value is None or (value == "" and part.operator.startswith(":"))
        if part.operator in ("=", ":="):
            if missing:
                value = self.single(part.argument) if part.argument is not None else ""
                self._shell.set(part.name, value)
            return value or ""
        if part.operator in ("?", ":?"):
            if missing:
                raise Fault(f"{part.name}: {self.single(part.argument) if part.argument is not None else 'not set'}")
            return value or ""
        if value is None and "u" in self._shell.options and part.name not in "@*":
            raise Fault(f"{part.name}: not set")
        return self._operated(part, value or "")

    def _operated(self, part: Parameter, value: str) -> str:
        """What the operators that cut and replace make of a value."""
        budget, operator = self._shell.budget, part.operator
        word = part.argument if part.argument is not None else Word(())
        if not operator:
            return value
        if operator in ("#", "##"):
            return patterns.without_prefix(self.pattern(word), value, longest=operator == "##", budget=budget)
        if operator in ("%", "%%"):
            return patterns.without_suffix(self.pattern(word), value, longest=operator == "%%", budget=budget)
        if operator in ("/", "//"):
            pattern, by = self._halves(word)
            return patterns.replaced(pattern, value, by, every=operator == "//", budget=budget)
        if operator in ("^", "^^", ",", ",,"):
            change = str.upper if operator[0] == "^" else str.lower
            return change(value) if len(operator) == 2 else change(value[:1]) + value[1:]
        if operator == ":":
            return self._cut(value, self.single(word))
        raise Doubtful(Doubt(f"${{{part.name}{operator}…}} is a form that is not known"))

    def _halves(self, word: Word) -> tuple[str, str]:
        """The pattern, and what replaces it: the argument of `${name/pattern/by}` at its first unquoted slash."""
        for number, part in enumerate(word.parts):
            if isinstance(part, Text) and not part.quoted and "/" in part.text:
                before, _, after = part.text.partition("/")
                rest = Word((Text(after), *word.parts[number + 1 :]))
                return self.pattern(Word((*word.parts[:number], Text(before)))), self.single(rest)
        return self.pattern(word), ""

    def _cut(self, value: str, argument: str) -> str:
        """`${name:offset:length}` of bash."""
        first, colon, second = argument.partition(":")
        offset = arithmetic.evaluated(first, self._read, self._shell.set)
        begin = max(0, len(value) + offset) if offset < 0 else min(offset, len(value))
        if not colon:
            return value[begin:]
        length = arithmetic.evaluated(second, self._read, self._shell.set)
        return value[begin : begin + length if length >= 0 else len(value) + length]

    def _with_home(self, word: Word, *, assigned: bool = False) -> Word:
        """The word with `~` and `~name` at its beginning, or after a colon of what is assigned, expanded."""
        if not any(isinstance(part, Text) and not part.quoted and "~" in part.text for part in word.parts):
            return word
        parts = list(word.parts)
        for number, part in enumerate(parts):
            if not isinstance(part, Text) or part.quoted or "~" not in part.text:
                continue
            pieces = part.text.split(":") if assigned else [part.text]
            for at, piece in enumerate(pieces):
                last = at == len(pieces) - 1
                whole = "/" in piece or not last or number == len(parts) - 1
                if piece.startswith("~") and (number == 0 or at) and whole:
                    name, slash, rest = piece[1:].partition("/")
                    if (home := self._home(name)) is not None:
                        pieces[at] = home + slash + rest
            parts[number] = Text(":".join(pieces) if assigned else pieces[0])
        return Word(tuple(parts))

    def _home(self, name: str) -> str | None:
        if not name:
            return self._shell.text("HOME") or "/root"
        accounts = self._shell.machine.tree.find("/etc/passwd")
        if not isinstance(accounts, File):
            return None
        for line in contents(accounts).decode("utf-8", "surrogateescape").splitlines():
            row = line.split(":")
            if len(row) == 7 and row[0] == name:
                return row[5]
        return None


def _magic(text: str) -> bool:
    return any(c in text for c in "*?[")


def _stands_for_itself(word: Word) -> bool:
    return all(
        isinstance(part, Text) and (part.quoted or not (_magic(part.text) or "~" in part.text)) for part in word.parts
    )
