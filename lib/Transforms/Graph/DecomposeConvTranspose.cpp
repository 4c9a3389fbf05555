// lib/Transforms/Graph/DecomposeConvTranspose.cpp: a transposed convolution is plain ones, whose outputs interleave.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Transforms/Graph/Passes.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace lathe::graph {
#define GEN_PASS_DEF_DECOMPOSECONVTRANSPOSEPASS
#include "lathe/Transforms/Graph/Passes.h.inc"

namespace {

/// Convolutions beyond which their number costs more than they save.
constexpr int64_t mostConvolutions = 16;

/// One of the `stride` convolutions along a spatial dim: every stride-th output.
struct Phase {
  int64_t firstTap; ///< Of the filter, which has every stride-th tap of the transposed one.
  int64_t taps;
  int64_t before = 0, after = 0; ///< Padding.
};

/// How a spatial dim is computed: output `crop + p` is number `p div stride` of
/// phase `p mod stride`.
struct DimPlan {
  int64_t stride, dilation, crop = 0;
  SmallVector<Phase> phases;
  AffineExpr count; ///< Outputs of a phase.
};

bool isValid(const Phase &phase) { return phase.taps > 0 && phase.before >= 0 && phase.after >= 0; }

class Decomposition {
public:
  Decomposition(ConvTransposeOp op, ShapeSolver &solver)
      : op(op), solver(solver), b(op), element(op.getType().getElementType()), x(solver.dims(op.getX())),
        filter(op.getFilter().getType().getShape()), spatial(filter.size() - 2), groups(op.getGroups()) {}

  /// Replaces the op, if its form is known.
  bool run() {
    if (!op.getChannelsLast() || !op.getFilter().getType().hasStaticShape())
      return false;
    bool isDepthwise = groups > 1 && groups == filter[0] && filter[1] == 1;
    isMerged = !isDepthwise;
    for (unsigned i = 0; i < spatial; ++i)
      isMerged &= filter[i + 2] % op.getStrides()[i] == 0;
    // An op has at most 8 dims: batch, two for a spatial one, group and channel.
    isMerged &= groups == 1 || spatial < 3;
    for (unsigned i = 0; i < spatial; ++i) {
      plans.push_back(plan(i));
      if (!llvm::all_of(plans.back().phases, isValid))
        return false;
      numPhases *= plans.back().stride;
    }
    if (!isMerged && numPhases > mostConvolutions)
      return false;
    Value y = interleave(isMerged ? convolveAll() : convolveEach());
    op.replaceAllUsesWith(crop(y));
    op.erase();
    return true;
  }

private:
  DimPlan plan(unsigned i) {
    int64_t kernel = filter[i + 2], stride = op.getStrides()[i];
    int64_t before = op.getPads()[i], after = op.getPads()[spatial + i] - op.getOutputPadding()[i];
    DimPlan plan{stride, kernel == 1 ? 1 : op.getDilations()[i], 0, {}, {}};
    AffineExpr in = x[i + 1];
    if (stride == 1) {
      int64_t reach = plan.dilation * (kernel - 1);
      plan.phases.push_back({0, kernel, reach - before, reach - after});
      plan.count = solver.simplify(in + (reach - before - after));
    } else if (plan.dilation != 1) {
      plan.phases.push_back({0, 0}); // Taps that phases do not share out evenly.
    } else if (isMerged) {
      // All phases have the same taps and paddings; the rest is cut off.
      int64_t taps = kernel / stride;
      plan.crop = before % stride;
      for (int64_t phase = 0; phase < stride; ++phase)
        plan.phases.push_back(
            {phase, taps, taps - 1 - before / stride, taps - 1 - llvm::divideFloorSigned(after, stride)});
      plan.count = solver.simplify(in + (plan.phases[0].before + plan.phases[0].after - (taps - 1)));
    } else {
      int64_t beyond = llvm::divideCeilSigned(kernel - before - after, stride) - 1;
      for (int64_t phase = 0; phase < stride; ++phase) {
        int64_t first = (phase + before) % stride, shift = (phase + before) / stride;
        int64_t taps = first < kernel ? llvm::divideCeil(kernel - first, stride) : 0;
        plan.phases.push_back({first, taps, taps - 1 - shift, beyond + shift});
      }
      plan.count = solver.simplify(in + beyond);
    }
    return plan;
  }

  /// The phase of each spatial dim, by the number of the combination.
  SmallVector<Phase> phasesOf(int64_t number) const {
    SmallVector<Phase> result(spatial);
    for (unsigned i = spatial; i-- > 0; number /= plans[i].stride)
      result[i] = plans[i].phases[number % plans[i].stride];
    return result;
  }

  Value reshape(Value value, const Dims &dims) {
    return ReshapeOp::create(b, op.getLoc(), solver.type(dims, element), value, Value());
  }
  Value transpose(Value value, ArrayRef<int64_t> permutation) {
    Dims from = solver.dims(value), to;
    for (int64_t axis : permutation)
      to.push_back(from[axis]);
    return TransposeOp::create(b, op.getLoc(), solver.type(to, element), value, permutation);
  }
  Value slice(Value value, const Dims &dims, ArrayRef<int64_t> axes, ArrayRef<int64_t> first, ArrayRef<int64_t> steps) {
    Dims offsets;
    for (int64_t offset : first)
      offsets.push_back(solver.constant(offset));
    return SliceOp::create(b, op.getLoc(), solver.type(dims, element), value, Value(), Value(), axes, steps,
                           DimsAttr::get(op.getContext(), solver.map(offsets)));
  }
  AffineExpr fixed(int64_t n) const { return solver.constant(n); }

