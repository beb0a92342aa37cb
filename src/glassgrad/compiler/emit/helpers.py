"""Functions that need loops or branches: remainders, divisors, and very large angles.

They are LLVM's text, on vectors of 16 lanes (`<d>` of double, `<i>` of i64, `<m>` of i1), and a
module has those that its code calls.
"""

from __future__ import annotations

FMOD = """
define internal <d> @fmod(<d> %x, <d> %y) noinline {
entry:
  %b = call <d> @llvm.fabs.v16f64(<d> %y)
  %long = fmul <d> %b, splat (double 0x7E70000000000000)
  %longest = fmul <d> %long, splat (double 0x4610000000000000)
  %far = fmul <d> %long, splat (double 0x7E70000000000000)
  br label %test
test:
  %a = phi <d> [%x, %entry], [%rest, %step]
  %size = call <d> @llvm.fabs.v16f64(<d> %a)
  %more = fcmp oge <d> %size, %b
  %any = call i1 @llvm.vector.reduce.or.v16i1(<m> %more)
  br i1 %any, label %step, label %done
step:
  %islong = fcmp oge <d> %size, %long
  %isfar = fcmp oge <d> %size, %far
  %some = select <m> %islong, <d> %long, <d> %b
  %d = select <m> %isfar, <d> %longest, <d> %some
  %quotient = fdiv <d> %a, %d
  %whole = call <d> @llvm.trunc.v16f64(<d> %quotient)
  %minus = fneg <d> %whole
  %reduced = call <d> @llvm.fma.v16f64(<d> %minus, <d> %d, <d> %a)
  %rest = select <m> %more, <d> %reduced, <d> %a
  br label %test
done:
  %sign = call <d> @llvm.copysign.v16f64(<d> splat (double 1.0), <d> %x)
  %signed = fmul <d> %a, %sign
  %wrong = fcmp olt <d> %signed, zeroinitializer
  %moved = fadd <d> %signed, %b
  %right = select <m> %wrong, <d> %moved, <d> %signed
  %exact = call <d> @llvm.copysign.v16f64(<d> %right, <d> %x)
  %nothing = fcmp oeq <d> %y, zeroinitializer
  %nan = fcmp uno <d> %x, %y
  %none = or <m> %nothing, %nan
  %result = select <m> %none, <d> splat (double 0x7FF8000000000000), <d> %exact
  ret <d> %result
}
"""

GCD = """
define internal <i> @gcd(<i> %x, <i> %y) noinline {
entry:
  br label %test
test:
  %a = phi <i> [%x, %entry], [%larger, %step]
  %b = phi <i> [%y, %entry], [%rest, %step]
  %more = icmp ne <i> %b, zeroinitializer
  %any = call i1 @llvm.vector.reduce.or.v16i1(<m> %more)
  br i1 %any, label %step, label %done
step:
  %safe = select <m> %more, <i> %b, <i> splat (i64 1)
  %rest = urem <i> %a, %safe
  %larger = select <m> %more, <i> %b, <i> %a
  br label %test
done:
  ret <i> %a
}
"""

POWER = """
define internal <i> @power(<i> %x, <i> %y) noinline {
entry:
  br label %test
test:
  %base = phi <i> [%x, %entry], [%square, %step]
  %left = phi <i> [%y, %entry], [%half, %step]
  %total = phi <i> [splat (i64 1), %entry], [%next, %step]
  %more = icmp ne <i> %left, zeroinitializer
  %any = call i1 @llvm.vector.reduce.or.v16i1(<m> %more)
  br i1 %any, label %step, label %done
step:
  %odd = trunc <i> %left to <m>
  %product = mul <i> %total, %base
  %next = select <m> %odd, <i> %product, <i> %total
  %square = mul <i> %base, %base
  %half = lshr <i> %left, splat (i64 1)
  br label %test
done:
  ret <i> %total
}
"""

