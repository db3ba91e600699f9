// The steps of a general spiking network, as neuromorph/spiking/step.py defines them, in plain loops over its arrays.
// Plasticity is done at the end of its own step: nothing reads weights between there and the beginning of the next one.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace {

// Values of one neuron; `stride` 0 where all neurons share them.
enum Value { REST, THRESHOLD, RESET, E_EXC, E_INH, ADAPT, MEMBRANE, KEEP_EXC, KEEP_INH, KEEP_RAISED, FROM_EXC, FROM_INH, VALUES };
enum Flag { CONDUCTANCE = 1, EXACT = 2, ADAPTIVE = 4 };
enum Kind { DENSE, SPARSE, ONE_TO_ONE, ALL_BUT_ONE };
enum Rule { FIXED, POST_TRIGGERED, PAIR };

struct Lines {  // spikes of a step: their lines
    const int32_t *at;
    int64_t count;
};

}  // namespace

extern "C" {

struct Population {
    int64_t size, flags, words;
    const float *values[VALUES];
    const int32_t *hold;
    int64_t stride;
    float *v, *exc, *inh, *raised;
    int32_t *wait, *counts;
    uint32_t *raster;       // [steps, words] or null
};

struct Source {
    const int32_t *start, *channel;
};

struct Link {
    int64_t kind, source, target, port, rule, rows, columns, wide, loops;  // source < 0: list ~source
    float scale, rate, mark, mu, highest, keep_pre, keep_post;
    float *weights, *pre, *post;
    const void *targets;    // sparse: [rows, wide], `columns` where there is none
    const float *line_weights;
};

struct Watch {
    const float *from;
    float *into;
    int64_t size;
};

}

