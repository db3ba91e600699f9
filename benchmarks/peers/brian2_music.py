"""W4, the music network that learns, in Brian2; run with the Python of the environment that ``setup.sh`` makes for it.

    out/peers/brian2/bin/python benchmarks/peers/brian2_music.py out/peers/w4.npz --folder out/built

``benchmarks/music_workload.py`` says what is simulated.  Work at a frame's end runs on a clock of its own, at the start of
the first tick of the next frame, so a run has one tick more than its frames; spikes of that tick are not counted.

``textbook``
    Every trace of every synapse at every tick, as the equations stand.
``events``
    Equations only, but synapses are visited at spikes and at a frame's end.  With G_j(t) the product of exp(-lam_j) since
    the frame began and R_j(t) the sum of D^t' psi_j(t') / G_j(t') over t' <= t, a spike at s takes D^-s R_j(s - 1) from y
    (here without share), its line keeps P = sum D^-s, and the frame ends with y = G (y + P R).  The difference cancels
    most digits: y, R and P are double in either precision, and nothing that is rounded comes between.
``rows``
    The loops over the synapses of one line are C++ functions of the user (``Function``, below): Brian2's own loop takes
    synapses from a list of indices, which compilers do not vectorise.  Functions deliver a spike's row (to cells and to
    features), move a feature's weights at its spike, and at a frame's end multiply with the head's matrices and move the
    rows of lines that spiked in this piece.  Psi of a frame's ticks is kept, then summed from the frame's end backwards
    (what a spike brings depends on its tick alone), so nothing cancels.  Neurons, winners, thresholds, spikes, records,
    schedule and storage are Brian2's in all idioms.

The last line on stdout is one JSON object; its seconds are those of the simulation loop alone, by the wall clock.
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import brian2 as b
import numpy as np
from brian2_workloads import AT_ONCE, UNROLLED, Work, begin_program, run_program

VECTOR = ["-ffinite-math-only", "--param=vect-max-version-for-alias-checks=10000"]
"""Brian2 takes the first out of -ffast-math; loops over more than a few arrays need the second.  Without them exp and tanh
are scalar."""
TICK = 1 * b.second
"""Brian2's time counts ticks: whole seconds are exact in single precision, too."""
KINDS = ("note", "feature", "cell")
GATES = ("i", "f", "o", "g")
TRACES = ("ip", "in", "fp", "fn", "g")
PSI = ("i", "f", "g")
MOST = 1e30

