"""Functions of one form become one, called with the numbers in which they differ."""

from glassgrad.compiler.emit import merge
from glassgrad.compiler.machine import object_code
from glassgrad.compiler.target import host

TEXT = """define internal void @{name}(ptr %arena, ptr %table, i64 %chunk) noinline {{
entry:
br label %loop1
loop1:
%i1 = phi i64 [0, %entry], [%n1, %loop1]
%v2 = mul i64 %i1, {factor}
%p3 = getelementptr i8, ptr %arena, i64 %v2
%p4 = getelementptr i8, ptr %p3, i64 {first}
%v5 = load float, ptr %p4, align 4
%p6 = getelementptr i8, ptr %p3, i64 {second}
store float %v5, ptr %p6, align 4
%n1 = add i64 %i1, {step}
%m1 = icmp slt i64 %n1, {end}
br i1 %m1, label %loop1, label %done1
done1:
ret void
}}
"""
BASE = {"factor": 4, "first": 64, "second": 128, "step": 1, "end": 10}


def texts(monkeypatch, *changes):
    monkeypatch.setattr(merge, "SHORTEST", 5)
    return [TEXT.format(name=f"k{n}", **{**BASE, **c}) for n, c in enumerate(changes)]


def test_addresses_and_sizes_are_handed_over(monkeypatch):
    first, second = merge.merged(texts(monkeypatch, {}, {"first": 1064, "second": 1128, "end": 7}))
    assert "tail call void @of_k0(ptr %arena, ptr %table, i64 %chunk, i64 64, i64 10)" in first
    assert "tail call void @of_k0(ptr %arena, ptr %table, i64 %chunk, i64 1064, i64 7)" in second
    assert "%sum0 = add i64 %given0, 64\n%p6 = getelementptr i8, ptr %p3, i64 %sum0" in first
    assert "mul i64 %i1, 4" in first
    assert object_code(first + second, host())


def test_other_numbers_are_another_form(monkeypatch):
    given = texts(monkeypatch, {}, {"step": 2})
    assert merge.merged(given) == given


def test_short_functions_stay(monkeypatch):
    given = texts(monkeypatch, {}, {"end": 7})
    monkeypatch.setattr(merge, "SHORTEST", 1000)
    assert merge.merged(given) == given
