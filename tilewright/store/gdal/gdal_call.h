// Calls into GDAL: drivers registered once, messages collected instead of printed, failures turned
// into StoreErrors that name the file.
#pragma once

#include <gdal_priv.h>

#include <memory>
#include <string>

namespace tilewright {

/// While it lives, GDAL's messages of this thread are collected here. Not to be nested across
/// threads; costs well under a microsecond.
class GdalCall {
 public:
  explicit GdalCall(const std::string& path);
  ~GdalCall();
  GdalCall(const GdalCall&) = delete;
  GdalCall& operator=(const GdalCall&) = delete;

  /// A failure was reported, whatever the function returned.
  bool failed() const { return failed_; }
  /// A warning was reported that can mean lost pixels.
  bool warned() const { return warned_; }
  /// Throws StoreError "<path>: <what>: <GDAL's reason>; <way out>".
  [[noreturn]] void fail(const std::string& what, const std::string& way_out) const;

 private:
  static void collect(CPLErr kind, CPLErrorNum number, const char* text);

  const std::string& path_;
  std::string failure_;
  std::string warning_;
  bool failed_ = false;
  bool warned_ = false;
};

struct CloseGdal {
  void operator()(GDALDataset* dataset) const;
};
using GdalDataset = std::unique_ptr<GDALDataset, CloseGdal>;

}  // namespace tilewright
