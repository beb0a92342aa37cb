"""The C that stands before the kernels: types of vectors, and what is done with their lanes.

A file has only the pieces that its kernels use.  Each is written when it is first asked for.
"""

from __future__ import annotations

import re

from .meaning import C_TYPES, SIZES, c_type, expression, name_of
from .reading import Type, UnknownError

PIECES = {
    "f32_of_f16": """
static inline float f32_of_f16(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000u) << 16, rest = h & 0x7FFFu;
    uint32_t bits;
    float found;
    if (rest < 0x0400u) {
        found = (float)rest * 5.9604644775390625e-8f;
        memcpy(&bits, &found, 4);
    } else {
        bits = (rest << 13) + (rest >= 0x7C00u ? 0x70000000u : 0x38000000u);
        bits |= rest > 0x7C00u ? 0x00400000u : 0u;
    }
    bits |= sign;
    memcpy(&found, &bits, 4);
    return found;
}
""",
    "f16_of_f32": """
static inline uint16_t f16_of_f32(float x)
{
    uint32_t bits, size, sign, rest;
    memcpy(&bits, &x, 4);
    sign = bits >> 16 & 0x8000u;
    size = bits & 0x7FFFFFFFu;
    if (size > 0x7F800000u)
        return (uint16_t)(sign | 0x7E00u | (size >> 13 & 0x03FFu));
    if (size >= 0x477FF000u)
        return (uint16_t)(sign | 0x7C00u);
    if (size >= 0x38800000u) {
        rest = size - 0x38000000u;
        return (uint16_t)(sign | (rest + 0x0FFFu + (rest >> 13 & 1u)) >> 13);
    }
    memcpy(&x, &size, 4);
    return (uint16_t)(sign | (uint32_t)rintf(x * 16777216.0f));
}
""",
    "i128": """
typedef struct { uint64_t low, high; } i128;
static inline i128 i128_of(uint64_t x) { i128 r; r.low = x; r.high = 0; return r; }
static inline i128 i128_add(i128 a, i128 b)
{
    i128 r;
    r.low = a.low + b.low;
    r.high = a.high + b.high + (r.low < a.low);
    return r;
}
static inline i128 i128_mul(i128 a, i128 b)
{
    const uint64_t m = 0xFFFFFFFFu, a0 = a.low & m, a1 = a.low >> 32;
    const uint64_t b0 = b.low & m, b1 = b.low >> 32;
    const uint64_t middle = (a0 * b0 >> 32) + (a1 * b0 & m) + a0 * b1;
    i128 r;
    r.low = a.low * b.low;
    r.high = a1 * b1 + (a1 * b0 >> 32) + (middle >> 32) + a.low * b.high + a.high * b.low;
    return r;
}
static inline i128 i128_lshr(i128 a, uint64_t n)
{
    i128 r;
    if (n == 0)
        return a;
    r.low = n >= 64 ? a.high >> (n - 64) : a.low >> n | a.high << (64 - n);
    r.high = n >= 64 ? 0 : a.high >> n;
    return r;
}
""",
    "i64_fshl": """
static inline uint64_t i64_fshl(uint64_t a, uint64_t b, uint64_t n)
{
    n &= 63;
    return n ? a << n | b >> (64 - n) : a;
}
""",
}
TO_INTEGER = """
static inline {to} {name}({kind} x)
{{
    return x >= -{limit} && x < {limit} ? ({to})({signed})x : ({to})1 << {top};
}}
"""
VECTOR = """
#ifdef VECTORS
typedef {element} {name} __attribute__((vector_size({size})));
#else
typedef struct {{ {element} lane[{lanes}]; }} {name};
#endif
"""