namespace {

// x^mu for x > 0 by series of log2 and exp2 over one octave, to float32, so that loops vectorize.
inline float power(float x, float mu) {
    int32_t bits;
    std::memcpy(&bits, &x, 4);
    int32_t exponent = ((bits - 0x3f3504f3) >> 23);
    int32_t mantissa = bits - (exponent << 23);
    float m;
    std::memcpy(&m, &mantissa, 4);
    float f = (m - 1.0f) / (m + 1.0f), s = f * f;
    float log2 = 2.8853900817779268f * f * (1.0f + s * (0.33333333333f + s * (0.2f + s * (0.142857143f + s * 0.111111111f))));
    float y = mu * (log2 + static_cast<float>(exponent));
    y = std::min(std::max(y, -126.0f), 126.0f);
    float whole = static_cast<float>(static_cast<int32_t>(y + (y < 0.0f ? -0.5f : 0.5f)));
    float r = (y - whole) * 0.6931471805599453f;
    float e = 1.0f + r * (1.0f + r * (0.5f + r * (0.166666667f + r * (0.0416666667f + r * (0.00833333333f + r * 0.00138888889f)))));
    int32_t up = (static_cast<int32_t>(whole) + 127) << 23;
    float scale;
    std::memcpy(&scale, &up, 4);
    return e * scale;
}

// A value that all neurons share stays in a register; values of their own are read as an array.
template <bool own>
struct Shared {
    float one;
    explicit Shared(const float *from) : one(from[0]) {}
    float operator[](int64_t) const { return one; }
};
template <>
struct Shared<true> {
    const float *__restrict all;
    explicit Shared(const float *from) : all(from) {}
    float operator[](int64_t k) const { return all[k]; }
};

constexpr int64_t BLOCK = 128;

// A step of all neurons; lines of those that fire go to `at`.  A block's verdicts stay in the cache: few of them are 1.
// `ready` is the step from which a neuron is no longer refractory, so that only a spike writes it.
template <bool own, int flags>
int64_t advance(const Population &p, int32_t t, const int32_t *__restrict ready, int32_t *__restrict at) {
    float *__restrict v = p.v, *__restrict exc = p.exc, *__restrict inh = p.inh, *__restrict raised = p.raised;
    const Shared<own> rest(p.values[REST]), level(p.values[THRESHOLD]), e_exc(p.values[E_EXC]), e_inh(p.values[E_INH]);
    const Shared<own> membrane(p.values[MEMBRANE]), keep_exc(p.values[KEEP_EXC]), keep_inh(p.values[KEEP_INH]);
    const Shared<own> keep_raised(p.values[KEEP_RAISED]), from_exc(p.values[FROM_EXC]), from_inh(p.values[FROM_INH]);
    int32_t fired[BLOCK];
    int64_t count = 0;
    for (int64_t first = 0; first < p.size; first += BLOCK) {
        const int64_t last = std::min(first + BLOCK, p.size);
        int32_t any = 0;
#pragma GCC ivdep
        for (int64_t k = first; k < last; ++k) {
            const float now = v[k], e = exc[k], i = inh[k];
            float next;
            if (flags & EXACT) {
                next = rest[k] + (now - rest[k]) * membrane[k] + e * from_exc[k] + i * from_inh[k];
            } else {
                const float drive = flags & CONDUCTANCE ? e * (e_exc[k] - now) + i * (e_inh[k] - now) : e + i;
                next = now + ((rest[k] - now) + drive) * membrane[k];
            }
            const bool held = t < ready[k];
            next = held ? now : next;
            float threshold = level[k];
            if (flags & ADAPTIVE) {
                const float r = raised[k] * keep_raised[k];
                raised[k] = r;
                threshold += r;
            }
            exc[k] = e * keep_exc[k];
            inh[k] = i * keep_inh[k];
            v[k] = next;
            const int32_t over = next > threshold ? 1 : 0;
            fired[k - first] = held ? 0 : over;
            any |= fired[k - first];
        }
        if (any)
            for (int64_t k = first; k < last; ++k)
                if (fired[k - first]) at[count++] = static_cast<int32_t>(k);
    }
    return count;
}

template <bool own>
int64_t advanced(const Population &p, int32_t t, const int32_t *ready, int32_t *at) {
    switch (p.flags) {
        case 0: return advance<own, 0>(p, t, ready, at);
        case CONDUCTANCE: return advance<own, CONDUCTANCE>(p, t, ready, at);
        case EXACT: return advance<own, EXACT>(p, t, ready, at);
        case ADAPTIVE: return advance<own, ADAPTIVE>(p, t, ready, at);
        case ADAPTIVE | CONDUCTANCE: return advance<own, (ADAPTIVE | CONDUCTANCE)>(p, t, ready, at);
        default: return advance<own, (ADAPTIVE | EXACT)>(p, t, ready, at);
    }
}

// The order in which JAX visits packed spikes: sums come out the same.
void in_order_of_words(int32_t *at, int64_t count, int64_t words) {
    if (count < 2 || words < 2) return;
    const int32_t stride = static_cast<int32_t>(words);
    for (int64_t s = 0; s < count; ++s) at[s] = (at[s] % stride) * 32 + at[s] / stride;
    std::sort(at, at + count);
    for (int64_t s = 0; s < count; ++s) at[s] = (at[s] & 31) * stride + (at[s] >> 5);
}

void add_row(float *__restrict into, const float *__restrict row, float scale, int64_t n) {
    for (int64_t j = 0; j < n; ++j) into[j] += scale * row[j];
}

template <typename Target>
void add_targets(float *into, const void *table, const float *weights, const Lines &lines, int64_t wide, int64_t none) {
    for (int64_t s = 0; s < lines.count; ++s) {
        const int32_t k = lines.at[s];
        const Target *at = static_cast<const Target *>(table) + k * wide;
        const float weight = weights[k];
        for (int64_t j = 0; j < wide && at[j] != static_cast<Target>(none); ++j) into[at[j]] += weight;
    }
}

void deliver(const Link &link, const Lines &lines, float *into) {
    if (link.kind == DENSE) {
        for (int64_t s = 0; s < lines.count; ++s)
            add_row(into, link.weights + lines.at[s] * link.wide, link.scale, link.columns);
        if (link.rule == POST_TRIGGERED)
            for (int64_t s = 0; s < lines.count; ++s) link.pre[lines.at[s]] = 1.0f;
    } else if (link.kind == SPARSE) {
        if (link.columns < 65535)
            add_targets<uint16_t>(into, link.targets, link.line_weights, lines, link.wide, link.columns);
        else
            add_targets<int32_t>(into, link.targets, link.line_weights, lines, link.wide, link.columns);
    } else if (link.kind == ONE_TO_ONE) {
        for (int64_t s = 0; s < lines.count; ++s) into[lines.at[s]] += link.scale;
    } else if (lines.count) {
        const float all = link.scale * static_cast<float>(lines.count);
        const float others = link.scale * static_cast<float>(lines.count - 1);
        std::vector<float> before(lines.count);
        for (int64_t s = 0; s < lines.count; ++s) before[s] = into[lines.at[s]];
        for (int64_t j = 0; j < link.columns; ++j) into[j] += all;
        for (int64_t s = 0; s < lines.count; ++s) into[lines.at[s]] = before[s] + others;
    }
}

void decay(float *trace, float keep, int64_t n) {
    for (int64_t k = 0; k < n; ++k) trace[k] *= keep;
}

inline float clipped(float w, float highest) { return std::min(std::max(w, 0.0f), highest); }

// Columns of the neurons that fired, through a contiguous copy: the arithmetic vectorizes, the strided part only moves.
void post_events(const Link &link, const Lines &fired, float *column) {
    const int64_t n = link.rows, wide = link.wide;
    const float *__restrict pre = link.pre;
    for (int64_t s = 0; s < fired.count; ++s) {
        const int32_t j = fired.at[s];
        float *w = link.weights + j;
        for (int64_t k = 0; k < n; ++k) column[k] = w[k * wide];
        if (link.rule == PAIR) {
            for (int64_t k = 0; k < n; ++k) column[k] = clipped(column[k] + link.rate * pre[k], link.highest);
        } else if (link.mu == 1.0f) {
            for (int64_t k = 0; k < n; ++k)
                column[k] = clipped(column[k] + link.rate * (pre[k] - link.mark) * std::max(link.highest - column[k], 1e-30f),
                                    link.highest);
        } else {
            for (int64_t k = 0; k < n; ++k)
                column[k] = clipped(column[k] + link.rate * (pre[k] - link.mark) *
                                        power(std::max(link.highest - column[k], 1e-30f), link.mu),
                                    link.highest);
        }
        if (!link.loops) column[j] = 0.0f;
        for (int64_t k = 0; k < n; ++k) w[k * wide] = column[k];
    }
}

void pre_events(const Link &link, const Lines &lines) {
    const float *__restrict post = link.post;
    for (int64_t s = 0; s < lines.count; ++s) {
        float *__restrict row = link.weights + lines.at[s] * link.wide;
        for (int64_t j = 0; j < link.wide; ++j) row[j] = clipped(row[j] - link.mark * post[j], link.highest);
    }
}

}  // namespace

