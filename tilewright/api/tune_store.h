// Where measurements of this machine are kept between runs, and what is believed of such a file.
#pragma once

#include <optional>
#include <string>

#include "tilewright/plan/calibrate.h"

namespace tilewright {

/// What rates depend on: processor, vector unit, threads, version of the program.
std::string hardware_key(int threads);

/// The file of this machine: what $TILEWRIGHT_TUNE names, else one in $XDG_CACHE_HOME/tilewright or
/// ~/.cache/tilewright, named for the hardware. Empty if there is no such folder, or if
/// $TILEWRIGHT_TUNE is "none".
std::string tune_path(int threads);

/// Throws StoreError if `path` is taken by something that is neither empty nor a file of
/// measurements, of whatever machine.
void check_replaceable(const std::string& path);

/// Writes `found` to `path`, with its folders; the file appears complete or not at all. Throws
/// StoreError, also where check_replaceable does.
void save_measurements(const std::string& path, const Measurements& found);

/// Text of such a file, and back. Throws InvalidArgument, with the reason, for anything that
/// save_measurements would not have written for this hardware.
std::string to_json(const Measurements& found);
Measurements parse_measurements(const std::string& text);

/// What `path` holds; nothing if there is no such file. If it cannot be used, or was named by
/// $TILEWRIGHT_TUNE and is missing, nothing either, and `remark` says why in one line.
std::optional<Measurements> load_measurements(const std::string& path, int threads,
                                              std::string& remark);

}  // namespace tilewright