PLUS_ROW = """
#ifndef PLUS_ROW
#define PLUS_ROW
template <typename T> static inline void plus_row(int n, T a, const T* __restrict x, T* __restrict y)
{
    for (int j = 0; j < n; j++) y[j] += a * x[j];
}
#endif
"""
FORTH = """
static inline real forth(int cell, real z)
{
    if (z != 0) plus_row($notes$, z, @w + cell * $notes$, @y);
    return 0;
}
"""
BACK = """
static inline real back_row(int cell, real z)
{
    real* __restrict w = @w + cell * $notes$;
    real* __restrict back = @back_w + cell * $notes$;
    const real* __restrict err = @err;
    real sum = 0;
    for (int k = 0; k < $notes$; k++) sum += back[k] * err[k];
    if (z != 0)
    {
        const real step = -$rate$ * $head_gain$ * z;
        plus_row($notes$, step, err, w);
        plus_row($notes$, step, err, back);
    }
    return sum;
}
"""
GROW_FEATURE = """
static inline real grow_feature(int feature, real left)
{
    real* v = @v + feature;
    const real* x = @x;
    for (int k = 0; k < $notes$; k++)
    {
        const real now = v[k * $features$], gap = 1 - now;
        real room = gap;
        if (gap < 25 * $soft$)  // the corner; beyond it less than 1e-13
            room = (gap > 0 ? gap : 0) + $soft$ * std::log1p(std::exp(-std::abs(gap) / $soft$));
        const real moved = now + $eta$ * (x[k] * left - $x_target$) * room;
        v[k * $features$] = moved > 0 ? moved : 0;
    }
    return 0;
}
"""
ON_FEATURES = """
static inline real on_features(int note)
{
    plus_row($features$, (real)$note_charge$, @w + note * $features$, @a);
    return 0;
}
"""
SPIKE_ROW = """
static inline int64_t spike_row(int line, real charge, int64_t tick)
{
    const int at = line * $cells$;
    plus_row($cells$, charge, @wi + at, @ai);
    plus_row($cells$, charge, @wf + at, @af);
    plus_row($cells$, charge, @wo + at, @ao);
    plus_row($cells$, charge, @wg + at, @ag);
    return (int64_t)1 << tick;
}
"""
KEEP_TICK = """
static inline real keep_tick(int64_t tick)
{
    const int at = tick * $cells$;
    std::copy(@keep, @keep + $cells$, @left + at);
    std::copy(@qi, @qi + $cells$, @psii + at);
    std::copy(@qf, @qf + $cells$, @psif + at);
    std::copy(@qg, @qg + $cells$, @psig + at);
    return 0;
}
"""
LOOK_BACK = """
// from psi of the ticks what a spike at each of them brings to the frame's end
static inline void each_tick(const real* __restrict left, const real* __restrict psi, real sign, real* __restrict h,
                             const real* __restrict whole, real* __restrict bias)
{
    real after[$cells$] = {}, total[$cells$] = {};
    for (int t = $ticks$ - 1; t >= 0; t--)
        for (int j = 0; j < $cells$; j++)
        {
            const real part = sign * psi[t * $cells$ + j];
            const real late = (part > 0 ? part : 0) * left[t * $cells$ + j];
            total[j] += late;
            h[t * $cells$ + j] = after[j] = (real)$D_synapse$ * after[j] + late;
        }
    for (int j = 0; j < $cells$; j++) bias[j] = bias[j] * whole[j] + total[j];
}
static inline real look_back()
{
    real *left = @left, *whole = @whole;
    for (int j = 0; j < $cells$; j++) whole[j] = 1;
    for (int t = $ticks$ - 1; t >= 0; t--)
        for (int j = 0; j < $cells$; j++)
        {
            const real later = whole[j];
            whole[j] *= left[t * $cells$ + j];
            left[t * $cells$ + j] = later;
        }
    each_tick(left, @psii, 1, @hip, whole, @tip);
    each_tick(left, @psii, -1, @hin, whole, @tin);
    each_tick(left, @psif, 1, @hfp, whole, @tfp);
    each_tick(left, @psif, -1, @hfn, whole, @tfn);
    each_tick(left, @psig, 1, @hg, whole, @tg);
    return 0;
}
"""
TAIL = """
static inline real tail(int64_t train)
{
    real sum = 0;
    for (; train; train &= train - 1)
        sum += std::exp((real)-$grow_synapse$ * ($ticks$ - 1 - __builtin_ctzll(train)));
    return sum;
}
"""
LEARN_ROW = """
static inline void moved(real share, real begun, uint64_t train, const real* __restrict whole, const real* __restrict h,
                         real* __restrict y)
{
    const int block = $cells$ % 32 ? $cells$ : 32;  // sums stay in registers
    for (int first = 0; first < $cells$; first += block)
    {
        real sum[block];
        for (int j = 0; j < block; j++) sum[j] = begun * h[first + j];
        for (uint64_t left = train; left; left &= left - 1)
        {
            const real* __restrict row = h + __builtin_ctzll(left) * $cells$ + first;
            for (int j = 0; j < block; j++) sum[j] += row[j];
        }
        for (int j = 0; j < block; j++) y[first + j] = y[first + j] * whole[first + j] + share * sum[j];
    }
}
static inline void learned(const real* __restrict inward, const real* __restrict up, const real* __restrict down,
                           real* __restrict w)
{
    for (int j = 0; j < $cells$; j++) w[j] -= inward[j] * (up[j] - down[j]);
}
static inline void learned(const real* __restrict inward, const real* __restrict up, real* __restrict w)
{
    for (int j = 0; j < $cells$; j++) w[j] -= inward[j] * up[j];
}
static inline real learn_row(int line, real share, real before, real p, int64_t train, real live, real kept)
{
    if (live == 0) return 0;
    const int at = line * $cells$;
    const real begun = (real)$D_synapse$ * before;
    moved(share, begun, train, @whole, @hip, @yip + at);
    moved(share, begun, train, @whole, @hin, @yin + at);
    moved(share, begun, train, @whole, @hfp, @yfp + at);
    moved(share, begun, train, @whole, @hfn, @yfn + at);
    moved(share, begun, train, @whole, @hg, @yg + at);
    learned(@inward, @yip + at, @yin + at, @wi + at);
    learned(@inward, @yfp + at, @yfn + at, @wf + at);
    learned(@inward, @yg + at, @wg + at);
    plus_row($cells$, -share * p, @outward, @wo + at);
    if (kept == 0)
        for (real* y : {@yip, @yin, @yfp, @yfn, @yg}) std::fill(y + at, y + at + $cells$, (real)0);
    return 0;
}
"""


