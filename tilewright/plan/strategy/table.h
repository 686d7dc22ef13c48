// One accessor per strategy file, for the table.
#pragma once

#include "tilewright/plan/strategy/strategy.h"

namespace tilewright {

const Strategy& batch_strategy();
const Strategy& groups_strategy();
const Strategy& output_channels_strategy();
const Strategy& input_channels_strategy();
const Strategy& rows_strategy();
const Strategy& columns_strategy();
const Strategy& tap_rows_strategy();
const Strategy& tap_columns_strategy();

}  // namespace tilewright
