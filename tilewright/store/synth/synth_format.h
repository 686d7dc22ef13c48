// Pictures that are computed, not stored: "synth:noise,c=3,y=65536,x=65536,dtype=uint8,seed=7".
// Rows of the table of formats; the syntax is described in README.md.
#pragma once

#include "tilewright/store/store.h"

namespace tilewright {

bool opens_synth(const std::string& path);
std::unique_ptr<Store> open_synth(const std::string& spec);

}  // namespace tilewright