def numbers(work: Work) -> dict[str, str]:
    """Constants as literals: a named constant would be double."""
    known = {name: float(value) for name, value in work.items() if value.ndim == 0}
    h, ticks = known["h"], int(known["ticks"])
    for name in ("synapse", "read", "trace"):
        known[f"D_{name}"] = float(np.exp(-h / known[f"tau_{name}"]))
        known[f"frame_{name}"] = float(np.exp(-h * ticks / known[f"tau_{name}"]))
        known[f"grow_{name}"] = h / known[f"tau_{name}"]
    known["middle"] = float(np.exp(known["grow_synapse"] * (ticks - 0.5)))
    known["last"] = float(np.exp(-known["grow_synapse"] * (ticks - 1)))
    known["most"] = MOST
    whole = {name: int(known[name]) for name in ("winners", "ticks", "notes", "features", "cells")}
    said = {name: repr(value) for name, value in {**known, **whole}.items()}
    age = f"(t_in_timesteps % {ticks})"
    return {**said, "age": age, "grown": f"exp({said['grow_synapse']}*{age})", "on": "int(t > 0*second)"}


def each(pattern: str, names: Any) -> str:
    """Lines of ``pattern`` with the names (a string: words) in the place of #."""
    words = names.split() if isinstance(names, str) else names
    return "".join(pattern.replace("#", name) + "\n" for name in words)