# ---- angles in quarter turns: Cody and Waite (1980), and beyond 2^36 Payne and Hanek (1983)
# 2 / pi in words of 64 bits, after one of zeros: what stands left of the binary point
# fmt: off
TWO_OVER_PI = (
    0xA2F9836E4E441529, 0xFC2757D1F534DDC0, 0xDB6295993C439041, 0xFE5163ABDEBBC561,
    0xB7246E3A424DD2E0, 0x06492EEA09D1921C, 0xFE1DEB1CB129A73E, 0xE88235F52EBB4484,
    0xE99C7026B45F7E41, 0x3991D639835339F4, 0x9C845F8BBDF9283B, 0x1FF897FFDE05980F,
    0xEF2F118B5A0A6D1F, 0x6D367ECF27CB09B7, 0x4F463F669E5FEA2D, 0x7527BAC7EBE5F17B,
    0x3D0739F78A5292EA, 0x6BFB5FB11F8D5D08, 0x56033046FC7B6BAB, 0xF0CFBC209AF4361D,
)
# fmt: on
QUARTER_TURNS = """
define internal {<d>, <i>} @quarter_turns(<d> %x) noinline {
entry:
  %shifted = call <d> @llvm.fma.v16f64(<d> %x, <d> splat (double 0x3FE45F306DC9C883),
    <d> splat (double 0x4338000000000000))
  %n = fsub <d> %shifted, splat (double 0x4338000000000000)
  %q = bitcast <d> %shifted to <i>
  %r1 = call <d> @llvm.fma.v16f64(<d> %n, <d> splat (double 0xBFF921FB54442D18), <d> %x)
  %r2 = call <d> @llvm.fma.v16f64(<d> %n, <d> splat (double 0xBC91A62633145C07), <d> %r1)
  %r = call <d> @llvm.fma.v16f64(<d> %n, <d> splat (double 0x391F1976B7ED8FBC), <d> %r2)
  %size = call <d> @llvm.fabs.v16f64(<d> %x)
  %large = fcmp oge <d> %size, splat (double 0x4230000000000000)
  %any = call i1 @llvm.vector.reduce.or.v16i1(<m> %large)
  br i1 %any, label %test, label %done
test:
  %k = phi i64 [0, %entry], [%next, %again]
  %angles = phi <d> [%r, %entry], [%angles2, %again]
  %turns = phi <i> [%q, %entry], [%turns2, %again]
  %is = extractelement <m> %large, i64 %k
  br i1 %is, label %far, label %again
far:
  %one = extractelement <d> %x, i64 %k
  %bits = bitcast double %one to i64
  %top = lshr i64 %bits, 52
  %exponent = and i64 %top, 2047
  %low = and i64 %bits, 4503599627370495
  %mantissa = or i64 %low, 4503599627370496
  %start = sub i64 %exponent, 1013
  %word = lshr i64 %start, 6
  %shift = and i64 %start, 63
  %p0 = getelementptr i64, ptr @two_over_pi, i64 %word
  %p1 = getelementptr i64, ptr %p0, i64 1
  %p2 = getelementptr i64, ptr %p0, i64 2
  %p3 = getelementptr i64, ptr %p0, i64 3
  %w0 = load i64, ptr %p0
  %w1 = load i64, ptr %p1
  %w2 = load i64, ptr %p2
  %w3 = load i64, ptr %p3
  %a0 = call i64 @llvm.fshl.i64(i64 %w0, i64 %w1, i64 %shift)
  %a1 = call i64 @llvm.fshl.i64(i64 %w1, i64 %w2, i64 %shift)
  %a2 = call i64 @llvm.fshl.i64(i64 %w2, i64 %w3, i64 %shift)
  %m128 = zext i64 %mantissa to i128
  %a1wide = zext i64 %a1 to i128
  %a2wide = zext i64 %a2 to i128
  %t2 = mul i128 %a2wide, %m128
  %t1 = mul i128 %a1wide, %m128
  %t0 = mul i64 %a0, %mantissa
  %t2high = lshr i128 %t2, 64
  %t1sum = add i128 %t1, %t2high
  %t1high = lshr i128 %t1sum, 64
  %carry = trunc i128 %t1high to i64
  %v0 = add i64 %t0, %carry
  %v1 = trunc i128 %t1sum to i64
  %v2 = trunc i128 %t2 to i64
  %f0 = call i64 @llvm.fshl.i64(i64 %v0, i64 %v1, i64 2)
  %f1 = call i64 @llvm.fshl.i64(i64 %v1, i64 %v2, i64 2)
  %whole = lshr i64 %v0, 62
  %up = lshr i64 %f0, 63
  %turn = add i64 %whole, %up
  %s0 = ashr i64 %f0, 32
  %s1 = and i64 %f0, 4294967295
  %s2 = lshr i64 %f1, 32
  %s3 = and i64 %f1, 4294967295
  %d0 = sitofp i64 %s0 to double
  %d1 = sitofp i64 %s1 to double
  %d2 = sitofp i64 %s2 to double
  %d3 = sitofp i64 %s3 to double
  %e0 = fmul double %d0, 0x3DF0000000000000
  %e1 = fmul double %d1, 0x3BF0000000000000
  %e2 = fmul double %d2, 0x39F0000000000000
  %e3 = fmul double %d3, 0x37F0000000000000
  %h = fadd double %e0, %e1
  %hback = fsub double %h, %e0
  %l = fsub double %e1, %hback
  %l23 = fadd double %e2, %e3
  %rest = fadd double %l, %l23
  %g = fadd double %h, %rest
  %gback = fsub double %g, %h
  %small = fsub double %rest, %gback
  %y = fmul double %g, 0x3FF921FB54442D18
  %yminus = fneg double %y
  %err1 = call double @llvm.fma.f64(double %g, double 0x3FF921FB54442D18, double %yminus)
  %err2 = call double @llvm.fma.f64(double %g, double 0x3C91A62633145C07, double %err1)
  %err3 = call double @llvm.fma.f64(double %small, double 0x3FF921FB54442D18, double %err2)
  %sum = fadd double %y, %err3
  %finite = icmp ne i64 %exponent, 2047
  %angle = select i1 %finite, double %sum, double 0x7FF8000000000000
  %minus = fneg double %angle
  %turnminus = sub i64 0, %turn
  %negative = icmp slt i64 %bits, 0
  %angleright = select i1 %negative, double %minus, double %angle
  %turnright = select i1 %negative, i64 %turnminus, i64 %turn
  %angles1 = insertelement <d> %angles, double %angleright, i64 %k
  %turns1 = insertelement <i> %turns, i64 %turnright, i64 %k
  br label %again
again:
  %angles2 = phi <d> [%angles, %test], [%angles1, %far]
  %turns2 = phi <i> [%turns, %test], [%turns1, %far]
  %next = add i64 %k, 1
  %end = icmp eq i64 %next, 16
  br i1 %end, label %done, label %test
done:
  %angles3 = phi <d> [%r, %entry], [%angles2, %again]
  %turns3 = phi <i> [%q, %entry], [%turns2, %again]
  %both = insertvalue {<d>, <i>} poison, <d> %angles3, 0
  %result = insertvalue {<d>, <i>} %both, <i> %turns3, 1
  ret {<d>, <i>} %result
}
"""

NAMES = {"<d>": "<16 x double>", "<i>": "<16 x i64>", "<m>": "<16 x i1>"}


def _text(short: str) -> str:
    for name, meaning in NAMES.items():
        short = short.replace(name, meaning)
    return short


TABLE = ", ".join(f"i64 {word}" for word in (0, *TWO_OVER_PI))
QUARTER_TURNS = f"\n@two_over_pi = internal constant [21 x i64] [{TABLE}]\n" + QUARTER_TURNS
TEXTS = {
    "fmod": _text(FMOD),
    "gcd": _text(GCD),
    "power": _text(POWER),
    "quarter_turns": _text(QUARTER_TURNS),
}
