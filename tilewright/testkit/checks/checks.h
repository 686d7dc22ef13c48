// The functions behind the table of checks.
#pragma once

#include <limits>

#include "tilewright/testkit/check.h"

namespace tilewright::testkit {

void check_reference_values(const Subject& subject, const Case& c, Finding& finding);
void check_finite(const Subject& subject, const Case& c, Finding& finding);
void check_jacobian(const Subject& subject, const Case& c, Finding& finding);
void check_adjoint(const Subject& subject, const Case& c, Finding& finding);
void check_precision(const Subject& subject, const Case& c, Finding& finding);
void check_batch(const Subject& subject, const Case& c, Finding& finding);
void check_variants(const Subject& subject, const Case& c, Finding& finding);
void check_strided_views(const Subject& subject, const Case& c, Finding& finding);
void check_accumulation(const Subject& subject, const Case& c, Finding& finding);
void check_values_round_trip(const Subject& subject, const Case& c, Finding& finding);
void check_frozen(const Subject& subject, const Case& c, Finding& finding);
void check_learning(const Subject& subject, const Case& c, Finding& finding);
void check_timing(const Subject& subject, const Case& c, Finding& finding);

/// The rounding, relative to their values, that results and derivatives of a right layer may have.
inline constexpr double kRounding = 16 * std::numeric_limits<double>::epsilon();

/// The gradient of the result that a case is checked with: its own, or made from its seed.
Tensor gradient_of(const Case& c, const Tensor& result);

/// All gradients, as many and of such sizes as the inputs. Throws InvalidArgument if backward gives
/// others.
Tensors gradients_of(const Subject& subject, const Tensors& inputs, const Tensor& gradient);

/// Compares every gradient in turn; `name` comes before "gradient of weights".
void compare_gradients(const Subject& subject, const Tensors& is, const Tensors& should,
                       double bound, const std::string& name, Finding& finding);

bool all_zero(const std::vector<double>& values);

/// Fails if all derivatives are zero by every input, or by one: zero[i] of input i. A case whose
/// result is made by hand may have an input without influence.
void fail_without_influence(const Subject& subject, const Case& c, const std::vector<bool>& zero,
                            Finding& finding);

}  // namespace tilewright::testkit
