// Element types and metadata between GDAL's world and ours.
#pragma once

#include <gdal_priv.h>

#include <string>

#include "tilewright/store/store.h"

namespace tilewright {

/// The type that holds every band's values exactly. Throws Unsupported (complex, 64-bit integers).
DType dtype_of_bands(GDALDataset& dataset, const std::string& path);

/// GDAL's type with the same bytes; int8 travels as bytes.
GDALDataType gdal_type(DType type);

/// Whether GDAL's own conversion to `to` is exact, or rounds as ours does.
bool gdal_converts(DType from, DType to);

RasterMetadata read_metadata(GDALDataset& dataset);

/// Everything but the nodata value.
void write_metadata(GDALDataset& dataset, const RasterMetadata& metadata);

/// The nodata value, if `type` can hold it.
std::optional<double> representable_nodata(const RasterMetadata& metadata, DType type);

}  // namespace tilewright