class Prelude:
    """The pieces that are used, in order."""

    def __init__(self) -> None:
        self.pieces: dict[str, str] = {}

    def text(self) -> str:
        """All pieces."""
        return "\n".join(piece.strip("\n") for piece in self.pieces.values())

    def add(self, name: str, text: str) -> str:
        """A piece; gives its name."""
        if name not in self.pieces:
            self.require(text)
            self.pieces[name] = text
        return name

    def require(self, text: str) -> None:
        """The pieces that a text calls."""
        for name in ("f32_of_f16", "f16_of_f32", "i64_fshl"):
            if name + "(" in text:
                self.add_plain(name)
        if "i128" in text:
            self.add_plain("i128")
        for found in re.finditer(r"\b(\w+)_of_bits_(\w+)\(", text):
            self.same_bits(found[0][:-1], *found.groups())
        for found in re.finditer(r"\b(i32|i64)_of_(f32|f64)\(", text):
            self.to_integer(found[0][:-1], *found.groups())

    def add_plain(self, name: str) -> None:
        """A piece that is written above."""
        if name not in self.pieces:
            self.pieces[name] = PIECES[name]

    def same_bits(self, name: str, to: str, kind: str) -> None:
        """`f32_of_bits_i32`"""
        a, b = PLAIN[to], PLAIN[kind]
        self.pieces.setdefault(
            name,
            f"static inline {a} {name}({b} x)\n{{\n    {a} y;\n    memcpy(&y, &x, sizeof y);\n"
            "    return y;\n}",
        )

    def to_integer(self, name: str, to: str, kind: str) -> None:
        """`i32_of_f32`"""
        limit = {"i32": "2147483648.0", "i64": "9223372036854775808.0"}[to]
        fields = {"to": PLAIN[to], "kind": PLAIN[kind], "signed": PLAIN[to][1:], "name": name}
        limit += "f" if kind == "f32" else ""
        self.pieces.setdefault(name, TO_INTEGER.format(limit=limit, top=int(to[1:]) - 1, **fields))

    # ---- vectors

    def type(self, kind: Type) -> str:
        """The C type of values, defined if need be."""
        name = c_type(kind)
        if kind.parts:
            held = "; ".join(f"{self.type(p)} part{i}" for i, p in enumerate(kind.parts))
            self.add(name, f"typedef struct {{ {held}; }} {name};")
        elif kind.name == "i128":
            self.add_plain("i128")
        elif kind.lanes:
            if kind.name not in C_TYPES or kind.lanes & (kind.lanes - 1):
                raise UnknownError(f"there is no C type for {kind.lanes} lanes of {kind.name}")
            size = kind.lanes * SIZES.get(kind.name, 1)
            fields = {"element": lane_type(kind), "name": name, "lanes": kind.lanes, "size": size}
            self.add(name, VECTOR.format(**fields))
        return name

    def looping(self, name: str, result: Type, arguments: str, body: str) -> str:
        """A function whose result's lanes are computed one by one."""
        made = self.type(result)
        return self.add(
            name,
            f"static inline {made} {name}({arguments})\n{{\n    {made} r;\n"
            f"    for (int i = 0; i < {result.lanes}; i++)\n        {body}\n    return r;\n}}",
        )

    def elementwise(self, op: str, word: str, result: Type, kinds: list[Type]) -> str:
        """The function that does an instruction for all lanes."""
        listed = ", ".join(f"{self.type(k)} {v}" for k, v in zip(kinds, "abc"))
        lanes = [f"LANE({v}, i)" if k.lanes else v for k, v in zip(kinds, "abc")]
        value = expression(op, word, kinds[-1].element, result.element, lanes)
        meant = word.split(".")[1] if op == "call" else f"{op}_{word}" if word else op
        name = f"{meant}_{name_of(kinds[-1])}"
        if name_of(result) != name_of(kinds[-1]) and op not in ("fcmp", "icmp"):
            name += f"_{name_of(result)}"
        self.require(value)
        return self.looping(name, result, listed, f"LANE(r, i) = {value};")

    def splat(self, kind: Type) -> str:
        """All lanes alike."""
        return self.looping(
            f"splat_{name_of(kind)}", kind, f"{lane_type(kind)} a", "LANE(r, i) = a;"
        )

    def listed(self, kind: Type) -> str:
        """Lanes from an array."""
        arguments = f"const {lane_type(kind)} *a"
        return self.looping(f"listed_{name_of(kind)}", kind, arguments, "LANE(r, i) = a[i];")

    def shuffle(self, kind: Type, result: Type, lanes: list[int]) -> str:
        """Lanes of two vectors, by number."""
        name = f"shuffle{sum(k.startswith('shuffle') for k in self.pieces)}_{name_of(result)}"
        known = "shuffle " + name_of(kind) + str(lanes)
        if known in self.names:
            return self.names[known]
        self.names[known] = name
        picked = [f"LANE({'a' if n < kind.lanes else 'b'}, {n % kind.lanes})" for n in lanes]
        body = "".join(f"    LANE(r, {i}) = {p};\n" for i, p in enumerate(picked))
        made, numbers = self.type(result), ", ".join(map(str, lanes))
        return self.add(
            name,
            f"static inline {made} {name}({made} a, {made} b)\n{{\n    {made} r;\n#ifdef SHUFFLE\n"
            f"    r = SHUFFLE(a, b, {numbers});\n#else\n    (void)b;\n{body}#endif\n"
            "    return r;\n}",
        )

    @property
    def names(self) -> dict[str, str]:
        """Names of shuffles by what they do."""
        return self.__dict__.setdefault("_names", {})

    def any(self, kind: Type) -> str:
        """Whether a lane is true."""
        name, made = f"any_{name_of(kind)}", self.type(kind)
        return self.add(
            name,
            f"static inline uint8_t {name}({made} a)\n{{\n    uint8_t r = 0;\n"
            f"    for (int i = 0; i < {kind.lanes}; i++)\n        r |= LANE(a, i);\n"
            "    return r;\n}",
        )

    # ---- memory

    def load(self, kind: Type) -> str:
        """`load_f32x16(p)`"""
        name, made = f"load_{name_of(kind)}", self.type(kind)
        return self.add(
            name,
            f"static inline {made} {name}(const char *p) "
            f"{{ {made} r; memcpy(&r, p, sizeof r); return r; }}",
        )

    def store(self, kind: Type) -> str:
        """`store_f32x16(p, a)`"""
        name, made = f"store_{name_of(kind)}", self.type(kind)
        return self.add(
            name, f"static inline void {name}(char *p, {made} a) {{ memcpy(p, &a, sizeof a); }}"
        )

    def first(self, op: str, kind: Type) -> str:
        """The first n lanes only: `load_first_f32x16(p, n)`, `store_first_f32x16(p, a, n)`."""
        name, made = f"{op}_first_{name_of(kind)}", self.type(kind)
        size = f"n * sizeof({lane_type(kind)})"
        if op == "store":
            head = f"static inline void {name}(char *p, {made} a, size_t n)"
            return self.add(name, f"{head} {{ memcpy(p, &a, {size}); }}")
        return self.add(
            name,
            f"static inline {made} {name}(const char *p, size_t n)\n{{\n    {made} r;\n"
            f"    memset(&r, 0, sizeof r);\n    memcpy(&r, p, {size});\n    return r;\n}}",
        )

    def masked(self, op: str, kind: Type) -> str:
        """`load`, `store`, `gather`, `scatter` of the lanes where a mask holds."""
        self.type(Type("i1", kind.lanes))
        made, one = self.type(kind), lane_type(kind)
        name, mask = f"masked_{op}_{name_of(kind)}", f"bitx{kind.lanes} m"
        at = f"p + i * sizeof({one})"
        where = "char *p"
        if op in ("gather", "scatter"):
            where, at = f"{self.type(Type('ptr', kind.lanes))} p", "(char *)LANE(p, i)"
        if op in ("store", "scatter"):
            one_lane = f"{{ const {one} v = LANE(a, i); memcpy({at}, &v, sizeof v); }}"
            return self.add(
                name,
                f"static inline void {name}({made} a, {where}, {mask})\n{{\n"
                f"    for (int i = 0; i < {kind.lanes}; i++)\n        if (LANE(m, i))\n"
                f"            {one_lane}\n}}",
            )
        read = f"{{ {one} v = LANE(a, i); if (LANE(m, i)) memcpy(&v, {at}, sizeof v); "
        arguments = f"{where}, {mask}, {made} a"
        return self.looping(name, kind, arguments, read + "LANE(r, i) = v; }")

    def addresses(self, kind: Type) -> str:
        """A pointer and offsets: a pointer for each lane."""
        self.type(kind)
        result = Type("ptr", kind.lanes)
        return self.looping(
            f"addresses_x{kind.lanes}", result, f"char *p, {name_of(kind)} a, uintptr_t size",
            "LANE(r, i) = (uintptr_t)p + (uintptr_t)LANE(a, i) * size;",
        )  # fmt: skip


def lane_type(kind: Type) -> str:
    """The C type of a lane."""
    return "uintptr_t" if kind.name == "ptr" else C_TYPES[kind.name]


PLAIN = {
    "f32": "float", "f64": "double", "f16": "uint16_t", "i16": "uint16_t", "i32": "uint32_t",
    "i64": "uint64_t",
}  # fmt: skip
