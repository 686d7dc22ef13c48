// The library's layers as subjects, and with them every way in which they can be computed.
#pragma once

#include "tilewright/testkit/subject.h"

namespace tilewright::testkit {

/// conv2d(): inputs src, weights and, with `bias`, bias. Its variants are every kernel, and random
/// cuts and threads; all must give the same bits.
std::shared_ptr<const Subject> conv2d_subject(const Conv2dOptions& options = {}, bool bias = false);

/// Transposed convolution: the adjoint of a convolution with `options` (Padding::sides only), whose
/// source has `rows` x `columns` and whose weights are [ci,co/g,ky,kx]; inputs src and weights.
std::shared_ptr<const Subject> conv2d_transpose_subject(const Conv2dOptions& options, Index rows,
                                                        Index columns);

}  // namespace tilewright::testkit
