"""Functions of the compiler's text in C: values are variables, blocks are labels.

A value that only its own block uses is a constant there; others, and phis, are variables of the
function.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .meaning import C_TYPES, SIZES, c_type, expression, literal, name_of
from .prelude import Prelude
from .reading import Block, Constant, Function, Instruction, Operand, Text, UnknownError

WORDS = """
auto break case char const continue default do double else enum extern float for goto if
inline int long register restrict return short signed sizeof static struct switch typedef union
unsigned void volatile while
"""
KEYWORDS = frozenset(WORDS.split())
IGNORED = ("prefetch",)  # no value depends on it


def written(text: Text, prefix: str, prelude: Prelude) -> str:
    """All constants and functions of a module, with a prefix before their names."""
    bodies = [Body(f, prefix, prelude, text) for f in text.functions]
    made = [body.text() for body in bodies]
    used = {x for body in made for x in re.findall(rf"\b{prefix}_(\w+)", body)}
    parts = [array(c, prefix) for c in text.constants if c.name in used]
    return "\n".join([*parts, *(f"{body.head};" for body in bodies), "", *made])


def array(constant: Constant, prefix: str) -> str:
    """`static const uint64_t model_two_over_pi[21] = {...};`"""
    name, count, kind, values = constant
    listed = ", ".join(literal(kind, v) for v in values) or "0"
    return f"static const {C_TYPES[kind.name]} {prefix}_{name}[{count}] = {{{listed}}};"


class Body:
    """A function being written.

    types     of values
    shared    values that several blocks use
    """

    def __init__(self, function: Function, prefix: str, prelude: Prelude, text: Text) -> None:
        self.function, self.prefix, self.prelude = function, prefix, prelude
        self.callable = {f.name for f in text.functions}
        listed = ", ".join(
            f"{spaced(prelude.type(kind))}{own(name)}" for kind, name in function.parameters
        )
        result = spaced(prelude.type(function.result))
        self.head = f"static {result}{prefix}_{function.name}({listed or 'void'})"
        drop_unused(function)
        self.shared = shared(function)
        self.targets = {x for b in function.blocks for i in b.instructions for x in i.labels}
        self.phis = {
            block.name: [i for i in block.instructions if i.op == "phi"]
            for block in function.blocks
        }

    def text(self) -> str:
        """The definition."""
        lines = []
        for block in self.function.blocks:
            label = f"{label_of(block.name)}: " if block.name in self.targets else ""
            lines += [f"{label}{{", *(f"    {line}" for line in self.block(block)), "}"]
        used = {x for b in self.function.blocks for i in b.instructions for x in names_in(i)}
        unused = [own(x) for _, x in self.function.parameters if x not in used]
        head = [self.head, "{", *self.variables(), *(f"    (void){x};" for x in unused)]
        return "\n".join([*head, *lines, "}", ""])

    def variables(self) -> Iterator[str]:
        """Memory of the function's own, and what several blocks use."""
        for block in self.function.blocks:
            for made in block.instructions:
                if made.op == "alloca":
                    size, name = made.numbers[0] * SIZES[made.word], own(made.result)
                    yield f"    uint64_t {name}_own[{-(-size // 8)}];"
                    yield f"    char *const {name} = (char *){name}_own;"
                elif made.result in self.shared:
                    yield f"    {spaced(self.prelude.type(made.type))}{own(made.result)};"

    def block(self, block: Block) -> Iterator[str]:
        """The statements of a block."""
        for made in block.instructions:
            if made.op in ("phi", "alloca"):  # they are declared where the function begins
                continue
            if made.op == "br":
                yield from self.branch(made, block.name)
            elif made.op == "ret":
                yield f"return {self.value(made.operands[0])};" if made.operands else "return;"
            else:
                yield from self.statement(made)

    def statement(self, made: Instruction) -> Iterator[str]:
        """An instruction that is no jump."""
        found = self.computed(made)
        if not made.result:
            if found:
                yield f"{found};"
            return
        kind = self.prelude.type(made.type)
        if made.result in self.shared:
            yield f"{own(made.result)} = {found};"
        elif made.type.name == "ptr" and not made.type.lanes:
            yield f"char *const {own(made.result)} = {found};"
        else:
            yield f"const {kind} {own(made.result)} = {found};"

    # ---- jumps

    def branch(self, made: Instruction, here: str) -> Iterator[str]:
        """To one label, or to one of two; phis of the target get their values first."""
        ways = [[*self.edge(here, to), f"goto {label_of(to)};"] for to in made.labels]
        if len(ways) == 1:
            yield from ways[0]
            return
        yield f"if ({self.value(made.operands[0])}) {{"
        yield from (f"    {line}" for line in ways[0])
        yield "}"
        yield from ways[1]

    def edge(self, here: str, to: str) -> Iterator[str]:
        """Phis are set at once: if one is another's new value, by way of copies."""
        pairs = []
        for phi in self.phis.get(to, ()):
            value = next(x.value for x in phi.incoming if x.block == here)
            if not (value.form == "name" and value.text == phi.result):
                pairs.append((phi, value))
        names = {phi.result for phi, _ in pairs}
        aside = any(v.form == "name" and v.text in names for _, v in pairs)
        for n, (phi, value) in enumerate(pairs if aside else ()):
            yield f"{spaced(self.prelude.type(phi.type))}next{n}_ = {self.value(value)};"
        for n, (phi, value) in enumerate(pairs):
            yield f"{own(phi.result)} = {f'next{n}_' if aside else self.value(value)};"

    # ---- values

    def value(self, x: Operand) -> str:
        """An operand as an expression."""
        kind = x.type
        if x.form == "name":
            return own(x.text)
        if x.form == "global":
            return f"((char *){self.prefix}_{x.text})"
        if kind.parts:
            if x.form != "poison":
                raise UnknownError(f"there is no C for a constant of {name_of(kind)}")
            zeros = ", ".join(self.value(Operand(p, "zero")) for p in kind.parts)
            return f"(({self.prelude.type(kind)}){{{zeros}}})"
        if x.form in ("zero", "poison"):
            zero = literal(kind.element, "0xH0000" if kind.name == "half" else "0")
            return f"{self.prelude.splat(kind)}({zero})" if kind.lanes else zero
        if x.form == "splat":
            return f"{self.prelude.splat(kind)}({self.value(x.parts[0])})"
        if x.form == "listed":
            listed = ", ".join(map(self.value, x.parts))
            array = f"(const {C_TYPES[kind.name]}[]){{{listed}}}"
            return f"{self.prelude.listed(kind)}({array})"
        text = literal(kind, x.text)
        self.prelude.require(text)
        return text

    def computed(self, made: Instruction) -> str:
        """What an instruction gives, or does."""
        special = getattr(self, f"write_{made.op}", None)
        if special is not None:
            return special(made)
        values = list(map(self.value, made.operands))
        return self.plain(made, values)

    def plain(self, made: Instruction, values: list[str]) -> str:
        """An instruction on elements, or on all lanes of vectors."""
        kinds = [x.type for x in made.operands]
        if made.type.lanes:
            name = self.prelude.elementwise(made.op, made.word, made.type, kinds)
            return f"{name}({', '.join(values)})"
        found = expression(made.op, made.word, kinds[-1], made.type, values)
        self.prelude.require(found)
        return found

    # ---- memory

    def write_getelementptr(self, made: Instruction) -> str:
        base, offset = made.operands
        size = SIZES[made.word]
        if offset.type.lanes:
            name = self.prelude.addresses(offset.type)
            return f"{name}({self.value(base)}, {self.value(offset)}, {size})"
        if offset.form == "number":
            return f"{self.value(base)} + {int(offset.text) * size}".replace("+ -", "- ")
        scaled = "" if size == 1 else f" * {size}"
        return f"{self.value(base)} + (ptrdiff_t){self.value(offset)}{scaled}"

    def write_load(self, made: Instruction) -> str:
        return f"{self.prelude.load(made.type)}({self.value(made.operands[0])})"

    def write_store(self, made: Instruction) -> str:
        value, at = made.operands
        return f"{self.prelude.store(value.type)}({self.value(at)}, {self.value(value)})"

    # ---- lanes

    def write_insertelement(self, made: Instruction) -> str:
        vector, element, at = made.operands
        kind = vector.type
        if vector.form == "poison":  # the other lanes are never looked at
            return f"{self.prelude.splat(kind)}({self.value(element)})"
        name = f"insert_{name_of(kind)}"
        made_type = self.prelude.type(kind)
        self.prelude.add(
            name,
            f"static inline {made_type} {name}({made_type} a, {c_type(kind.element)} x, "
            "uint64_t i) { LANE(a, i) = x; return a; }",
        )
        return f"{name}({self.value(vector)}, {self.value(element)}, {self.value(at)})"

    def write_extractelement(self, made: Instruction) -> str:
        vector, at = made.operands
        self.prelude.type(vector.type)
        if vector.form == "name":
            return f"LANE({self.value(vector)}, {self.value(at)})"
        name, kind = f"lane_{name_of(vector.type)}", self.prelude.type(vector.type)
        self.prelude.add(
            name,
            f"static inline {c_type(made.type)} {name}({kind} a, uint64_t i) "
            "{ return LANE(a, i); }",
        )
        return f"{name}({self.value(vector)}, {self.value(at)})"

    def write_shufflevector(self, made: Instruction) -> str:
        a, b, mask = made.operands
        if mask.form == "zero":
            lanes = [0] * mask.type.lanes
        elif mask.form == "listed":
            lanes = [int(x.text) if x.form == "number" else 0 for x in mask.parts]
        else:
            raise UnknownError(f"there is no C for the instruction: {made.line}")
        if not any(lanes):
            if a.form != "name":
                raise UnknownError(f"there is no C for the instruction: {made.line}")
            return f"{self.prelude.splat(made.type)}(LANE({self.value(a)}, 0))"
        if a.type != made.type:
            raise UnknownError(f"there is no C for the instruction: {made.line}")
        name = self.prelude.shuffle(a.type, made.type, lanes)
        return f"{name}({self.value(a)}, {self.value(a if b.form == 'poison' else b)})"

    def write_extractvalue(self, made: Instruction) -> str:
        return f"{self.value(made.operands[0])}.part{made.numbers[0]}"

    def write_insertvalue(self, made: Instruction) -> str:
        together, part = made.operands
        place, kind = made.numbers[0], self.prelude.type(together.type)
        name = f"insert{place}_{kind}"
        self.prelude.add(
            name,
            f"static inline {kind} {name}({kind} a, {self.prelude.type(part.type)} x) "
            f"{{ a.part{place} = x; return a; }}",
        )
        return f"{name}({self.value(together)}, {self.value(part)})"

    # ---- calls

    def write_call(self, made: Instruction) -> str:
        if made.word in self.callable:
            return f"{self.prefix}_{made.word}({', '.join(map(self.value, made.operands))})"
        if not made.word.startswith("llvm."):
            raise UnknownError(f"there is no C for the function: {made.line}")
        name = made.word.removeprefix("llvm.")
        if name.startswith("masked."):
            return self.masked(made, name.split(".")[1])
        if name.startswith("vector.reduce.or."):
            return f"{self.prelude.any(made.operands[0].type)}({self.value(made.operands[0])})"
        if name.startswith("memset."):
            at, byte, count, _ = map(self.value, made.operands)
            return f"memset({at}, {byte}, {count})"
        if name.split(".")[0] in IGNORED:
            return ""
        if name.split(".")[0] == "abs":  # its second operand says what the lowest number gives
            made.operands = made.operands[:1]
        return self.plain(made, list(map(self.value, made.operands)))

    def masked(self, made: Instruction, op: str) -> str:
        """Where the mask is a constant of ones before zeros, a part of a vector."""
        kind = made.type if made.type.lanes else made.operands[0].type
        mask = made.operands[1 if made.type.lanes else 2]
        count = leading(mask)
        values = list(map(self.value, made.operands))
        if count is not None and op == "store":
            return f"{self.prelude.first(op, kind)}({values[1]}, {values[0]}, {count})"
        if count is not None and op == "load" and made.operands[2].form == "zero":
            return f"{self.prelude.first(op, kind)}({values[0]}, {count})"
        return f"{self.prelude.masked(op, kind)}({', '.join(values)})"


