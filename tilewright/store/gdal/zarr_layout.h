// The parts of Zarr that GDAL's multidimensional interface does: making the group, array and
// attributes of an output, and opening arrays for metadata and for encoded chunks.
#pragma once

#include "tilewright/store/gdal/gdal_call.h"
#include "tilewright/store/gdal/zarr_header.h"
#include "tilewright/store/store.h"

namespace tilewright {

struct ZarrArray {
  GdalDataset dataset;
  std::shared_ptr<GDALMDArray> array;
};

/// Throws StoreError if GDAL cannot open what the header describes.
ZarrArray open_zarr_array(const ZarrHeader& header);

RasterMetadata read_zarr_metadata(const GDALMDArray& array, int rank);

/// The chunk that an output with these options gets.
Shape zarr_chunk(const CreateOptions& options);

/// Makes the folder `folder` with one array "data" without chunks; errors name `path`.
void create_zarr_array(const std::string& folder, const std::string& path,
                       const CreateOptions& options);

}  // namespace tilewright
