"""The language of the compiler's text, read again: functions, blocks, instructions, operands.

It is the part of LLVM's language that `compiler/emit` writes.  What is not in it is an error that
shows the line, never a guess.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

TOKEN = re.compile(
    r"[%@][\w.]+|0x[0-9A-FH]+|-?\d+\.\d+(?:e[+-]?\d+)?|-?\d+|[A-Za-z_][\w.]*|[<>{}\[\](),=*:]|\S"
)
DEFINE = re.compile(r"define (?:internal )?(.+?) @([\w.]+)\((.*)\)(?: noinline)? \{$")
CONSTANT = re.compile(r"@([\w.]+) = internal constant \[(\d+) x (\w+)\] (.*)$")
FLAGS = {"nuw", "nsw", "exact", "inbounds", "disjoint", "nneg"}  # of integers: no bit depends on it


class UnknownError(NotImplementedError):
    """The text has something that cannot be written in C."""


class Type(NamedTuple):
    """An element type, or a vector of `lanes` of them; `parts` of a struct."""

    name: str
    lanes: int = 0
    parts: tuple[Any, ...] = ()

    @property
    def element(self) -> Type:
        """Of a vector."""
        return Type(self.name)


NOTHING = Type("void")


class Operand(NamedTuple):
    """A value: the name of a register or of a global, a number, or a constant's parts.

    form   name, global, number, zero, poison, splat (its parts hold one), listed
    """

    type: Type
    form: str
    text: str = ""
    parts: tuple[Any, ...] = ()


class Incoming(NamedTuple):
    """What a phi is on the way from a block."""

    value: Operand
    block: str


@dataclass
class Instruction:
    """`result = op operands`; `word` is a predicate, a callee, or the type that is meant."""

    op: str
    line: str
    result: str = ""
    type: Type = NOTHING
    operands: list[Operand] = field(default_factory=list)
    word: str = ""
    labels: list[str] = field(default_factory=list)
    incoming: list[Incoming] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)


@dataclass
class Block:
    """Instructions without jumps between them; phis come first."""

    name: str
    instructions: list[Instruction] = field(default_factory=list)


@dataclass
class Function:
    """A function: parameters with their types, blocks in order."""

    name: str
    result: Type
    parameters: list[tuple[Type, str]]
    blocks: list[Block] = field(default_factory=list)


class Constant(NamedTuple):
    """An array that the text holds."""

    name: str
    length: int
    type: Type
    values: tuple[str, ...]  # none: zeros


class Text(NamedTuple):
    """A module."""

    constants: list[Constant]
    functions: list[Function]


def read(text: str) -> Text:
    """The module that a text is.

    Raises:
        UnknownError: A line is not of the compiler's language.
    """
    found = Text([], [])
    function: Function | None = None
    for line in statements(text):
        if line == "}":
            function = None
        elif function is not None:
            if re.fullmatch(r"[\w.]+:", line):
                function.blocks.append(Block(line[:-1]))
            else:
                function.blocks[-1].instructions.append(Reader(line).instruction())
        elif match := DEFINE.match(line):
            function = Function(match[2], Reader(match[1]).type(), parameters(match[3]))
            found.functions.append(function)
        elif match := CONSTANT.match(line):
            found.constants.append(constant(*match.groups()))
        else:
            raise UnknownError(f"there is no C for the line: {line}")
    return found


def statements(text: str) -> list[str]:
    """The lines, those in brackets that go on put together."""
    found: list[str] = []
    depth = 0
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith((";", "declare ", "target ")):
            continue
        if depth:
            found[-1] += " " + line
        else:
            found.append(line)
        depth += sum(map(line.count, "([")) - sum(map(line.count, ")]"))
    return found


def parameters(text: str) -> list[tuple[Type, str]]:
    """`ptr %arena, i64 %chunk`"""
    reader, found = Reader(text), []
    while reader.tokens:
        kind = reader.type()
        found.append((kind, reader.take()[1:]))
        reader.skip(",")
    return found


def constant(name: str, count: str, kind: str, text: str) -> Constant:
    """An array of numbers, or zeros."""
    values = () if text == "zeroinitializer" else tuple(re.findall(rf"{kind} ([\w.+-]+)", text))
    if values and len(values) != int(count):
        raise UnknownError(f"there is no C for the array @{name}")
    return Constant(name, int(count), Type(kind), values)


class Reader:
    """The tokens of a line, taken one by one."""

    def __init__(self, line: str) -> None:
        self.line, self.tokens = line, TOKEN.findall(line)[::-1]

    @property
    def next(self) -> str:
        """The token that comes, or nothing."""
        return self.tokens[-1] if self.tokens else ""

    def take(self, *wanted: str) -> str:
        """The next token, which must be one of those wanted, if any are."""
        if not self.tokens or (wanted and self.next not in wanted):
            raise self.unknown()
        return self.tokens.pop()

    def skip(self, token: str) -> bool:
        """Whether this token came, and is taken."""
        if self.next == token:
            self.tokens.pop()
            return True
        return False

    def unknown(self) -> UnknownError:
        """The error that shows the line."""
        return UnknownError(f"there is no C for the instruction: {self.line}")

    # ---- types and values

    def type(self) -> Type:
        """`i64`, `<16 x float>`, `{<16 x double>, <16 x i64>}`"""
        if self.skip("{"):
            parts = [self.type()]
            while self.skip(","):
                parts.append(self.type())
            self.take("}")
            return Type("struct", 0, tuple(parts))
        if self.skip("<"):
            lanes = int(self.take())
            self.take("x")
            element = self.take()
            self.take(">")
            return Type(element, lanes)
        return Type(self.take())

    def value(self, kind: Type) -> Operand:
        """A value of a type."""
        token = self.take()
        if token[0] == "%":
            return Operand(kind, "name", token[1:])
        if token[0] == "@":
            return Operand(kind, "global", token[1:])
        if token in ("poison", "undef"):
            return Operand(kind, "poison")
        if token == "zeroinitializer":
            return Operand(kind, "zero")
        if token == "splat":
            self.take("(")
            part = self.typed()
            self.take(")")
            return Operand(kind, "splat", "", (part,))
        if token == "<":
            return Operand(kind, "listed", "", tuple(self.listed(">")))
        if token in ("true", "false") or re.match(r"-?\d|0x", token):
            return Operand(kind, "number", token)
        raise self.unknown()

    def typed(self) -> Operand:
        """`float %x`, `ptr align 4 %p`"""
        kind = self.type()
        if self.skip("align"):
            self.take()
        return self.value(kind)

    def listed(self, end: str) -> list[Operand]:
        """Values with types up to a closing bracket."""
        if self.skip(end):
            return []
        found = [self.typed()]
        while self.skip(","):
            found.append(self.typed())
        self.take(end)
        return found

    # ---- instructions

    def instruction(self) -> Instruction:
        """The line as an instruction."""
        result = ""
        if self.next[:1] == "%":
            result = self.take()[1:]
            self.take("=")
        op = self.take()
        made = Instruction(op, self.line, result)
        while self.next in FLAGS:
            self.take()
        reading = getattr(self, f"read_{KINDS.get(op, op)}", None)
        if reading is None:
            raise self.unknown()
        reading(made)
        if self.skip(","):
            self.take("align")
            self.take()
        if self.tokens:
            raise self.unknown()
        return made

    def read_binary(self, made: Instruction) -> None:
        """`fadd float %x, %y`"""
        made.type = self.type()
        made.operands = [self.value(made.type)]
        self.take(",")
        made.operands.append(self.value(made.type))

    def read_compare(self, made: Instruction) -> None:
        """`icmp slt i64 %x, %y`"""
        made.word = self.take()
        self.read_binary(made)
        made.type = Type("i1", made.type.lanes)

    def read_unary(self, made: Instruction) -> None:
        """`fneg float %x`"""
        made.operands = [self.typed()]
        made.type = made.operands[0].type

    def read_cast(self, made: Instruction) -> None:
        """`sext i32 %x to i64`"""
        made.operands = [self.typed()]
        self.take("to")
        made.type = self.type()

    def read_select(self, made: Instruction) -> None:
        """`select i1 %c, float %x, float %y`"""
        made.operands = [self.typed()]
        for _ in range(2):
            self.take(",")
            made.operands.append(self.typed())
        made.type = made.operands[1].type

    def read_getelementptr(self, made: Instruction) -> None:
        """`getelementptr i8, ptr %p, i64 %offset`: `word` is what is counted"""
        made.word = self.take()
        for _ in range(2):
            self.take(",")
            made.operands.append(self.typed())
        made.type = Type("ptr", made.operands[1].type.lanes)

    def read_alloca(self, made: Instruction) -> None:
        """`alloca [64 x float], align 64`: `numbers` has the length, `word` the element"""
        self.take("[")
        made.numbers = [int(self.take())]
        self.take("x")
        made.word = self.take()
        self.take("]")
        made.type = Type("ptr")

    def read_load(self, made: Instruction) -> None:
        """`load float, ptr %p, align 4`"""
        made.type = self.type()
        self.take(",")
        made.operands = [self.typed()]

    def read_store(self, made: Instruction) -> None:
        """`store float %x, ptr %p, align 4`"""
        made.operands = [self.typed()]
        self.take(",")
        made.operands.append(self.typed())

    def read_call(self, made: Instruction) -> None:
        """`call float @llvm.fma.f32(float %x, float %y, float %z)`"""
        made.type = self.type()
        made.word = self.take()[1:]
        if not self.line.count(f"@{made.word}"):  # a pointer is called
            raise self.unknown()
        self.take("(")
        made.operands = self.listed(")")

    def read_phi(self, made: Instruction) -> None:
        """`phi i64 [0, %entry], [%next, %loop]`"""
        made.type = self.type()
        while not made.incoming or self.skip(","):
            self.take("[")
            value = self.value(made.type)
            self.take(",")
            made.incoming.append(Incoming(value, self.take()[1:]))
            self.take("]")

    def read_br(self, made: Instruction) -> None:
        """`br label %done`, `br i1 %more, label %loop, label %done`"""
        if self.next != "label":
            made.operands = [self.typed()]
            self.take(",")
        while not made.labels or self.skip(","):
            self.take("label")
            made.labels.append(self.take()[1:])

    def read_ret(self, made: Instruction) -> None:
        """`ret void`, `ret i32 0`"""
        made.type = self.type()
        if made.type.name != "void":
            made.operands = [self.value(made.type)]

    def read_listed(self, made: Instruction) -> None:
        """`insertelement`, `extractelement`, `shufflevector`: operands with types"""
        made.operands = [self.typed()]
        while self.skip(","):
            made.operands.append(self.typed())
        first = made.operands[0].type
        lanes = made.operands[-1].type.lanes if made.op == "shufflevector" else first.lanes
        made.type = first.element if made.op == "extractelement" else Type(first.name, lanes)

    def read_part(self, made: Instruction) -> None:
        """`extractvalue {..} %x, 1`, `insertvalue {..} %x, <..> %y, 1`: `numbers` has the place"""
        made.operands = [self.typed()]
        while self.skip(","):
            if re.fullmatch(r"\d+", self.next):
                made.numbers.append(int(self.take()))
            else:
                made.operands.append(self.typed())
        together = made.operands[0].type
        made.type = together.parts[made.numbers[0]] if made.op == "extractvalue" else together


FORMS = {
    "binary": "add sub mul udiv sdiv urem srem shl lshr ashr and or xor fadd fsub fmul fdiv",
    "cast": "bitcast sext zext trunc fpext fptrunc sitofp uitofp fptosi",
    "compare": "fcmp icmp",
    "listed": "insertelement extractelement shufflevector",
    "part": "extractvalue insertvalue",
    "unary": "fneg freeze",
}
KINDS = {op: form for form, ops in FORMS.items() for op in ops.split()}
