// The error handler is per thread, so stores of several threads do not mix their messages.
#include "tilewright/store/gdal/gdal_call.h"

#include <fmt/format.h>

#include <mutex>
#include <string_view>

#include "tilewright/base/error.h"

namespace tilewright {
namespace {

// Remarks on tags or on coordinate systems: no pixel depends on them.
bool harmless(std::string_view text) {
  for (const char* start : {"PROJ:", "TIFFReadDirectory:", "TIFFFetchNormalTag:"})
    if (text.find(start) != std::string_view::npos) return true;
  return false;
}

std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) line += c == '\n' || c == '\r' ? ' ' : c;
  while (!line.empty() && (line.back() == ' ' || line.back() == '.')) line.pop_back();
  return line;
}

}  // namespace

GdalCall::GdalCall(const std::string& path) : path_(path) {
  static std::once_flag registered;
  CPLPushErrorHandlerEx(&GdalCall::collect, this);
  std::call_once(registered, GDALAllRegister);
  CPLSetThreadLocalConfigOption("GDAL_ERROR_ON_LIBJPEG_WARNING", "TRUE");
}

GdalCall::~GdalCall() { CPLPopErrorHandler(); }

void GdalCall::collect(CPLErr kind, CPLErrorNum, const char* text) {
  auto* call = static_cast<GdalCall*>(CPLGetErrorHandlerUserData());
  if (call == nullptr || kind == CE_None || kind == CE_Debug || harmless(text)) return;
  const bool failure = kind != CE_Warning;
  std::string& message = failure ? call->failure_ : call->warning_;
  if (message.empty()) message = one_line(text);
  (failure ? call->failed_ : call->warned_) = true;
}

void GdalCall::fail(const std::string& what, const std::string& way_out) const {
  const std::string& reason = failure_.empty() ? warning_ : failure_;
  throw StoreError(
      fmt::format("{}: {}{}{}; {}", path_, what, reason.empty() ? "" : ": ", reason, way_out));
}

void CloseGdal::operator()(GDALDataset* dataset) const {
  const std::string unnamed;
  const GdalCall quiet(unnamed);
  GDALClose(dataset);
}

}  // namespace tilewright
