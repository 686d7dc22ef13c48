#include <gdal_priv.h>
#include <ogr_spatialref.h>

#include "tilewright/store/conformance.h"

namespace tilewright {
namespace {

using testing::TestFolder;

TEST(ZarrStore, conforms) {
  testing::store_conformance(
      ".zarr",
      {DType::kU8, DType::kU16, DType::kI16, DType::kU32, DType::kI32, DType::kF32, DType::kF64},
      4);
}

void make(const std::string& path, const Tensor& truth) {
  const auto store = create_store(
      path, {.spec = truth.spec(), .rank = 2, .metadata = {}, .block = {1, 1, 16, 16}});
  store->write(whole(truth.shape()), truth.view());
  store->commit();
}

TEST(ZarrStore, missing_chunks_are_fill_and_truncated_ones_errors) {
  const TestFolder folder;
  const Tensor truth = testing::numbered({DType::kF32, {1, 1, 40, 40}});
  make(folder / "a.zarr", truth);
  std::filesystem::remove(folder / "a.zarr/data/1.1");
  std::filesystem::resize_file(folder / "a.zarr/data/0.1", 100);
  const auto store = open_store(folder / "a.zarr");
  Tensor t(DType::kF32, {1, 1, 16, 16});

  store->read({{{{0, 1}, {0, 1}, {16, 32}, {16, 32}}}}, t.view());
  const std::string message = testing::message_of<StoreError>([&] {
    store->read({{{{0, 1}, {0, 1}, {0, 16}, {16, 32}}}}, t.view());
  });

  EXPECT_EQ(t.data<float>()[7], 0);
  EXPECT_NE(message.find("100 of 1024 bytes"), std::string::npos) << message;
}

// Encodes the array at `path` anew, compressed, by GDAL.
void compress(const std::string& path, const std::string& to, const Tensor& truth) {
  GDALAllRegister();
  std::unique_ptr<GDALDataset> data(
      GetGDALDriverManager()->GetDriverByName("Zarr")->CreateMultiDimensional(to.c_str(), nullptr,
                                                                              nullptr));
  const auto root = data->GetRootGroup();
  const Shape& s = truth.shape();
  CPLStringList list;
  list.SetNameValue("COMPRESS", "ZLIB");
  list.SetNameValue("BLOCKSIZE", "16,16");
  const auto array =
      root->CreateMDArray("a",
                          {root->CreateDimension("y", "", "", static_cast<GUInt64>(s[2])),
                           root->CreateDimension("x", "", "", static_cast<GUInt64>(s[3]))},
                          GDALExtendedDataType::Create(GDT_Float32), list.List());
  const GUInt64 start[] = {0, 0};
  const std::size_t count[] = {static_cast<std::size_t>(s[2]), static_cast<std::size_t>(s[3])};
  ASSERT_TRUE(
      array->Write(start, count, nullptr, nullptr, array->GetDataType(), truth.data<char>()))
      << path;
}

TEST(ZarrStore, reads_compressed_chunks_through_gdal) {
  const TestFolder folder;
  const Tensor truth = testing::numbered({DType::kF32, {1, 1, 40, 40}});
  compress("", folder / "c.zarr", truth);

  testing::expect_random_regions(*open_store(folder / "c.zarr"), truth, 30, 3);

  const std::string chunk = folder / "c.zarr/a/0.0";
  for (const Index size : {0, 1, 20, static_cast<int>(std::filesystem::file_size(chunk)) - 1}) {
    std::filesystem::resize_file(chunk, static_cast<std::uintmax_t>(size));
    Tensor t(truth.spec());
    const auto store = open_store(folder / "c.zarr");
    testing::message_of<StoreError>([&] { store->read(whole(t.shape()), t.view()); });
  }
}

TEST(ZarrStore, carries_georeference) {
  const TestFolder folder;
  CreateOptions options{.spec = {DType::kF32, {1, 1, 20, 30}}, .rank = 2, .metadata = {}};
  options.metadata.geotransform = {{1000, 10, 0, 2000, 0, -5}};
  options.metadata.nodata = -9999;
  options.metadata.items = {{"AREA_OR_POINT", "Area"}};
  OGRSpatialReference reference;
  reference.importFromEPSG(32633);
  char* wkt = nullptr;
  reference.exportToWkt(&wkt);
  options.metadata.projection_wkt = wkt;
  CPLFree(wkt);

  create_store(folder / "g.zarr", options)->commit();
  const RasterMetadata found = open_store(folder / "g.zarr")->metadata();

  EXPECT_EQ(found.geotransform, options.metadata.geotransform);
  EXPECT_EQ(found.nodata, options.metadata.nodata);
  EXPECT_NE(found.projection_wkt.find("UTM zone 33N"), std::string::npos);
  EXPECT_EQ(found.items, options.metadata.items);
}

TEST(ZarrStore, names_what_is_wrong_with_a_header) {
  const TestFolder folder;
  const std::string path = folder / "h.zarr";
  std::filesystem::create_directory(path);
  const auto with = [&](const std::string& text) {
    std::ofstream(path + "/.zarray") << text;
    return [&] { open_store(path); };
  };
  const std::string rest =
      R"("compressor":null,"filters":null,"order":"C","zarr_format":2,"fill_value":0})";

  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), std::string("{}"),
        R"({"shape":[4,0],"chunks":[2,2],"dtype":"<f4",)" + rest,
        R"({"shape":[4,-4],"chunks":[2,2],"dtype":"<f4",)" + rest,
        R"({"shape":[4,4],"chunks":[2,2,2],"dtype":"<f4",)" + rest,
        R"({"shape":["4",4],"chunks":[2,2],"dtype":"<f4",)" + rest,
        R"({"shape":[4000000000000,4000000000000],"chunks":[2,2],"dtype":"<f4",)" + rest})
    EXPECT_EQ(testing::message_of<StoreError>(with(text)).find(path), 0u) << text;
  testing::message_of<Unsupported>(with(R"({"shape":[4],"chunks":[2],"dtype":"<f4",)" + rest));
  testing::message_of<Unsupported>(with(R"({"shape":[4,4],"chunks":[2,2],"dtype":"<c8",)" + rest));
}

}  // namespace
}  // namespace tilewright
