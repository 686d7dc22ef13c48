// The whole public surface of Tilewright.
#pragma once

#include "tilewright/base/error.h"
#include "tilewright/base/text.h"
#include "tilewright/geometry/cover.h"
#include "tilewright/geometry/interval.h"
#include "tilewright/geometry/window.h"
#include "tilewright/layer/conv2d/conv2d.h"
#include "tilewright/machine/machine.h"
#include "tilewright/network/problem.h"
#include "tilewright/store/store.h"
#include "tilewright/tensor/convert.h"
#include "tilewright/tensor/fingerprint.h"
#include "tilewright/tensor/tensor.h"