class Music:
    """The network as Brian2's objects: parts that the idioms share, then theirs."""

    def __init__(self, work: Work, idiom: str, frames: int) -> None:
        self.work, self.idiom, self.frames = work, idiom, frames
        self.numbers = numbers(work)
        self.n, ticks = int(work["cells"]), int(work["ticks"])
        self.notes, self.nf = int(work["notes"]), int(work["features"])
        self.edges = np.cumsum([0, self.notes, self.nf, self.n])
        self.share = [float(np.mean(work["share"][a:z], dtype=float)) for a, z in pairwise(self.edges)]
        self.frame = b.Clock(ticks * TICK, name="frame")
        self.block = b.Clock(ticks * int(work["block"]) * TICK, name="block")
        self.objects: dict[str, Any] = {}
        kept = np.append(1.0 - work["reset"][:frames], 1.0)
        self.tables = {
            "mask": self.of_the_past(work["mask"]), "target": self.of_the_past(work["target"]),
            "kept": b.TimedArray(self.real(kept), dt=self.frame.dt),
        }  # fmt: skip
        self.tally = self.group(1, each("# : 1", "nll cells features taken"), "tally")
        self.gates = self.by_rows() if idiom == "rows" else self.by_equations()
        self.make_records()

    def real(self, array: np.ndarray) -> np.ndarray:
        return array.astype(b.prefs.core.default_float_dtype)

    def of_the_past(self, array: np.ndarray) -> Any:
        """One row a frame, read when the frame is over: the first belongs to none."""
        rows = np.concatenate([0 * array[:1], array[: self.frames]])
        return b.TimedArray(self.real(rows), dt=self.frame.dt)

    def wide(self, *names: str) -> dict[str, Any] | None:
        """What is double whatever the precision."""
        return dict.fromkeys(names, np.float64) if self.idiom == "events" else None

    def say(self, text: str, **more: Any) -> str:
        return text.format_map({**self.numbers, **more})

    def initial(self, name: str) -> np.ndarray:
        return self.work[f"state.{name}"]

    def gate_rows(self, name: str) -> np.ndarray:
        return self.initial(f"{name}.gates").reshape(-1, len(GATES), self.n)

    def add(self, thing: Any) -> Any:
        self.objects[thing.name] = thing
        if isinstance(thing, (b.NeuronGroup, b.Synapses)):
            thing.namespace.update(self.tables)
        return thing

    def group(self, n: int, model: str, name: str, **options: Any) -> Any:
        return self.add(b.NeuronGroup(n, model, name=name, **options))

    def synapses(
        self,
        source: Any,
        target: Any,
        name: str,
        model: str = "",
        match: bool = False,
        slot: Any = None,
        **more: Any,
    ) -> Any:
        """All to all or one to one, without delay; in a ``slot`` before the groups, spikes are those of the tick before."""
        delay = {way: AT_ONCE for way in ("pre", "post") if f"on_{way}" in more}
        synapses = self.add(b.Synapses(source, target, model, name=name, delay=delay, **more))
        synapses.connect(j="i" if match else None)
        if slot:
            synapses.pre.when, synapses.pre.order = slot
        return synapses

    def at_frames(self, group: Any, order: int, code: str, **more: Any) -> None:
        group.run_regularly(self.say(code, **more), clock=self.frame, when="start", order=order)

    def at_blocks(self, group: Any, slow: str, fast: str) -> None:
        code = self.say("{slow} += {follow}*{on}*({fast} - {slow})", slow=slow, fast=fast)
        group.run_regularly(
            each(code, GATES if "#" in code else [""]), clock=self.block, when="start", order=-14
        )

    # Parts of all idioms.  Order at a frame's start: prediction -22 ... -18, learning -17 ... -13, records -12 ... -10,
    # spikes of features and cells that come from the last tick -8, reset -5, notes -3 ... -1.

    def make_source(self) -> Any:
        inside = self.work["note_step"] < self.frames * int(self.work["ticks"])
        at, line = self.work["note_step"][inside], self.work["note_line"][inside]
        return self.add(
            b.SpikeGeneratorGroup(self.notes, line, at * TICK, name="source", when="start", order=-3)
        )

    def make_features(self, reset: str) -> Any:
        """Newcomers are events of their own: they tell one another their drives before places are given away."""
        features = self.group(
            self.nf,
            each("# : 1", "a theta phase wait d crossed first ahead p fresh fired")
            + each("# : 1 (linked)", "taken total"),
            "features",
            threshold=self.say("crossed > 0 and (first > 0 or ahead < {winners} - taken)"),
            reset=self.say("theta += {threshold_step}; fired += 1; total += 1 - first; first = 1\n") + reset,
            events={"newcomer": "crossed > 0 and first < 1"},
            dtype=self.wide("p", "fresh"),
        )
        # The same number twice: read as one for all, written by each neuron.
        features.taken = b.linked_var(self.tally, "taken")
        features.total = b.linked_var(self.tally, "taken", index=np.zeros(self.nf, int))
        features.theta = self.initial("features.threshold")
        features.run_regularly(
            self.say(
                """d = {gain}*a - theta
                   d = d*int(d > 0)*int(first + int(taken < {winners}) > 0)
                   d = d - (d - 1)*int(d > 1)
                   speed = {spike_rate}*d
                   phase += speed*({h} - wait)*int(wait < {h})
                   wait = (wait - {h})*int(wait > {h})
                   crossed = int(phase >= 1)
                   late = (phase - 1)/(speed + 1e-9)
                   again = speed*(late - {dead})*int(late > {dead})
                   phase = phase*(1 - crossed) + crossed*(again - (again - 1)*int(again > 1))
                   wait = wait*(1 - crossed) + crossed*({dead} - late)*int(late < {dead})
                   a *= {D_synapse}
                   ahead = 0"""
            ),
            when="groups",
        )
        features.set_event_schedule("newcomer", when="thresholds", order=-2)
        drives = {"on_pre": "ahead_post += int(d_pre > d_post)", "on_event": "newcomer"}
        self.synapses(features, features, "rank", slot=("thresholds", -1), **drives)
        ended = "theta *= 1 - {threshold_leak}*{on}; first = 0\n"
        self.at_frames(features, -5, ended + each("# *= kept(t)", "a phase wait p fresh"))
        return features

    def make_cells(self, model: str, tick: str, reset: str) -> Any:
        """Charge waits for the next tick already decayed, so that spikes may add theirs to it."""
        names = "c o d phase wait r z m p fresh back inward outward keep fired"
        cells = self.group(
            self.n,
            each("a# : 1\nb# : 1\nu# : 1", GATES) + each("t# : 1", TRACES) + each("# : 1", names) + model,
            "cells",
            threshold="phase >= 1",
            reset=self.say(
                """late = (phase - 1)/clip({spike_rate}*d, 1e-9, {most})
                   phase = clip({spike_rate}*d*clip(late - {dead}, 0, {most}), 0, 1)
                   wait = clip({dead} - late, 0, {most})
                   r += {read_charge}
                   fired += 1\n"""
            ) + reset,
            dtype=self.wide("p", "fresh", *(f"r{k}" for k in TRACES)),
        )  # fmt: skip
        cells.run_regularly(
            self.say(
                """gi = 1/(1 + exp(-(ai + bi)))
                   gl = 1/(1 + exp(af + bf))
                   o = 1/(1 + exp(-(ao + bo)))
                   gg = tanh(ag + bg)
                   lam = {leak}*gl
                   psi_i = {charge}*gg*gi*(1 - gi)
                   psi_f = lam*(1 - gl)*c
                   psi_g = {charge}*gi*(1 - gg*gg)
                   c = c - (lam - 0.5*lam*lam)*c + {charge}*gi*gg*(1 - 0.5*lam)
                   th = tanh(c)
                   d = o*th*int(th > 0)
                   phase += {spike_rate}*d*({h} - wait)*int(wait < {h})
                   wait = (wait - {h})*int(wait > {h})
                   r *= {D_read}
                   keep = exp(-lam)\n"""
                + each("a# *= {D_synapse}", GATES) + tick
            ),
            when="groups",
        )  # fmt: skip
        for k, gate in enumerate(GATES):
            setattr(cells, f"b{gate}", self.gate_rows("fast")[-1, k])
            setattr(cells, f"u{gate}", self.gate_rows("slow")[-1, k])
        self.at_blocks(cells, "u#", "b#")
        self.at_frames(cells, -5, each("# *= kept(t)", "c phase wait r p fresh")
                       + each("a# *= kept(t)", GATES) + each("t# *= kept(t)", TRACES))  # fmt: skip
        return cells

    def make_head(self, cells: Any) -> None:
        """``mask`` and ``target`` are read apart from where they are used, or those loops do not vectorise."""
        out = self.group(self.notes, each("# : 1", "y b slow_b err nll aim"), "out")
        out.b, out.slow_b = self.initial("fast.bias"), self.initial("slow.bias")
        head = self.synapses(cells, out, "head", "w : 1\nback_w : 1\nslow : 1")
        for name, value in (("w", "fast.readout"), ("back_w", "feedback"), ("slow", "slow.readout")):
            setattr(head, name, self.initial(value).ravel())
        self.at_frames(out, -21, "y = 0; aim = target(t, i)")
        if self.idiom == "rows":
            places = self.places(head, "", "w back_w") | self.places(out, "", "y err")
            self.function(cells, "forth", FORTH, 2, places)
            self.function(cells, "back_row", BACK, 2, places)
            self.at_frames(cells, -20, "m = mask(t, i); z = m*r; back = forth(i, z)")
            self.at_frames(cells, -17, "back = back_row(i, z)")
        else:
            self.at_frames(cells, -20, "m = mask(t, i); z = m*r; back = 0")
            self.at_frames(head, -19, "y_post += z_pre*w")
            self.at_frames(
                head, -17,
                """back_pre += back_w*err_post
                   step = {rate}*{head_gain}*z_pre*err_post
                   w -= step
                   back_w -= step""",
            )  # fmt: skip
        self.at_frames(
            out, -18,
            """y = {head_gain}*y + b
               nll = y*int(y > 0) + log1p(exp(-abs(y))) - aim*y
               err = (1/(1 + exp(-y)) - aim)*{on}
               b -= {rate}*err""",
        )  # fmt: skip
        self.at_frames(
            cells, -16,
            """th = tanh(c)
               up = th*int(th > 0)
               local = {rate}*{head_gain}*m*back/(1 + {rate_dead}*o*up)**2
               inward = local*o*(1 - th*th)*({off_slope} + (1 - {off_slope})*int(th > 0))
               outward = local*up*o*(1 - o)
               bi -= inward*(tip - tin)
               bf -= inward*(tfp - tfn)
               bo -= outward
               bg -= inward*tg""",
        )  # fmt: skip
        self.at_blocks(head, "slow", "w")
        self.at_blocks(out, "slow_b", "b")

    def make_records(self) -> None:
        for name, value in (("nll", "nll"), ("cells", "fired"), ("features", "fired")):
            group = self.objects["out" if name == "nll" else name]
            total = self.synapses(group, self.tally, f"total_{name}")
            clear = "; fired_pre = 0" if value == "fired" else ""
            self.at_frames(total, -12, f"{name}_post += {value}_pre{clear}")
        seen = {"clock": self.frame, "when": "start", "order": -11, "name": "monitor"}
        self.add(b.StateMonitor(self.tally, ["nll", "cells", "features"], [0], **seen))
        self.at_frames(self.tally, -10, each("# = 0", "nll cells features taken"))

    def gate_synapses(self, source: Any, cells: Any, name: str, first: int, **options: Any) -> Any:
        model = each("w# : 1\ns# : 1", GATES) + each("y# : 1", TRACES)
        dtype = self.wide(*(f"y{k}" for k in TRACES))
        gates = self.synapses(source, cells, name, model, dtype=dtype, **options)
        for k, gate in enumerate(GATES):
            setattr(gates, f"w{gate}", self.gate_rows("fast")[first : first + source.N, k].ravel())
            setattr(gates, f"s{gate}", self.gate_rows("slow")[first : first + source.N, k].ravel())
        self.at_blocks(gates, "s#", "w#")
        return gates

    # Idioms textbook and events: notes, features and cells have synapses of their own.

    def by_equations(self) -> list[Any]:
        say, lazy = self.say, self.idiom == "events"
        split = """psi_ip = psi_i*int(psi_i > 0)
                   psi_in = psi_ip - psi_i
                   psi_fp = psi_f*int(psi_f > 0)
                   psi_fn = psi_fp - psi_f\n""" + each("t# = t#*keep + psi_#", TRACES)
        if lazy:
            step = "p_post += {grown}; x_post += {trace_step}*exp({grow_trace}*{age})"
            x = "x_in*exp(-{grow_trace}*{age})"
            spent = say("p += fresh; fresh = exp({grow_synapse}*({age} + 1))")
            split += "left *= keep\nshrunk = exp(-{grow_synapse}*{age})/left\n"
            split += each("r# += psi_#*shrunk", TRACES)
            model = each("r# : 1", TRACES) + "left : 1"
        else:
            step, x, spent = "p_post += 1; x_post += {trace_step}", "x_in", "fresh = 1"
            split += each("q# = psi_#", TRACES)
            model = each("q# : 1", TRACES)
        source = self.make_source()
        heard = self.group(self.notes, "p : 1\nx : 1", "heard", dtype=self.wide("p"))
        self.synapses(source, heard, "mark", match=True, slot=("start", -2), on_pre=say(step))
        self.at_frames(heard, -5, "p *= kept(t); x *= kept(t)")
        features, cells = self.make_features(spent), self.make_cells(model, split, spent)
        layer = self.synapses(
            source, features, "layer", "w : 1\nv : 1", slot=("start", -1), on_pre=say("a_post += {note_charge}*w"),
            on_post=say(
                """gap = 1 - v
                   room = gap*int(gap > 0) + {soft}*log1p(exp(-abs(gap)/{soft}))
                   v = clip(v + {eta}*({x} - {x_target})*room, 0, {most})""",
                x=say(x),
            ),
        )  # fmt: skip
        layer.variables.add_reference("x_in", heard, "x", index="_synaptic_pre")
        layer.w = layer.v = self.initial("features.weights").T.ravel()
        self.at_frames(layer, -13, "w = v")
        if lazy:
            cells.left = 1
            self.at_frames(cells, -13, "left = 1\n" + each("r# = 0", TRACES))
            self.at_frames(heard, -13, "p *= {frame_synapse}; x *= {frame_trace}")
        else:
            heard.run_regularly(say("p *= {D_synapse}; x *= {D_trace}"), when="start", order=-4)
        for group in (features, cells):
            if lazy:  # a spike of the last tick arrives in the next frame
                self.at_frames(group, -22, "p += fresh*int(fresh < {middle}); fresh *= int(fresh > {middle})")
                self.at_frames(group, -13, "p *= {frame_synapse}; fresh *= {frame_synapse}")
            else:
                group.run_regularly(say("p = p*{D_synapse} + fresh; fresh = 0"), when="start", order=-8)
        self.make_head(cells)
        pairs = [(source, heard), (features, features), (cells, cells)]
        return [self.of_kind(kind, spiking, line, cells) for kind, (spiking, line) in enumerate(pairs)]

    def of_kind(self, kind: int, spiking: Any, line: Any, cells: Any) -> Any:
        """Synapses of notes, features or cells on cells; ``line`` holds the traces of what is ``spiking``."""
        lazy, share = self.idiom == "events", repr(self.share[kind])
        on_pre = each(f"a#_post += {self.numbers[f'{KINDS[kind]}_charge']}*w#", GATES)
        if lazy:
            on_pre += each(self.say("y# -= {grown}*r#_post"), TRACES)
        slot = ("start", -8 if kind else -1)
        gates = self.gate_synapses(
            spiking, cells, f"{KINDS[kind]}_gates", self.edges[kind], on_pre=on_pre, slot=slot
        )
        gates.variables.add_reference("p_line", line, "p", index="_synaptic_pre")
        if lazy:
            ended = each("e# = left_post*(y# + p_line*r#_post)", TRACES)
        else:
            ended = each("e# = y#", TRACES)
            tick = each("y# = y#*keep_post + p_line*q#_post", TRACES)
            gates.run_regularly(tick, when="groups", order=1)
        self.at_frames(
            gates, -15,
            ended + """wi -= {share}*inward_post*(eip - ein)
                       wf -= {share}*inward_post*(efp - efn)
                       wg -= {share}*inward_post*eg
                       wo -= outward_post*{share}*p_line*{now}\n""" + each("y# = kept(t)*e#", TRACES),
            share=share, now=self.numbers["last"] if lazy else "1",
        )  # fmt: skip
        return gates

    # Idiom rows: a group of all lines, whose synapses on cells are rows.

    def places(self, group: Any, patterns: str, names: str = "") -> dict[str, Any]:
        """Variables of ``group``: those of the ``patterns`` with gates, traces or psi in the place of #, and ``names``."""
        kinds = {"a": GATES, "w": GATES, "q": PSI, "psi": PSI, "t": TRACES, "h": TRACES, "y": TRACES}
        found = [pattern.replace("#", k) for pattern in patterns.split() for k in kinds[pattern[:-1]]]
        return {name: group.variables[name] for name in (*found, *names.split())}

    def function(
        self, group: Any, name: str, code: str, arguments: int, places: dict[str, Any], *, whole: bool = False
    ) -> None:
        """A C++ function of the user: @x is the array of the variable that ``places`` names x, $x$ a constant."""
        real = "float" if b.prefs.core.default_float_dtype == np.float32 else "double"
        code = f"{PLUS_ROW}typedef {real} real;\n{code}"
        for place in sorted(places, key=len, reverse=True):
            array = b.device.get_array_name(places[place], access_data=False)
            code = code.replace(f"@{place}", f"(&brian::{array}[0])")
        for constant, value in self.numbers.items():
            code = code.replace(f"${constant}$", value)
        made = b.Function(
            lambda *_: 0, arg_units=[1] * arguments, return_unit=1, return_type="integer" if whole else "float",
            stateless=False,
        )  # fmt: skip
        made.implementations.add_implementation("cpp", code, name=name)
        group.namespace[name] = made

    def by_rows(self) -> list[Any]:
        """A line's spikes of a frame are bits of its ``train``."""
        say, edges = self.say, self.edges
        source = self.make_source()
        model = each("# : 1", "p x live none share") + "train : integer"
        lines = self.group(int(edges[-1]), model, "lines", dtype={"train": np.int64})
        lines.share = np.repeat(self.share, np.diff(edges))
        features = self.make_features(say("ahead = grow_feature(i, exp(-{grow_trace}*{age}))"))
        cells = self.make_cells(each("q# : 1", PSI) + "whole : 1", each("q# = psi_#", PSI), "")
        model = each("h# : 1", TRACES) + each("psi# : 1", PSI) + "left : 1"
        record = self.group(int(self.work["ticks"]) * self.n, model, "record")
        gates = self.gate_synapses(lines, cells, "gates", 0)
        layer = self.synapses(lines[: self.notes], features, "layer", "w : 1\nv : 1")
        layer.w = layer.v = self.initial("features.weights").T.ravel()
        self.at_frames(layer, -13, "w = v")
        on_layer = (
            self.places(layer, "", "w v") | self.places(features, "", "a") | self.places(lines, "", "x")
        )
        on_cells = self.places(cells, "a# q# t#", "keep whole inward outward")
        on_record = self.places(record, "h# psi#", "left")
        rows = self.places(gates, "w# y#")
        self.function(features, "grow_feature", GROW_FEATURE, 2, on_layer)
        for kind, group in enumerate((source, features, cells)):
            charge = self.numbers[f"{KINDS[kind]}_charge"]
            on_pre = say(
                "train_post += spike_row(i + {first}, {charge}, {age})", first=edges[kind], charge=charge
            )
            if not kind:
                on_pre += say("\nx_post += {trace_step}*exp({grow_trace}*{age})\nnone_post = on_features(i)")
            way = self.synapses(
                group, lines[edges[kind] : edges[kind + 1]], f"{KINDS[kind]}_row", match=True, on_pre=on_pre,
                slot=("start", -8 if kind else -1),
            )  # fmt: skip
            self.function(way, "spike_row", SPIKE_ROW, 3, rows | on_cells, whole=True)
            if not kind:
                self.function(way, "on_features", ON_FEATURES, 1, on_layer)
        clerk = self.group(1, "none : 1", "clerk")
        self.function(clerk, "keep_tick", KEEP_TICK, 1, on_cells | on_record)
        self.function(clerk, "look_back", LOOK_BACK, 0, on_cells | on_record)
        clerk.run_regularly(say("none = keep_tick({age})"), when="groups", order=1)
        self.at_frames(clerk, -22, "none = look_back()")
        self.make_head(cells)
        self.function(lines, "tail", TAIL, 1, {})
        self.function(lines, "learn_row", LEARN_ROW, 7, rows | on_cells | on_record)
        self.at_frames(
            lines, -15,
            """live = int(live + int(train > 0) > 0)
               before = p
               p = before*{frame_synapse} + tail(train)
               none = learn_row(i, share, before, p, train, live, kept(t))
               train = 0
               x *= {frame_trace}""",
        )  # fmt: skip
        self.at_frames(lines, -5, each("# *= kept(t)", "p x live") + "train *= int(kept(t))")
        return [gates]

    def mean_weight(self) -> dict[str, float]:
        def size(values: Any) -> float:
            return float(np.abs(np.asarray(values[:], dtype=float)).sum())

        total = sum(size(getattr(gates, f"w{gate}")) for gates in self.gates for gate in GATES)
        total += sum(size(getattr(self.objects["cells"], f"b{gate}")) for gate in GATES)
        return {
            "gates": total / self.initial("fast.gates").size,
            "readout": size(self.objects["head"].w) / self.initial("fast.readout").size,
            "layer": size(self.objects["layer"].w) / self.initial("features.weights").size,
        }

    def seen(self) -> dict[str, np.ndarray]:
        """Loss and spikes by frame, without what was recorded before the first."""
        monitor = self.objects["monitor"]
        return {name: np.asarray(getattr(monitor, name))[0, 1:] for name in ("nll", "cells", "features")}


