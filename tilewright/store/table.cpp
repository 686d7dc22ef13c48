// All formats, in the order in which they are asked. To add one: a folder store/<name>/ and a row.
#include "tilewright/store/gdal/gdal_format.h"
#include "tilewright/store/gdal/zarr_format.h"
#include "tilewright/store/npy/npy_format.h"
#include "tilewright/store/store.h"
#include "tilewright/store/synth/synth_format.h"

namespace tilewright {

const std::vector<StoreFormat>& store_table() {
  static const std::vector<StoreFormat> table{
      {"synth", "synth:... (computed)", opens_synth, open_synth, nullptr, nullptr, nullptr},
      {"npy", ".npy (NumPy)", opens_npy, open_npy, creates_npy, create_npy, planned_npy},
      {"zarr", ".zarr (Zarr version 2)", opens_zarr, open_zarr, creates_zarr, create_zarr,
       planned_zarr},
      {"gdal", ".tif (tiled BigTIFF)", opens_gdal, open_gdal, creates_gdal, create_gdal,
       planned_gdal},
  };
  return table;
}

}  // namespace tilewright
