// Types and metadata. Nothing is interpreted: what cannot be carried over is left out.
#include "tilewright/store/gdal/gdal_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tilewright/base/error.h"
#include "tilewright/tensor/convert.h"

namespace tilewright {
namespace {

bool is_signed_byte(GDALRasterBand& band) {
  const char* type = band.GetMetadataItem("PIXELTYPE", "IMAGE_STRUCTURE");
  return band.GetRasterDataType() == GDT_Byte && type != nullptr && EQUAL(type, "SIGNEDBYTE");
}

// Descriptions of the planes of the original file, which would be wrong in any other.
bool travels(const std::string& key, const std::string& value) {
  if (key.starts_with("TIFFTAG_MINSAMPLE") || key.starts_with("TIFFTAG_MAXSAMPLE")) return false;
  return !(key == "TIFFTAG_IMAGEDESCRIPTION" && value.find("<OME") != std::string::npos);
}

}  // namespace

DType dtype_of_bands(GDALDataset& dataset, const std::string& path) {
  GDALDataType type = dataset.GetRasterBand(1)->GetRasterDataType();
  int signed_bytes = 0;
  for (int b = 1; b <= dataset.GetRasterCount(); ++b) {
    type = GDALDataTypeUnion(type, dataset.GetRasterBand(b)->GetRasterDataType());
    signed_bytes += is_signed_byte(*dataset.GetRasterBand(b));
  }
  if (signed_bytes > 0 && (signed_bytes < dataset.GetRasterCount() || type != GDT_Byte))
    throw Unsupported(path + ": mixes int8 bands with others; convert with gdal_translate -ot");
  if (signed_bytes > 0) return DType::kI8;
  switch (type) {
    case GDT_Byte:
      return DType::kU8;
    case GDT_UInt16:
      return DType::kU16;
    case GDT_Int16:
      return DType::kI16;
    case GDT_UInt32:
      return DType::kU32;
    case GDT_Int32:
      return DType::kI32;
    case GDT_Float32:
      return DType::kF32;
    case GDT_Float64:
      return DType::kF64;
    default:
      throw Unsupported(fmt::format(
          "{}: element type {} is not supported; convert with gdal_translate -ot Float32", path,
          GDALGetDataTypeName(type)));
  }
}

GDALDataType gdal_type(DType type) {
  constexpr GDALDataType kTypes[] = {GDT_Byte,   GDT_Byte,  GDT_UInt16,  GDT_Int16,
                                     GDT_UInt32, GDT_Int32, GDT_Float32, GDT_Float64};
  return kTypes[static_cast<std::size_t>(type)];
}

bool gdal_converts(DType from, DType to) {
  if (from == to || (to == DType::kF64 && from != DType::kI8)) return true;
  return to == DType::kF32 && (from == DType::kU8 || from == DType::kU16 || from == DType::kI16);
}

RasterMetadata read_metadata(GDALDataset& dataset) {
  RasterMetadata m;
  m.projection_wkt = dataset.GetProjectionRef();
  std::array<double, 6> g{};
  if (dataset.GetGeoTransform(g.data()) == CE_None) m.geotransform = g;
  int has_nodata = 0;
  const double nodata = dataset.GetRasterBand(1)->GetNoDataValue(&has_nodata);
  if (has_nodata) m.nodata = nodata;
  bool named = false;
  for (int b = 1; b <= dataset.GetRasterCount(); ++b) {
    m.band_names.emplace_back(dataset.GetRasterBand(b)->GetDescription());
    named |= !m.band_names.back().empty();
  }
  if (!named) m.band_names.clear();
  for (char** item = dataset.GetMetadata(); item != nullptr && *item != nullptr; ++item) {
    char* key = nullptr;
    const char* value = CPLParseNameValue(*item, &key);
    if (key != nullptr && value != nullptr && travels(key, value)) m.items.emplace_back(key, value);
    CPLFree(key);
  }
  return m;
}

void write_metadata(GDALDataset& dataset, const RasterMetadata& m) {
  if (!m.projection_wkt.empty()) dataset.SetProjection(m.projection_wkt.c_str());
  if (m.geotransform) {
    auto g = *m.geotransform;
    dataset.SetGeoTransform(g.data());
  }
  const auto bands = std::min<std::size_t>(m.band_names.size(),
                                           static_cast<std::size_t>(dataset.GetRasterCount()));
  for (std::size_t b = 0; b < bands; ++b)
    dataset.GetRasterBand(static_cast<int>(b) + 1)->SetDescription(m.band_names[b].c_str());
  CPLStringList items;
  for (const auto& [key, value] : m.items) items.SetNameValue(key.c_str(), value.c_str());
  if (items.Count() > 0) dataset.SetMetadata(items.List());
}

std::optional<double> representable_nodata(const RasterMetadata& m, DType type) {
  if (!m.nodata || is_float(type)) return m.nodata;
  const bool fits = dispatch(type, [&](auto to) {
    return static_cast<double>(convert_value<decltype(to)>(*m.nodata)) == *m.nodata;
  });
  return fits ? m.nodata : std::nullopt;
}

}  // namespace tilewright
