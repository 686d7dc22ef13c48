// tilewright info and devices: what there is.
#include <fmt/format.h>

#include <memory>

#include "tilewright/cli/commands.h"

namespace tilewright::cli {
namespace {

struct InfoArguments {
  std::string path;
  bool json = false;
};

Json info_json(const Store& s) {
  const RasterMetadata& m = s.metadata();
  const StoreLayout layout = s.layout();
  Json j{{"description", s.describe()}, {"dtype", to_string(s.spec().dtype)},
         {"shape", s.spec().shape},     {"rank", s.rank()},
         {"bytes", s.spec().bytes()},   {"block", layout.block}};
  if (m.geotransform) j["geotransform"] = *m.geotransform;
  if (!m.projection_wkt.empty()) j["projection"] = m.projection_wkt;
  if (m.nodata) j["nodata"] = *m.nodata;
  if (!m.band_names.empty()) j["band_names"] = m.band_names;
  for (const auto& [key, value] : m.items) j["metadata"][key] = value;
  return j;
}

void info(const InfoArguments& a) {
  const auto store = open_store(a.path);
  const Json j = info_json(*store);
  if (a.json) return print(text_of(j) + "\n");
  print(fmt::format("{}\n  size  {} ({} elements of {})\n", store->describe(),
                    format_bytes(static_cast<double>(store->spec().bytes())),
                    store->spec().volume(), to_string(store->spec().dtype)));
  for (const char* key : {"geotransform", "projection", "nodata", "band_names", "metadata"})
    if (j.contains(key)) print(fmt::format("  {}  {}\n", key, text_of(j[key])));
}

void devices(bool json) {
  const Machine m = local_machine();
  const double peak = fma_peak(m.threads);
  if (json) {
    Json j{{"threads", m.threads},
           {"host_bytes", m.host_bytes},
           {"fma_peak_gflops", peak},
           {"measured", m.measured},
           {"remark", m.remark}};
    for (const std::string& d : device_descriptions()) j["devices"].push_back(d);
    for (const KernelInfo& k : m.kernels)
      j["kernels"].push_back({{"device", k.device},
                              {"name", k.name},
                              {"layer", k.layer},
                              {"order", to_string(k.order)},
                              {"flop_per_second", k.per_second.flop},
                              {"bytes_per_second", k.per_second.bytes},
                              {"visits_per_second", k.per_second.visits},
                              {"problems_measured", k.samples.size()}});
    return print(text_of(j) + "\n");
  }
  print(fmt::format("{} threads, {} allowed by default, {:.0f} GFLOP/s measured f32 peak\n",
                    m.threads, format_bytes(static_cast<double>(m.host_bytes)), peak));
  if (!m.remark.empty()) fmt::print(stderr, "tilewright: {}\n", m.remark);
  print(m.measured.empty() ? "rates are first guesses; tilewright tune measures them\n"
                           : fmt::format("rates measured {} by tilewright tune\n", m.measured));
  for (const std::string& d : device_descriptions()) print(d + "\n");
  for (const KernelInfo& k : m.kernels)
    print(fmt::format("  {}:{}  {} order\n", k.device, k.name, to_string(k.order)));
}

}  // namespace

void define_info(CLI::App& app, int&) {
  auto a = std::make_shared<InfoArguments>();
  app.add_option("PATH", a->path, "raster or array")->required();
  app.add_flag("--json", a->json, "results as JSON");
  app.add_flag_callback(
      "--quiet", [] {}, "no remarks (there are none)");
  app.callback([a] { info(*a); });
}

void define_devices(CLI::App& app, int&) {
  auto json = std::make_shared<bool>(false);
  app.add_flag("--json", *json, "results as JSON");
  app.add_flag_callback(
      "--quiet", [] {}, "no remarks (there are none)");
  app.callback([json] { devices(*json); });
}

}  // namespace tilewright::cli