def leading(mask: Operand) -> int | None:
    """How many lanes a constant mask begins with, if they are all that it has."""
    if mask.form != "listed":
        return None
    bits = [x.text in ("true", "1") for x in mask.parts]
    return sum(bits) if sorted(bits, reverse=True) == bits else None


def shared(function: Function) -> set[str]:
    """Values that other blocks than their own use, and phis."""
    home = {i.result: b.name for b in function.blocks for i in b.instructions if i.result}
    found = {i.result for b in function.blocks for i in b.instructions if i.op == "phi"}
    for block in function.blocks:
        for made in block.instructions:
            if made.op == "phi":
                uses = [(x.value.text, x.block) for x in made.incoming if x.value.form == "name"]
            else:
                uses = [(name, block.name) for name in names_in(made)]
            found |= {name for name, at in uses if home.get(name, at) != at}
    return found


def drop_unused(function: Function) -> None:
    """Take out what nothing uses, from the end, so that C compilers do not warn of it."""
    everything = [i for b in function.blocks for i in b.instructions]
    used = {n for i in everything if i.op == "phi" for n in names_in(i)}
    for made in reversed(everything):
        if not made.result or made.result in used or made.op == "phi":
            used.update(names_in(made))
    for block in function.blocks:
        block.instructions = [i for i in block.instructions if not i.result or i.result in used]


def names_in(made: Instruction) -> list[str]:
    """The registers that an instruction names, its own too."""
    return re.findall(r"%([\w.]+)", made.line)


def own(name: str) -> str:
    """A register's name as an identifier."""
    name = name.replace(".", "_")
    return f"{name}_" if name in KEYWORDS or name in ("memcpy", "memset", "NAN") else name


def label_of(name: str) -> str:
    """A block's name as a label."""
    return f"{own(name)}_at" if name[:1].isalpha() or name[:1] == "_" else f"at_{own(name)}"


def spaced(kind: str) -> str:
    """A type before a name: `float x`, `char *p`."""
    return kind if kind.endswith("*") else f"{kind} "
