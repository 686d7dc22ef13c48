// The functions behind the table of checks.
#pragma once

#include "tilewright/testkit/check.h"

namespace tilewright::testkit {

void check_reference_values(const Subject& subject, const Case& c, Finding& finding);
void check_jacobian(const Subject& subject, const Case& c, Finding& finding);
void check_adjoint(const Subject& subject, const Case& c, Finding& finding);
void check_batch(const Subject& subject, const Case& c, Finding& finding);
void check_variants(const Subject& subject, const Case& c, Finding& finding);
void check_strided_views(const Subject& subject, const Case& c, Finding& finding);
void check_accumulation(const Subject& subject, const Case& c, Finding& finding);
void check_values_round_trip(const Subject& subject, const Case& c, Finding& finding);
void check_frozen(const Subject& subject, const Case& c, Finding& finding);
void check_learning(const Subject& subject, const Case& c, Finding& finding);
void check_timing(const Subject& subject, const Case& c, Finding& finding);

/// The gradient of the result that a case is checked with: its own, or made from its seed.
Tensor gradient_of(const Case& c, const Tensor& result);

/// Compares every gradient in turn; `name` comes before "gradient of weights".
void compare_gradients(const Subject& subject, const Tensors& inputs, const Tensors& is,
                       const Tensors& should, double bound, const std::string& name,
                       std::uint64_t seed, Finding& finding);

}  // namespace tilewright::testkit
