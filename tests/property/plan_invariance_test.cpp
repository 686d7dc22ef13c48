// No cut changes a bit: random problems, random forced cuts, random threads, against the
// definition on uncut tensors. Every failure prints the command that reproduces it.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <numeric>
#include <random>

#include "tilewright/tilewright.h"

namespace tilewright {
namespace {

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed) {}
  Index in(Index low, Index high) {
    return low + static_cast<Index>(random_() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool chance(int percent) { return in(1, 100) <= percent; }
  template <class T>
  T of(std::initializer_list<T> list) {
    return *(list.begin() + in(0, static_cast<Index>(list.size()) - 1));
  }

 private:
  std::mt19937_64 random_;
};

struct Case {
  std::string problem;
  std::string force;
  std::string kernel;
  int threads = 1;
  std::uint64_t seed = 1;

  std::string command(bool integers) const {
    return "tilewright verify \"" + problem + "\" --force " + force + " --kernel-impl " + kernel +
           " --threads " + std::to_string(threads) + " --seed " + std::to_string(seed) +
           " --memory 1GiB --exact bound" + (integers ? " --integers" : "");
  }
};

struct Side {
  Index extent, taps, stride, dilation, before, after;
};

Side random_side(Draw& d) {
  Side s{};
  // Some are large enough for the kernels to use several threads.
  s.extent = d.chance(15) ? 1 : d.chance(10) ? d.in(29, 96) : d.in(1, 28);
  s.taps = d.chance(10) ? d.in(6, 11) : d.in(1, 5);
  s.stride = d.chance(50) ? 1 : d.in(2, 4);
  s.dilation = d.chance(60) ? 1 : d.in(2, 3);
  const Index span = s.dilation * (s.taps - 1) + 1;
  s.before = d.chance(40) ? (span - 1) / 2 : d.in(0, span + 2);
  s.after = d.chance(40) ? span / 2 : d.in(0, span + 2);
  const Index missing = span - (s.extent + s.before + s.after);
  if (missing > 0) s.after += missing;
  return s;
}

std::string random_problem(Draw& d, bool wide_image, bool biased) {
  const Side y = random_side(d);
  Side x = random_side(d);
  if (wide_image) x.extent += d.in(200, 600);
  const Index groups = d.chance(60) ? 1 : d.in(2, 5);
  const Index ci = groups * d.in(1, d.chance(20) ? 32 : 5);
  const Index co = groups * d.in(1, d.chance(20) ? 32 : 5);
  const bool wide = d.chance(25);
  const std::string compute = wide ? "f64" : "f32";
  const auto n = [](const char* key, Index v) { return key + std::to_string(v) + " "; };
  const auto pair = [](const char* key, Index a, Index b) {
    return key + std::to_string(a) + "x" + std::to_string(b) + " ";
  };
  std::string line = "conv2d " + n("n", d.chance(70) ? 1 : d.in(2, 3)) + n("ci", ci) +
                     n("y", y.extent) + n("x", x.extent) + n("co", co) + pair("k", y.taps, x.taps) +
                     pair("s", y.stride, x.stride) + pair("d", y.dilation, x.dilation) + "p" +
                     std::to_string(y.before) + "," + std::to_string(y.after) + "," +
                     std::to_string(x.before) + "," + std::to_string(x.after) + " " +
                     n("g", groups) + compute;
  line += d.of<std::string>({"", "", " m:reflect", " m:replicate", " m:circular"});
  if (d.chance(30)) line += " flip";
  if (biased || d.chance(40)) line += " bias";
  if (!wide && d.chance(30)) line += d.of<std::string>({" src:u8", " src:u16", " src:i16"});
  if (wide && d.chance(30)) line += d.of<std::string>({" src:i32", " src:f32", " src:u32"});
  if (d.chance(20)) line += d.of<std::string>({" dst:u8", " dst:i16", " dst:u16"});
  return line;
}

std::string random_parts(Draw& d, Index extent) {
  if (extent == 1 || d.chance(60)) return std::to_string(d.in(1, extent));
  std::string text;
  for (Index left = extent; left > 0;) {
    const Index part = d.in(1, left);
    if (!text.empty()) text += '+';
    text += std::to_string(part);
    left -= part;
  }
  return text;
}

std::string random_force(Draw& d, const Problem& p) {
  const Extents e = p.extents();
  const bool inside_group = d.chance(50);
  std::string force;
  const auto add = [&](const std::string& key, const std::string& value) {
    force += (force.empty() ? "" : ",") + key + "=" + value;
  };
  add("g", e[Axis::kG] == 1 || inside_group ? "1" : random_parts(d, e[Axis::kG]));
  if (inside_group) {
    if (d.chance(60) && e[Axis::kCo] > 1) add("co", std::to_string(d.in(1, e[Axis::kCo] - 1)));
    if (d.chance(60)) add("ci", random_parts(d, e[Axis::kCi]));
  }
  if (d.chance(40)) add("n", random_parts(d, e[Axis::kN]));
  if (d.chance(80)) add("y", random_parts(d, e[Axis::kY]));
  if (d.chance(80)) add("x", random_parts(d, e[Axis::kX]));
  if (d.chance(20)) add("ky", random_parts(d, e[Axis::kKy]));
  if (d.chance(20)) add("kx", random_parts(d, e[Axis::kKx]));
  add("order", d.of<std::string>({"columns", "rows"}));
  add("nest", d.of<std::string>({"co", "space"}));
  add("flight", d.of<std::string>({"1", "2"}));
  add("weights", d.of<std::string>({"kept", "streamed"}));
  return force;
}

Plan plan_of(const Case& c) {
  PlanOptions options;
  options.force = c.force;
  options.kernel = c.kernel;
  options.least = Exactness::kBound;
  return plan(parse_problem(c.problem), local_machine().limited_to({Index{1} << 30, c.threads}),
              options);
}

/// Whether the plan was cut and had to equal the definition, or the uncut run of the same kernel,
/// bit by bit.
bool check(const Case& c) {
  const Plan p = plan_of(c);
  TileGraph(p).verify();
  const bool exact = p.exact != Exactness::kBound;
  for (const bool integers : {false, true}) {
    if (integers && exact) continue;
    const VerifyReport r = verify_plan(p, c.seed, integers);
    if (!r.equal())
      RC_FAIL(c.command(integers) + "\n" + std::to_string(r.differing) + " of " +
              std::to_string(r.elements) + " differ, first " + r.first_difference);
  }
  return exact && p.counts().elemental_convolutions > 1;
}

// Cuts of a gradient of weights; most keep to the blocks in which images are summed.
std::string random_sum_force(Draw& d, const Problem& p, bool taps) {
  const Extents e = p.extents();
  std::string force;
  const auto add = [&](const std::string& key, const std::string& value) {
    force += (force.empty() ? "" : ",") + key + "=" + value;
  };
  // Blocks of Winograd's sums end elsewhere with dilation.
  const Index block = d.chance(50) ? 8 : std::lcm(8, 4 * p.layer->window(kY).dilation);
  const auto rows = [&] { return d.chance(80) ? block * d.in(1, 3) : d.in(1, e[Axis::kY]); };
  const bool inside_group = d.chance(50);
  add("g", inside_group ? "1" : random_parts(d, e[Axis::kG]));
  if (inside_group && d.chance(60) && e[Axis::kCo] > 1)
    add("co", std::to_string(d.in(1, e[Axis::kCo] - 1)));
  if (inside_group && d.chance(60)) add("ci", random_parts(d, e[Axis::kCi]));
  // Columns keep the order of the sums only in bands of 8 rows of one image.
  const bool columns = e[Axis::kX] > 128 && d.chance(60);
  if (columns) {
    add("y", "8");
    add("x", std::to_string(128 * d.in(1, e[Axis::kX] / 128)));
  } else {
    if (d.chance(80)) add("y", std::to_string(rows()));
    if (d.chance(15)) add("x", random_parts(d, e[Axis::kX]));
  }
  if (taps && d.chance(30)) add("ky", random_parts(d, e[Axis::kKy]));
  if (taps && d.chance(30)) add("kx", random_parts(d, e[Axis::kKx]));
  if (columns || d.chance(50))
    add("n", columns || d.chance(70) ? "1" : random_parts(d, e[Axis::kN]));
  add("flight", d.of<std::string>({"1", "2"}));
  return force;
}

/// What a case asks for; stable: of Winograd's kernels; stride, FFT, dot: of those.
enum class Pass {
  kForward,
  kSrc,
  kWeights,
  kBias,
  kStableForward,
  kStableSrc,
  kStableWeights,
  kStrideForward,
  kStrideSrc,
  kFftForward,
  kFftSrc,
  kFftWeights,
  kDotWeights
};

bool by_fft(Pass pass) {
  return pass == Pass::kFftForward || pass == Pass::kFftSrc || pass == Pass::kFftWeights;
}
bool by_stride(Pass pass) { return pass == Pass::kStrideForward || pass == Pass::kStrideSrc; }
bool is_stable(Pass pass) {
  return pass == Pass::kStableForward || pass == Pass::kStableSrc || pass == Pass::kStableWeights ||
         pass == Pass::kDotWeights || by_stride(pass) || by_fft(pass);
}

std::string random_winograd_problem(Draw& d, Interval taps, bool wide_image = false,
                                    Index stride = 1) {
  const auto n = [](const char* key, Index v) { return key + std::to_string(v) + " "; };
  // Many channels or many pixels, not both: the definition takes its time.
  const bool deep = d.chance(15);
  const auto side = [&] { return !deep && d.chance(20) ? d.in(40, 90) : d.in(3, deep ? 14 : 40); };
  const Index groups = d.chance(70) ? 1 : d.in(2, 4);
  const auto channels = [&] { return groups * (deep ? d.in(60, 270) / groups : d.in(1, 9)); };
  const auto pad = [&] { return d.of<std::string>({"0", "1", "1", "2", "3"}); };
  const bool apart = stride == 1 && d.chance(50);
  const auto dilation = [&] {
    return !apart ? 1 : d.chance(70) ? d.in(1, 4) : d.in(1, deep ? 6 : 32);
  };
  // Windows fit the image.
  const Index dy = dilation(), dx = dilation();
  const auto some_taps = [&] { return d.chance(50) ? taps.begin : d.in(taps.begin, taps.end - 1); };
  const Index ky = some_taps(), kx = some_taps();
  return "conv2d " + n("n", d.chance(70) ? 1 : 2) + n("ci", channels()) +
         n("y", side() + (ky - 1) * dy) + n("x", side() + (kx - 1) * dx + (wide_image ? 128 : 0)) +
         n("co", channels()) + "k" + std::to_string(ky) + "x" + std::to_string(kx) + " s" +
         std::to_string(stride) + "x" + std::to_string(stride) + " d" + std::to_string(dy) + "x" +
         std::to_string(dx) + " p" + pad() + "," + pad() + "," + pad() + "," + pad() + " " +
         n("g", groups) + "f32";
}

std::string random_fft_problem(Draw& d) {
  const auto n = [](const char* key, Index v) { return key + std::to_string(v) + " "; };
  // The definition takes its time: many taps, many channels or many pixels.
  const bool deep = d.chance(20), large = !deep && d.chance(25);
  const auto taps = [&] { return large ? d.in(13, 50) : d.in(1, deep ? 5 : 20); };
  const Index ky = taps(), kx = taps();
  const Index groups = d.chance(70) ? 1 : d.in(2, 3);
  const auto channels = [&] {
    return groups * (deep ? d.in(20, 40) / groups : large ? 1 : d.in(1, 2));
  };
  const auto side = [&](Index k) { return k + d.in(0, deep ? 70 : large ? 110 : 150); };
  const auto pad = [&](Index k) { return std::to_string(d.chance(50) ? k / 2 : d.in(0, k + 1)); };
  const Index y = side(ky), x = side(kx);
  return "conv2d " + n("n", d.chance(80) ? 1 : 2) + n("ci", channels()) + n("y", y) + n("x", x) +
         n("co", channels()) + "k" + std::to_string(ky) + "x" + std::to_string(kx) + " p" +
         pad(ky) + "," + pad(ky) + "," + pad(kx) + "," + pad(kx) + " " + n("g", groups) + "f32";
}

/// Images of more rows than the kernel with lanes along columns sums at once.
std::string random_dot_problem(Draw& d) {
  const auto n = [](const char* key, Index v) { return key + std::to_string(v) + " "; };
  const bool deep = d.chance(15), wide = !deep && d.chance(25);
  const Index groups = d.chance(70) ? 1 : d.in(2, 4);
  const auto channels = [&] { return groups * (deep ? d.in(9, 40) / groups : d.in(1, 5)); };
  const Index sy = d.of<Index>({1, 1, 2, 3}), sx = d.of<Index>({1, 1, 2, 3});
  const Index dy = d.of<Index>({1, 1, 2}), dx = d.of<Index>({1, 1, 3});
  const Index ky = d.in(1, 5), kx = d.in(1, 5);
  const Index y = (deep ? d.in(64, 90) : d.in(64, 260)) * sy + dy * ky;
  const Index x = (wide ? d.in(100, 300) : d.in(1, 40)) * sx + dx * kx;
  const auto pad = [&](Index k) { return std::to_string(d.in(0, k + 1)); };
  const auto pair = [&](const char* key, Index a, Index b) {
    return key + std::to_string(a) + "x" + std::to_string(b) + " ";
  };
  return "conv2d " + n("n", d.chance(70) ? 1 : 2) + n("ci", channels()) + n("y", y) + n("x", x) +
         n("co", channels()) + pair("k", ky, kx) + pair("s", sy, sx) + pair("d", dy, dx) + "p" +
         pad(ky) + "," + pad(ky) + "," + pad(kx) + "," + pad(kx) + " " + n("g", groups) + "f32" +
         d.of<std::string>({"", "", "", " m:reflect", " m:circular", " flip", " src:u8"});
}

/// Parts that end at multiples of `unit`.
std::string random_multiple(Draw& d, Index extent, Index unit) {
  return std::to_string(unit * d.in(1, (extent + unit - 1) / unit));
}

std::string random_stable_force(Draw& d, const Problem& p, const std::string& kernel) {
  const Extents e = p.extents();
  PlanOptions uncut;
  uncut.kernel = kernel;
  const Anchors anchors = plan(p, local_machine(), uncut).kernel.anchors;
  std::string force = "g=1";
  const auto add = [&](const char* key, const std::string& value) {
    force += std::string(",") + key + "=" + value;
  };
  if (sums_image(*p.layer)) {
    if (e[Axis::kCo] > 1) add("co", std::to_string(d.in(1, e[Axis::kCo] - 1)));
    if (d.chance(60)) add("ci", random_parts(d, e[Axis::kCi]));
    if (d.chance(80)) add("y", random_multiple(d, e[Axis::kY], anchors[Axis::kY]));
    add("n", "1");
    add("flight", d.of<std::string>({"1", "2"}));
    return force;
  }
  if (d.chance(60) && e[Axis::kCo] > 1) add("co", std::to_string(d.in(1, e[Axis::kCo] - 1)));
  if (e[Axis::kCi] > anchors[Axis::kCi])
    add("ci", random_multiple(d, e[Axis::kCi], anchors[Axis::kCi]));
  if (d.chance(40)) add("n", "1");
  if (d.chance(80)) add("y", random_multiple(d, e[Axis::kY], anchors[Axis::kY]));
  if (d.chance(80)) add("x", random_multiple(d, e[Axis::kX], anchors[Axis::kX]));
  add("order", d.of<std::string>({"columns", "rows"}));
  add("nest", d.of<std::string>({"co", "space"}));
  add("flight", d.of<std::string>({"1", "2"}));
  add("weights", d.of<std::string>({"kept", "streamed"}));
  return force;
}

Problem problem_of(Draw& d, Pass pass) {
  const auto stable = [&] {
    if (by_fft(pass)) return random_fft_problem(d);
    if (pass == Pass::kDotWeights) return random_dot_problem(d);
    if (pass == Pass::kStableWeights) return random_winograd_problem(d, {3, 4}, d.chance(25));
    if (by_stride(pass)) return random_winograd_problem(d, {3, 4}, d.chance(15), 2);
    return random_winograd_problem(d, {3, 6});
  };
  if (pass == Pass::kStableForward || pass == Pass::kStrideForward || pass == Pass::kFftForward) {
    const char* modes[] = {"", " m:reflect", " m:replicate", " m:circular", " bias", " src:u8"};
    return parse_problem(stable() + modes[d.in(0, 5)]);
  }
  if (is_stable(pass)) {
    const bool weights =
        pass == Pass::kFftWeights || pass == Pass::kStableWeights || pass == Pass::kDotWeights;
    const Operand wrt = weights ? Operand::kWeights : Operand::kSrc;
    return gradient_problem(parse_problem(stable()), wrt, DType::kF32).problem;
  }
  const bool summed = pass == Pass::kWeights || pass == Pass::kBias;
  const Problem forward =
      parse_problem(random_problem(d, summed && d.chance(25), pass == Pass::kBias));
  if (pass == Pass::kForward) return forward;
  const DType gradient = d.chance(80) ? forward.compute : DType::kI16;
  const Operand wrt = pass == Pass::kSrc       ? Operand::kSrc
                      : pass == Pass::kWeights ? Operand::kWeights
                                               : Operand::kBias;
  return gradient_problem(forward, wrt, gradient).problem;
}

Case random_case(std::uint64_t seed, Pass pass) {
  Draw d(seed);
  Case c;
  const Problem p = problem_of(d, pass);
  c.problem = p.line();
  const bool stable = is_stable(pass);
  const std::string kernel = by_fft(pass)                ? "fft"
                             : by_stride(pass)           ? "winograd_stride"
                             : pass == Pass::kDotWeights ? "dot"
                                                         : "winograd";
  c.force = pass == Pass::kStableWeights ? random_sum_force(d, p, false)
            : stable                     ? random_stable_force(d, p, kernel)
            : sums_image(*p.layer)       ? random_sum_force(d, p, true)
                                         : random_force(d, p);
  c.kernel = stable ? kernel : d.chance(85) ? "direct" : "reference";
  c.threads = static_cast<int>(d.in(1, 3));
  c.seed = seed % 1000000;
  return c;
}

// RapidCheck runs each property 100 times: so many times `cases` cut plans are compared bit by bit.
// Others, which re-associate sums or cut nothing, come on top.
void check_random(int cases, Pass pass) {
  const auto seed = *rc::gen::noShrink(rc::gen::arbitrary<std::uint64_t>());
  int compared = 0;
  for (std::uint64_t i = 0; compared < cases; ++i) {
    const Case c = random_case(seed + i * 0x9e3779b97f4a7c15u, pass);
    RC_LOG() << c.command(false) << "\n";
    if (check(c)) ++compared;
  }
}

RC_GTEST_PROP(PlanInvariance, NoCutChangesABit, ()) { check_random(20, Pass::kForward); }

RC_GTEST_PROP(PlanInvariance, NoCutChangesABitOfTheGradientOfTheSource, ()) {
  check_random(10, Pass::kSrc);
}

RC_GTEST_PROP(PlanInvariance, NoCutChangesABitOfTheGradientOfTheWeights, ()) {
  check_random(10, Pass::kWeights);
}

// Within the stated bound of the definition, too.
RC_GTEST_PROP(PlanInvariance, NoCutChangesABitOfWinograd, ()) {
  check_random(5, Pass::kStableForward);
}

RC_GTEST_PROP(PlanInvariance, NoCutChangesABitOfWinogradsGradientOfTheSource, ()) {
  check_random(5, Pass::kStableSrc);
}

RC_GTEST_PROP(PlanInvariance, NoCutChangesABitOfWinogradWithStride, ()) {
  check_random(3, Pass::kStrideForward);
}

RC_GTEST_PROP(PlanInvariance, NoCutChangesABitOfWinogradsGradientOfTheSourceWithStride, ()) {
  check_random(3, Pass::kStrideSrc);
}

RC_GTEST_PROP(PlanInvariance, NoCutChangesABitOfFft, ()) { check_random(1, Pass::kFftForward); }

RC_GTEST_PROP(PlanInvariance, NoCutChangesABitOfFftsGradientOfTheSource, ()) {
  check_random(1, Pass::kFftSrc);
}

RC_GTEST_PROP(PlanInvariance, NoCutChangesABitOfFftsGradientOfTheWeights, ()) {
  check_random(1, Pass::kFftWeights);
}

RC_GTEST_PROP(PlanInvariance, NoCutChangesABitOfWinogradsGradientOfTheWeights, ()) {
  check_random(3, Pass::kStableWeights);
}

RC_GTEST_PROP(PlanInvariance, NoCutChangesABitOfTheGradientOfTheWeightsAlongColumns, ()) {
  check_random(3, Pass::kDotWeights);
}

RC_GTEST_PROP(PlanInvariance, NoCutChangesABitOfTheGradientOfTheBias, ()) {
  check_random(10, Pass::kBias);
}

/// Algorithms of optional libraries that this machine offers.
std::vector<std::string> library_kernels() {
  std::vector<std::string> list;
  for (const KernelInfo& k : local_machine().kernels)
    if (k.order == Order::kFree && k.layer == "conv2d") list.push_back(k.name.substr(7));
  return list;
}

// Plans of class bound: near the definition on random data, equal to it on small integers.
RC_GTEST_PROP(PlanInvariance, NoCutLeavesTheBoundOfALibrary, ()) {
  const auto seed = *rc::gen::noShrink(rc::gen::arbitrary<std::uint64_t>());
  for (const std::string& kernel : library_kernels())
    for (const Pass pass : {Pass::kForward, Pass::kSrc, Pass::kWeights}) {
      Case c = random_case(seed, pass);
      c.kernel = kernel;
      // oneDNN has no f64.
      if (kernel == "onednn" && parse_problem(c.problem).compute == DType::kF64) continue;
      RC_LOG() << c.command(false) << "\n";
      check(c);
    }
}

}  // namespace
}  // namespace tilewright
