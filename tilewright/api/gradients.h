// Gradients of conv2d, in memory and from files to files.
#pragma once

#include "tilewright/api/convolve.h"
#include "tilewright/network/gradient.h"

namespace tilewright {

/// Gradients of a sum over all results times their gradient: src [n,ci,y,x], weights
/// [co,ci/g,ky,kx], bias [1,co,1,1]. Tensors that were not asked for are empty.
struct Conv2dGradients {
  Tensor src, weights, bias;
};

/// Which gradients are computed; the others cost nothing.
struct WantedGradients {
  bool src = true;
  bool weights = true;
  bool bias = false;
};

/// The gradients of conv2d(src, weights, options) given `gradient` [n,co,Y,X], the gradient of its
/// result; on all processors, in the compute type. Throws InvalidArgument for shapes that do not
/// fit.
Conv2dGradients conv2d_gradients(const Tensor& src, const Tensor& weights, const Tensor& gradient,
                                 const Conv2dOptions& options = {},
                                 const WantedGradients& wanted = {});

/// Adds the gradients to the tensors of `sums`; empty tensors are not computed. The tensors must
/// have the shapes of the gradients and the compute type.
void add_conv2d_gradients(const Tensor& src, const Tensor& weights, const Tensor& gradient,
                          const Conv2dOptions& options, Conv2dGradients& sums);

/// Transposed convolution in memory, see conv2d_transpose_problem; on all processors. The result
/// has the compute type.
Tensor conv2d_transpose(const Tensor& src, const Tensor& weights, Index rows, Index columns,
                        const Conv2dOptions& options = {});

/// A convolution's tensors as stores: in memory, files, or a user's own.
struct GradientStores {
  Store* src = nullptr;       // [n,ci,y,x]
  Store* weights = nullptr;   // [co,ci/g,ky,kx]
  Store* gradient = nullptr;  // [n,co,Y,X], of the result
  /// Outputs of the compute type, like src, like weights and [co,1,1,1]; null: not computed.
  Store* out_src = nullptr;
  Store* out_weights = nullptr;
  Store* out_bias = nullptr;
  /// Adds to what the outputs hold, which are read and written then, part by part.
  bool add = false;
};

/// The gradients on stores of any size, all planned for `machine`, then run one after the other;
/// one trace each. The hints of `planning` are replaced by what the stores say; outputs are left
/// for the caller to commit. Throws InvalidArgument if an input is missing or a shape does not fit,
/// and as plan() and run() do.
std::vector<Trace> conv2d_gradients(const GradientStores& stores, const Conv2dOptions& options,
                                    const Machine& machine, const PlanOptions& planning = {},
                                    const RunOptions& running = {});

/// What `tilewright grad` is asked for.
struct GradientRequest {
  std::string src;       // path of the forward source
  std::string gradient;  // path of the gradient of the result
  std::string weights;   // path
  Conv2dOptions options;
  /// Where each gradient goes; empty: it is not computed.
  std::string out_src, out_weights, out_bias;
  /// "float32" or "float64" for the gradients; empty: the compute type of src. With float64 all is
  /// computed in it.
  std::string dtype{};
  /// Forced cuts hold for every gradient; their axes differ, so name one output when forcing.
  PlanOptions planning;
  bool overwrite = false;
};

/// "src", "weights" or "bias".
const char* gradient_name(Operand wrt);

/// One gradient of a request: opened and planned, nothing computed.
struct GradientJob {
  Operand wrt = Operand::kSrc;
  std::string dst;
  Problem problem;
  Plan plan;
  CreateOptions output;
  Store* src = nullptr;  // of the problem, in `Gradients`
  Store* weights = nullptr;
};

struct Gradients {
  std::unique_ptr<Store> src, gradient, weights, ones;
  Problem forward;
  std::vector<GradientJob> jobs;
};

/// Opens the inputs of `request` and plans each gradient for `machine`. Throws as open_store and
/// plan do, BudgetTooSmall with a budget that is enough for all; InvalidArgument if an output is an
/// input or another output, if none is named, or if the shapes do not belong together.
Gradients prepare(const GradientRequest& request, const Machine& machine);

/// Creates all outputs, runs the jobs one after the other, then commits all; one trace each. If
/// anything fails before all are complete, nothing stands under a final name; if one cannot be
/// given its name then, those before it keep theirs.
std::vector<Trace> run_gradients(const Gradients& gradients, const RunOptions& options = {});

}  // namespace tilewright