def standalone(args: argparse.Namespace, work: Work) -> dict[str, Any]:
    """A C++ program, built once and run again and again from its initial state."""
    begin_program(args, TICK, VECTOR + UNROLLED)
    # It warns that the order of spikes may matter: they add to sums, or call functions that do.
    b.BrianLogger.suppress_hierarchy("brian2.codegen.generators.base")
    frames = args.frames or int(work["frames"])
    music = Music(work, args.idiom, frames)
    duration = (frames * int(work["ticks"]) + 0.5) * TICK
    seconds, compiled, memory = run_program(args, music.objects.values(), duration)
    seen = music.seen()
    if args.record:
        np.savez(args.record, **seen)
    return {"seconds": seconds, "compile_seconds": round(compiled, 2), "peak_mib": round(memory, 1),
            "counts": {name: int(seen[name].sum(dtype=float)) for name in ("cells", "features")},
            "loss": float(seen["nll"].mean(dtype=float)), "mean_weight": music.mean_weight()}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("npz", type=Path)
    parser.add_argument("--idiom", choices=("textbook", "events", "rows"), default="rows")
    parser.add_argument("--precision", choices=("float32", "float64"), default="float32")
    parser.add_argument("--frames", type=int, help="how many of the workload; without it all")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--record", type=Path, help="file for loss and spikes by frame")
    parser.add_argument(
        "--folder", type=Path, required=True, help="where the C++ program is built; emptied first"
    )
    args = parser.parse_args()
    b.prefs.core.default_float_dtype = np.dtype(args.precision).type
    with np.load(args.npz) as file:
        work = dict(file)
    found = standalone(args, work)
    said = {"simulator": "brian2", "version": b.__version__, "workload": args.npz.stem, "idiom": args.idiom,
            "precision": args.precision}  # fmt: skip
    print(json.dumps({**said, **found}))


if __name__ == "__main__":
    main()
