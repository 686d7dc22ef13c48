// Groups, arrays and attributes. Georeference is stored as GDAL and xarray understand it: the
// coordinate system as an attribute, the positions of pixel centres as arrays "y" and "x".
#include "tilewright/store/gdal/zarr_layout.h"

#include <fmt/format.h>
#include <ogr_spatialref.h>

#include <algorithm>
#include <filesystem>

#include "tilewright/base/error.h"
#include "tilewright/store/gdal/gdal_types.h"

namespace tilewright {
namespace fs = std::filesystem;
namespace {

using Group = std::shared_ptr<GDALGroup>;
using Dimension = std::shared_ptr<GDALDimension>;

std::vector<Dimension> make_dimensions(GDALGroup& group, const CreateOptions& options) {
  std::vector<Dimension> list;
  for (std::size_t d = static_cast<std::size_t>(4 - options.rank); d < 4; ++d) {
    const char* types[] = {"", "", GDAL_DIM_TYPE_HORIZONTAL_Y, GDAL_DIM_TYPE_HORIZONTAL_X};
    list.push_back(group.CreateDimension(std::string(1, "ncyx"[d]), types[d], "",
                                         static_cast<GUInt64>(options.spec.shape[d])));
  }
  return list;
}

// Centres of pixels along an axis: origin + (i + 0.5) * step.
void write_positions(GDALGroup& group, const Dimension& dimension, double origin, double step) {
  const auto array = group.CreateMDArray(dimension->GetName(), {dimension},
                                         GDALExtendedDataType::Create(GDT_Float64), nullptr);
  if (array == nullptr) return;
  constexpr GUInt64 kPart = 8192;
  std::vector<double> values;
  for (GUInt64 begin = 0; begin < dimension->GetSize(); begin += kPart) {
    const std::size_t count = std::min(kPart, dimension->GetSize() - begin);
    values.resize(count);
    for (std::size_t i = 0; i < count; ++i)
      values[i] = origin + (static_cast<double>(begin + i) + 0.5) * step;
    array->Write(&begin, &count, nullptr, nullptr, array->GetDataType(), values.data());
  }
  dimension->SetIndexingVariable(array);
}

void write_attributes(GDALMDArray& array, const RasterMetadata& m, DType type) {
  if (const auto nodata = representable_nodata(m, type)) array.SetNoDataValue(*nodata);
  if (!m.projection_wkt.empty()) {
    OGRSpatialReference reference;
    reference.SetAxisMappingStrategy(OAMS_TRADITIONAL_GIS_ORDER);
    if (reference.importFromWkt(m.projection_wkt.c_str()) == OGRERR_NONE)
      array.SetSpatialRef(&reference);
  }
  for (const auto& [key, value] : m.items)
    if (const auto a = array.CreateAttribute(key, {}, GDALExtendedDataType::CreateString()))
      a->Write(value.c_str());
}

void lay_out(const GdalCall& call, const std::string& folder, const std::string& path,
             const CreateOptions& options) {
  GDALDriver* driver = GetGDALDriverManager()->GetDriverByName("Zarr");
  if (driver == nullptr)
    throw Unsupported(path + ": this GDAL has no Zarr driver; write .npy or .tif");
  const GdalDataset dataset(driver->CreateMultiDimensional(folder.c_str(), nullptr, nullptr));
  const Group root = dataset == nullptr ? nullptr : dataset->GetRootGroup();
  if (root == nullptr) call.fail("cannot be created", "check the folder, or write elsewhere");
  const auto dimensions = make_dimensions(*root, options);
  std::string blocks;
  for (std::size_t d = static_cast<std::size_t>(4 - options.rank); d < 4; ++d)
    blocks += fmt::format("{}{}", blocks.empty() ? "" : ",", zarr_chunk(options)[d]);
  CPLStringList list;
  list.SetNameValue("BLOCKSIZE", blocks.c_str());
  list.SetNameValue("COMPRESS", "NONE");
  const auto& g = options.metadata.geotransform;
  if (g && (*g)[2] == 0 && (*g)[4] == 0) {
    // GDAL names the axes of an array only if every one of them has positions.
    for (std::size_t d = 0; d + 2 < dimensions.size(); ++d)
      write_positions(*root, dimensions[d], -0.5, 1);
    write_positions(*root, dimensions.end()[-2], (*g)[3], (*g)[5]);
    write_positions(*root, dimensions.end()[-1], (*g)[0], (*g)[1]);
  }
  const auto array = root->CreateMDArray(
      "data", dimensions, GDALExtendedDataType::Create(gdal_type(options.spec.dtype)), list.List());
  if (array == nullptr) call.fail("cannot be created", "choose smaller blocks, or write .npy");
  write_attributes(*array, options.metadata, options.spec.dtype);
}

// GDAL 3.6 crashes when it guesses from coordinates that are not there.
bool has_positions(const GDALMDArray& array, std::size_t axis) {
  const auto dimensions = array.GetDimensions();
  return axis < dimensions.size() && dimensions[axis]->GetIndexingVariable() != nullptr;
}

}  // namespace

// An array in a group is opened through it, because the coordinates lie beside the array.
ZarrArray open_zarr_array(const ZarrHeader& header) {
  const GdalCall call(header.folder);
  const fs::path folder = header.folder;
  const bool grouped = fs::exists(folder.parent_path() / ".zgroup");
  ZarrArray result;
  result.dataset.reset(GDALDataset::Open((grouped ? folder.parent_path() : folder).c_str(),
                                         GDAL_OF_MULTIDIM_RASTER | GDAL_OF_VERBOSE_ERROR));
  const Group root = result.dataset == nullptr ? nullptr : result.dataset->GetRootGroup();
  if (root != nullptr) {
    const auto names = root->GetMDArrayNames();
    if (grouped)
      result.array = root->OpenMDArray(folder.filename().string());
    else if (!names.empty())
      result.array = root->OpenMDArray(names.front());
  }
  if (result.array == nullptr || call.failed())
    call.fail("GDAL cannot open this Zarr array", "store it uncompressed, or write .npy");
  return result;
}

RasterMetadata read_zarr_metadata(const GDALMDArray& array, int rank) {
  const std::string unnamed;
  const GdalCall quiet(unnamed);  // metadata are a courtesy: what cannot be read is left out
  RasterMetadata m;
  if (const auto reference = array.GetSpatialRef()) {
    char* wkt = nullptr;
    if (reference->exportToWkt(&wkt) == OGRERR_NONE) m.projection_wkt = wkt;
    CPLFree(wkt);
  }
  bool has_nodata = false;
  const double nodata = array.GetNoDataValueAsDouble(&has_nodata);
  if (has_nodata) m.nodata = nodata;
  std::array<double, 6> g{};
  const auto x = static_cast<std::size_t>(rank - 1);
  if (has_positions(array, x - 1) && has_positions(array, x) &&
      array.GuessGeoTransform(x, x - 1, false, g.data()))
    m.geotransform = g;
  for (const auto& a : array.GetAttributes())
    if (const char* text = a->ReadAsString()) m.items.emplace_back(a->GetName(), text);
  return m;
}

Shape zarr_chunk(const CreateOptions& options) {
  Shape chunk = options.block;
  for (std::size_t d = 0; d < 4; ++d)
    chunk[d] = std::clamp<Index>(chunk[d], 1, options.spec.shape[d]);
  return chunk;
}

void create_zarr_array(const std::string& folder, const std::string& path,
                       const CreateOptions& options) {
  if (options.spec.dtype == DType::kI8)
    throw Unsupported(path + ": Zarr output of int8 is not supported; choose int16, or write .npy");
  const GdalCall call(path);
  lay_out(call, folder, path, options);  // what it holds is flushed when it returns
  if (call.failed()) call.fail("cannot be laid out", "free some space or write elsewhere");
}

}  // namespace tilewright
