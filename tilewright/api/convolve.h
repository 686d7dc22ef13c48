// conv2d from stores to stores and from files to files: joins opening, planning and running.
#pragma once

#include <optional>

#include "tilewright/api/files.h"
#include "tilewright/api/machine.h"
#include "tilewright/plan/plan.h"
#include "tilewright/run/run.h"
#include "tilewright/store/store.h"

namespace tilewright {

/// What `tilewright conv` is asked for.
struct ConvolveRequest {
  std::string src;
  std::string dst;
  std::string weights;  // path; or
  std::string kernel;   // a filter for every band
  std::string bias;     // path, empty for none
  Conv2dOptions options;
  /// Element type of the output: empty for the compute type, "same" for the source's.
  std::string dtype;
  PlanOptions planning;
  std::optional<std::string> saved_plan;      // JSON text; cuts and kernel are taken from it
  bool exact_given = false;                   // planning.least holds for the saved plan too
  std::string saved_plan_name = "plan file";  // for messages
  bool overwrite = false;
};

/// Everything opened and planned, nothing computed.
struct Convolution {
  std::unique_ptr<Store> src, weights, bias;
  Problem problem;
  Plan plan;
  CreateOptions output;
};

/// Opens the inputs of `request` and plans for `machine`. Throws as open_store and plan do, and
/// InvalidArgument if dst is one of the inputs.
Convolution prepare(const ConvolveRequest& request, const Machine& machine);

/// Creates request.dst, runs, commits. On any error nothing stands under the final name.
Trace convolve(const ConvolveRequest& request, Convolution& convolution,
               const RunOptions& options = {});

/// conv2d in memory: src [n,ci,y,x], weights [co,ci/g,ky,kx], optional bias [1,co,1,1] (or null),
/// on all processors. The result has the compute type. Throws InvalidArgument for shapes that do
/// not fit.
Tensor conv2d(const Tensor& src, const Tensor& weights, const Conv2dOptions& options = {},
              const Tensor* bias = nullptr);

/// The result of `problem` on tensors, planned for all processors and the memory that is free; dst
/// has the problem's spec. `bias` may be null.
Tensor compute(const Problem& problem, const Tensor& src, const Tensor& weights,
               const Tensor* bias = nullptr);

/// Runs `plan` on tensors; `dst` must have the plan's dst spec.
Trace run(const Plan& plan, const Tensor& src, const Tensor& weights, const Tensor* bias,
          Tensor& dst, const RunOptions& options = {});

}  // namespace tilewright