extern "C" void neuromorph_run(int64_t steps, const Population *populations, int64_t n_populations, const Source *sources,
                               const Link *links, int64_t n_links, const Watch *watches, int64_t n_watches) {
#if defined(__SSE__)
    const unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040);  // denormals count as zero, as in XLA
#endif
    int64_t largest = 1, deepest = 1;
    for (int64_t p = 0; p < n_populations; ++p) largest = std::max(largest, populations[p].size);
    for (int64_t l = 0; l < n_links; ++l) deepest = std::max(deepest, links[l].rows);
    std::vector<float> column(deepest);
    std::vector<std::vector<int32_t>> at(n_populations, std::vector<int32_t>(largest)), ready(n_populations);
    for (int64_t p = 0; p < n_populations; ++p) ready[p].assign(populations[p].wait, populations[p].wait + populations[p].size);
    std::vector<Lines> spikes(n_populations);
    for (int64_t t = 0; t < steps; ++t) {
        for (int64_t l = 0; l < n_links; ++l)
            if (links[l].rule != FIXED) {
                decay(links[l].pre, links[l].keep_pre, links[l].rows);
                if (links[l].rule == PAIR) decay(links[l].post, links[l].keep_post, links[l].wide);
            }
        for (int64_t p = 0; p < n_populations; ++p) {
            const Population &now = populations[p];
            int32_t *into = at[p].data();
            const int32_t *from = ready[p].data(), when = static_cast<int32_t>(t);
            const int64_t count =
                now.stride ? advanced<true>(now, when, from, into) : advanced<false>(now, when, from, into);
            in_order_of_words(into, count, now.words);
            spikes[p] = {into, count};
        }
        auto lines_of = [&](const Link &link) -> Lines {
            if (link.source >= 0) return spikes[link.source];
            const Source &list = sources[~link.source];
            return {list.channel + list.start[t], list.start[t + 1] - list.start[t]};
        };
        for (int64_t l = 0; l < n_links; ++l) {
            const Population &target = populations[links[l].target];
            deliver(links[l], lines_of(links[l]), links[l].port ? target.inh : target.exc);
        }
        for (int64_t l = 0; l < n_links; ++l) {
            const Link &link = links[l];
            if (link.rule == FIXED) continue;
            const Lines own = spikes[link.target];
            if (link.rule == PAIR) pre_events(link, lines_of(link));
            post_events(link, own, column.data());
            if (link.rule == PAIR) {
                const Lines lines = lines_of(link);
                for (int64_t s = 0; s < lines.count; ++s) link.pre[lines.at[s]] += 1.0f;
                for (int64_t s = 0; s < own.count; ++s) link.post[own.at[s]] += 1.0f;
            }
        }
        for (int64_t p = 0; p < n_populations; ++p) {
            const Population &now = populations[p];
            for (int64_t s = 0; s < spikes[p].count; ++s) {
                const int32_t k = spikes[p].at[s];
                const int64_t own = now.stride ? k : 0;
                now.v[k] = now.values[RESET][own];
                ready[p][k] = static_cast<int32_t>(t) + 1 + now.hold[own];
                if (now.flags & ADAPTIVE) now.raised[k] += now.values[ADAPT][own];
                ++now.counts[k];
                if (now.raster) now.raster[t * now.words + k % now.words] |= 1u << (k / now.words);
            }
        }
        for (int64_t w = 0; w < n_watches; ++w)
            std::memcpy(watches[w].into + t * watches[w].size, watches[w].from, sizeof(float) * watches[w].size);
    }
    for (int64_t p = 0; p < n_populations; ++p)
        for (int64_t k = 0; k < populations[p].size; ++k)
            populations[p].wait[k] = std::max<int32_t>(ready[p][k] - static_cast<int32_t>(steps), 0);
#if defined(__SSE__)
    _mm_setcsr(before);
#endif
}