  /// The taps of `phases`, last first, as [group, output, input, taps...].
  Value phaseFilter(ArrayRef<Phase> phases) {
    SmallVector<int64_t> axes, first, steps, order{0, 2, 1};
    int64_t inputs = filter[0] / groups;
    Dims cut{fixed(filter[0]), fixed(filter[1])}, split{fixed(groups), fixed(inputs), fixed(filter[1])};
    for (auto [i, phase] : llvm::enumerate(phases)) {
      axes.push_back(i + 2);
      first.push_back(phase.firstTap + plans[i].stride * (phase.taps - 1));
      steps.push_back(-plans[i].stride);
      order.push_back(i + 3);
      cut.push_back(fixed(phase.taps));
      split.push_back(fixed(phase.taps));
    }
    return transpose(reshape(slice(op.getFilter(), cut, axes, first, steps), split), order);
  }

  /// The convolution of `x` with `weights`, [group, output, input, taps...].
  Value convolve(Value weights, ArrayRef<Phase> phases) {
    Dims w = solver.dims(weights), merged{solver.product({w[0], w[1]})}, y{x[0]};
    llvm::append_range(merged, ArrayRef<AffineExpr>(w).drop_front(2));
    SmallVector<int64_t> pads, dilations, strides(spatial, 1);
    for (const Phase &phase : phases)
      pads.push_back(phase.before);
    for (const Phase &phase : phases)
      pads.push_back(phase.after);
    for (const DimPlan &plan : plans) {
      dilations.push_back(plan.stride == 1 ? plan.dilation : 1);
      y.push_back(plan.count);
    }
    y.push_back(merged[0]);
    return ConvOp::create(b, op.getLoc(), solver.type(y, element), op.getX(), reshape(weights, merged), strides, pads,
                          dilations, groups, /*channels_last=*/true);
  }

  Value concat(ArrayRef<Value> values, int64_t axis) {
    if (values.size() == 1)
      return values.front();
    Dims dims = solver.dims(values.front());
    dims[axis] = solver.simplify(dims[axis] * static_cast<int64_t>(values.size()));
    return ConcatOp::create(b, op.getLoc(), solver.type(dims, element), values, axis);
  }

  /// All phases as channels of one convolution: [N, counts..., group phase output].
  Value convolveAll() {
    SmallVector<Value> weights;
    for (int64_t number = 0; number < numPhases; ++number)
      weights.push_back(phaseFilter(phasesOf(number)));
    return convolve(concat(weights, 1), phasesOf(0));
  }

  /// A convolution for each phase: [N, counts..., phase group output].
  Value convolveEach() {
    SmallVector<Value> parts;
    for (int64_t number = 0; number < numPhases; ++number) {
      SmallVector<Phase> phases = phasesOf(number);
      parts.push_back(convolve(phaseFilter(phases), phases));
    }
    return concat(parts, spatial + 1);
  }

  /// Puts the phases between each other: [N, count stride..., channels].
  Value interleave(Value y) {
    if (numPhases == 1)
      return y;
    // Those of the last dim and what is behind them stay side by side.
    int64_t channels = filter[1] * (isMerged ? 1 : groups);
    bool keepsLast = plans.back().stride > 1 && (!isMerged || groups == 1);
    Dims apart{x[0]}, joined{x[0]};
    SmallVector<int64_t> order{0};
    for (const DimPlan &plan : plans) {
      apart.push_back(plan.count);
      joined.push_back(solver.simplify(plan.count * plan.stride));
    }
    int64_t groupDim = -1;
    if (isMerged && groups > 1) {
      groupDim = apart.size();
      apart.push_back(fixed(groups));
    }
    for (unsigned i = 0; i < spatial; ++i) {
      order.push_back(i + 1);
      if (plans[i].stride == 1 || (i + 1 == spatial && keepsLast))
        continue;
      order.push_back(apart.size());
      apart.push_back(fixed(plans[i].stride));
    }
    if (groupDim >= 0)
      order.push_back(groupDim);
    order.push_back(apart.size());
    apart.push_back(fixed(channels * (keepsLast ? plans.back().stride : 1)));
    joined.push_back(fixed(filter[1] * groups));
    return reshape(transpose(reshape(y, apart), order), joined);
  }

  Value crop(Value y) {
    Dims has = solver.dims(y), wanted = solver.dims(op.getY());
    SmallVector<int64_t> axes, first;
    for (unsigned i = 0; i < spatial; ++i)
      if (plans[i].crop != 0 || solver.equal(has[i + 1], wanted[i + 1]) != true) {
        axes.push_back(i + 1);
        first.push_back(plans[i].crop);
      }
    if (axes.empty())
      return y;
    return slice(y, wanted, axes, first, SmallVector<int64_t>(axes.size(), 1));
  }

  ConvTransposeOp op;
  ShapeSolver &solver;
  OpBuilder b;
  Type element;
  Dims x;                   ///< N, spatial dims, C
  ArrayRef<int64_t> filter; ///< C, O / groups, spatial dims
  size_t spatial;
  int64_t groups;
  bool isMerged = false; ///< All phases are in one convolution.
  SmallVector<DimPlan> plans;
  int64_t numPhases = 1;
};

struct DecomposeConvTransposePass final : impl::DecomposeConvTransposePassBase<DecomposeConvTransposePass> {
  void runOnOperation() override {
    ShapeSolver solver(getOperation());
    SmallVector<ConvTransposeOp> ops;
    getOperation().walk([&](ConvTransposeOp op) { ops.push_back(op); });
    for (ConvTransposeOp op : ops)
      if (!Decomposition(op, solver).run())
        op.emitRemark() << "is computed by plain loops, many times slower than as convolutions: its strides, dilations "
                           "and pads do not share out the filter [strategy-loops]";
  }
};

} // namespace
} // namespace lathe::graph
