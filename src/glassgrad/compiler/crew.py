"""How the threads that take a step together find and await each other, in LLVM's language.

At a barrier each thread counts up in a line of its own and looks at those of the others, at first
without rest, then giving way to other programs.  The crew is memory of one call:

    at 0            what the first thread says: 0 wait, t + 1 all go on with step t, -1 go home
    at 8            how often the first thread looks for the others before it begins without them
    at 16           how often a thread looks for another one before it gives way to other programs
    at 256 (1 + n)  how often thread n has arrived

The first thread never waits for one to wake up: it takes steps alone until all have come.
"""

from __future__ import annotations

from .target import Target

PAUSE = "call void @llvm.x86.sse2.pause()"  # x86 only
SLOT = 256  # bytes apart, for processors fetch lines in pairs

# After a look in vain: `looks` so far, of which %crew has the limit; then on to the next look.
WAIT = """wait:
  {pause}
  %more = add i64 %looks, 1
  %lp = getelementptr i8, ptr %crew, i64 16
  %limit = load i64, ptr %lp
  %patient = icmp ult i64 %more, %limit
  br i1 %patient, label %again, label %way
way:
  {give_way}
  br label %again
again:
  br label %look
"""

CREW = """
define internal void @barrier(ptr %crew, i64 %thread, i64 %threads) noinline {{
entry:
  %alone = icmp eq i64 %threads, 1
  br i1 %alone, label %done, label %arrive
arrive:
  %before = add i64 %thread, 1
  %o = mul i64 %before, {slot}
  %mine = getelementptr i8, ptr %crew, i64 %o
  %old = load i64, ptr %mine
  %count = add i64 %old, 1
  store atomic i64 %count, ptr %mine release, align 8
  br label %others
others:
  %j = phi i64 [1, %arrive], [%jn, %here]
  %jo = mul i64 %j, {slot}
  %theirs = getelementptr i8, ptr %crew, i64 %jo
  br label %look
look:
  %looks = phi i64 [0, %others], [%more, %again]
  %seen = load atomic i64, ptr %theirs acquire, align 8
  %ahead = sub i64 %seen, %count
  %come = icmp sge i64 %ahead, 0
  br i1 %come, label %here, label %wait
{wait}here:
  %jn = add i64 %j, 1
  %all = icmp sgt i64 %jn, %threads
  br i1 %all, label %done, label %others
done:
  ret void
}}

; the first step that a thread takes with the others, or -1
define internal i64 @join(ptr %crew, i64 %thread) noinline {{
entry:
  %leads = icmp eq i64 %thread, 0
  br i1 %leads, label %done, label %arrive
arrive:
  %before = add i64 %thread, 1
  %o = mul i64 %before, {slot}
  %mine = getelementptr i8, ptr %crew, i64 %o
  store atomic i64 1, ptr %mine release, align 8
  br label %look
look:
  %looks = phi i64 [0, %arrive], [%more, %again]
  %said = load atomic i64, ptr %crew acquire, align 8
  %nothing = icmp eq i64 %said, 0
  br i1 %nothing, label %wait, label %go
{wait}go:
  %home = icmp slt i64 %said, 0
  %t = sub i64 %said, 1
  %first = select i1 %home, i64 -1, i64 %t
  br label %done
done:
  %step = phi i64 [0, %entry], [%first, %go]
  ret i64 %step
}}

; how many take step t: all, or the first thread alone while some are missing
define internal i64 @together(ptr %crew, i64 %now, i64 %threads, i64 %t) noinline {{
entry:
  %complete = icmp eq i64 %now, %threads
  br i1 %complete, label %done, label %ask
ask:
  %pp = getelementptr i8, ptr %crew, i64 8
  %patience = load i64, ptr %pp
  br label %others
others:
  %j = phi i64 [2, %ask], [%jn, %here]
  %left = phi i64 [%patience, %ask], [%looks, %here]
  %jo = mul i64 %j, {slot}
  %theirs = getelementptr i8, ptr %crew, i64 %jo
  br label %look
look:
  %looks = phi i64 [%left, %others], [%fewer, %wait]
  %seen = load atomic i64, ptr %theirs acquire, align 8
  %come = icmp ne i64 %seen, 0
  br i1 %come, label %here, label %missing
missing:
  %tired = icmp sle i64 %looks, 0
  br i1 %tired, label %done, label %wait
wait:
  {pause}
  %fewer = sub i64 %looks, 1
  br label %look
here:
  %jn = add i64 %j, 1
  %all = icmp sgt i64 %jn, %threads
  br i1 %all, label %go, label %others
go:
  %said = add i64 %t, 1
  store atomic i64 %said, ptr %crew release, align 8
  br label %done
done:
  %count = phi i64 [%threads, %entry], [1, %missing], [%threads, %go]
  ret i64 %count
}}

; the first thread is through: whoever comes now goes home
define internal void @dismiss(ptr %crew, i64 %now, i64 %threads) noinline {{
entry:
  %complete = icmp eq i64 %now, %threads
  br i1 %complete, label %done, label %say
say:
  store atomic i64 -1, ptr %crew release, align 8
  br label %done
done:
  ret void
}}

; a single step: the state is as with many
define i32 @shared_step(ptr %arena, ptr %table, i64 %thread, i64 %threads, ptr %crew) {{
entry:
  %start = call i64 @join(ptr %crew, i64 %thread)
  %late = icmp slt i64 %start, 0
  br i1 %late, label %away, label %go
go:
  %leads = icmp eq i64 %thread, 0
  %so_far = select i1 %leads, i64 1, i64 %threads
  %now = call i64 @together(ptr %crew, i64 %so_far, i64 %threads, i64 0)
  %code = call i32 @part(ptr %arena, ptr %table, i64 %thread, i64 %now, ptr %crew)
  call void @dismiss(ptr %crew, i64 %now, i64 %threads)
  ret i32 %code
away:
  ret i32 0
}}

define i32 @step(ptr %arena, ptr %table) {{
entry:
  %code = call i32 @part(ptr %arena, ptr %table, i64 0, i64 1, ptr null)
  ret i32 %code
}}
"""


def crew_text(target: Target) -> str:
    """Barriers, and the step as one call of each thread."""
    x86 = target.triple.split("-")[0] in ("x86_64", "amd64", "")
    unix = any(name in target.triple for name in ("linux", "darwin", "macos", "freebsd"))
    wait = WAIT.format(
        pause=PAUSE if x86 else "",
        give_way="call i32 @sched_yield()" if unix else "",
    )
    text = CREW.format(slot=SLOT, wait=wait, pause=PAUSE if x86 else "")
    return ("declare i32 @sched_yield()\n" if unix else "") + text
