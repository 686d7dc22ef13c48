// Select: fills a tile with the padded window of a source, reading what lies inside the image and
// making the padding in place.
#pragma once

#include "tilewright/layer/layer.h"
#include "tilewright/store/store.h"

namespace tilewright {

/// Fills rows `fresh` (padded coordinates) of `tile`, which shows `window` of `src`. Rows outside
/// `fresh` must be valid already: padding may be copied from them. Returns the bytes asked of src.
double select_window(Store& src, const Layer& layer, const Region& window, const Interval& fresh,
                     const TensorView& tile);

/// Reads `region` of the weights into dense `block`, in the order in which taps are summed.
/// Returns the bytes that arrive, in the type of `block`.
double select_weights(Store& weights, const Layer& layer, const Region& region,
                      const TensorView& block);

/// Where taps that are used in reversed order are stored.
Region stored_taps(const Layer& layer, const Region& region);
/// Turns every plane of a dense block by 180 degrees.
void reverse_taps(const TensorView& block);

}  // namespace tilewright
