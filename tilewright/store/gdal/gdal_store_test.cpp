#include <gdal_priv.h>
#include <ogr_spatialref.h>

#include "tilewright/store/conformance.h"

namespace tilewright {
namespace {

using testing::message_of;
using testing::TestFolder;

GDALDataType type_of(DType t) {
  constexpr GDALDataType kTypes[] = {GDT_Byte,   GDT_Byte,  GDT_UInt16,  GDT_Int16,
                                     GDT_UInt32, GDT_Int32, GDT_Float32, GDT_Float64};
  return kTypes[static_cast<std::size_t>(t)];
}

// Writes `truth` by GDAL itself, through a copy in its memory driver.
void save(const std::string& path, const char* driver, const Tensor& truth,
          const std::vector<const char*>& options = {}) {
  GDALAllRegister();
  const Shape& s = truth.shape();
  const auto [w, h, bands] =
      std::tuple(static_cast<int>(s[3]), static_cast<int>(s[2]), static_cast<int>(s[1]));
  auto* manager = GetGDALDriverManager();
  std::unique_ptr<GDALDataset> memory(
      manager->GetDriverByName("MEM")->Create("", w, h, bands, type_of(truth.dtype()), nullptr));
  Tensor copy = truth;
  ASSERT_EQ(memory->RasterIO(GF_Write, 0, 0, w, h, copy.data<char>(), w, h, type_of(truth.dtype()),
                             bands, nullptr, 0, 0, 0, nullptr),
            CE_None);
  CPLStringList list;
  for (const char* o : options) list.AddString(o);
  std::unique_ptr<GDALDataset> file(manager->GetDriverByName(driver)->CreateCopy(
      path.c_str(), memory.get(), false, list.List(), nullptr, nullptr));
  ASSERT_NE(file, nullptr) << path;
}

Tensor read_all(Store& store) {
  Tensor t(store.spec());
  store.read(whole(t.shape()), t.view());
  return t;
}

TEST(GdalStore, conforms) {
  testing::store_conformance(".tif", {kDTypes.begin(), kDTypes.end()}, 3);
}

struct Variant {
  const char* name;
  const char* driver;
  DType dtype;
  Index bands;
  std::vector<const char*> options;
};

const std::vector<Variant> kVariants{
    {"strips.tif", "GTiff", DType::kU8, 3, {}},
    {"rows.tif", "GTiff", DType::kF32, 1, {"BLOCKYSIZE=1"}},
    {"planar.tif", "GTiff", DType::kI16, 4, {"INTERLEAVE=BAND", "BLOCKYSIZE=7"}},
    {"tiles.tif", "GTiff", DType::kF64, 2, {"TILED=YES", "BLOCKXSIZE=32", "BLOCKYSIZE=16"}},
    {"big.tif", "GTiff", DType::kU16, 3, {"BIGTIFF=YES", "TILED=YES", "INTERLEAVE=BAND"}},
    {"motorola.tif", "GTiff", DType::kU32, 2, {"ENDIANNESS=BIG"}},
    {"deflate.tif", "GTiff", DType::kI32, 3, {"COMPRESS=DEFLATE", "PREDICTOR=2"}},
    {"lzw.tif", "GTiff", DType::kF32, 2, {"COMPRESS=LZW", "TILED=YES"}},
    {"bits.tif", "GTiff", DType::kU16, 1, {"NBITS=16"}},
    {"cog.tif", "COG", DType::kU8, 3, {}},
    {"a.png", "PNG", DType::kU8, 3, {}},
    {"a16.png", "PNG", DType::kU16, 1, {}},
    {"a.bmp", "BMP", DType::kU8, 1, {}},
    {"a.fits", "FITS", DType::kF32, 2, {}},
};

TEST(GdalStore, reads_every_layout) {
  const TestFolder folder;
  for (const Variant& v : kVariants) {
    SCOPED_TRACE(v.name);
    const Tensor truth = testing::numbered({v.dtype, {1, v.bands, 77, 130}});
    save(folder / v.name, v.driver, truth, v.options);

    const auto store = open_store(folder / v.name);

    EXPECT_EQ(store->spec(), truth.spec());
    EXPECT_EQ(store->rank(), v.bands == 1 ? 2 : 3);
    testing::expect_random_regions(*store, truth, 25, 4);
  }
}

// A cut file either cannot be read, or everything that was read is right (what was cut off was
// not needed). It must never crash, hang or give other pixels.
void expect_cuts_are_noticed(const std::string& path, const std::string& cut, int count) {
  const Tensor truth = read_all(*open_store(path));
  const auto size = std::filesystem::file_size(path);
  std::mt19937_64 random(11);
  int noticed = 0;
  for (int i = 0; i < count; ++i) {
    const auto keep = i == 0 ? size - 1 : random() % size;
    std::filesystem::copy_file(path, cut, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(cut, keep);
    try {
      const auto store = open_store(cut);
      EXPECT_TRUE(testing::same_bytes(read_all(*store), truth))
          << path << " cut at " << keep << " of " << size << " gives wrong pixels";
    } catch (const Error& error) {
      ++noticed;
      EXPECT_EQ(std::string(error.what()).find(cut), 0u) << error.what();
    }
  }
  EXPECT_GT(noticed, 0) << path;
}

TEST(GdalStore, notices_truncated_files) {
  const TestFolder folder;
  std::vector<Variant> variants = kVariants;
  variants.push_back({"a.jpg", "JPEG", DType::kU8, 3, {}});
  variants.push_back({"progressive.jpg", "JPEG", DType::kU8, 3, {"PROGRESSIVE=ON"}});
  variants.push_back({"jpeg.tif", "GTiff", DType::kU8, 3, {"COMPRESS=JPEG", "PHOTOMETRIC=YCBCR"}});
  for (const Variant& v : variants) {
    SCOPED_TRACE(v.name);
    const Tensor truth = testing::numbered({v.dtype, {1, v.bands, 77, 130}});
    save(folder / v.name, v.driver, truth, v.options);
    expect_cuts_are_noticed(folder / v.name, folder / ("cut_" + std::string(v.name)), 100);
  }
}

TEST(GdalStore, real_files_cut_at_100_places) {
  const std::filesystem::path data =
      std::filesystem::path(__FILE__).parent_path() / "../../../../shared/data";
  if (!std::filesystem::exists(data)) GTEST_SKIP() << "no real files at hand";
  const TestFolder folder;
  for (const char* name : {"RGB.byte.tif", "sample.tif", "WFPC2u5780205r_c0fx.fits",
                           "multi-channel-z-series.ome.tif", "CMU-1-Small-Region.svs"}) {
    if (!std::filesystem::exists(data / name)) continue;
    SCOPED_TRACE(name);
    const bool slow = std::string(name).ends_with(".svs");
    expect_cuts_are_noticed((data / name).string(), folder / name, slow ? 20 : 100);
  }
}

TEST(GdalStore, refuses_complex_numbers) {
  const TestFolder folder;
  GDALAllRegister();
  delete GetGDALDriverManager()->GetDriverByName("GTiff")->Create((folder / "c.tif").c_str(), 4, 4,
                                                                  1, GDT_CFloat32, nullptr);

  EXPECT_NE(message_of<Unsupported>([&] { open_store(folder / "c.tif"); }).find("CFloat32"),
            std::string::npos);
}

TEST(GdalStore, sparse_tiles_hold_the_nodata_value) {
  const TestFolder folder;
  GDALAllRegister();
  CPLStringList list;
  list.AddString("SPARSE_OK=TRUE");
  list.AddString("TILED=YES");
  std::unique_ptr<GDALDataset> file(GetGDALDriverManager()->GetDriverByName("GTiff")->Create(
      (folder / "s.tif").c_str(), 600, 600, 1, GDT_Float32, list.List()));
  file->GetRasterBand(1)->SetNoDataValue(-7);
  file.reset();

  const Tensor t = read_all(*open_store(folder / "s.tif"));

  EXPECT_EQ(t.data<float>()[123456], -7);
}

TEST(GdalStore, carries_metadata) {
  const TestFolder folder;
  CreateOptions options{.spec = {DType::kU8, {1, 2, 40, 50}}, .rank = 3, .metadata = {}};
  RasterMetadata& m = options.metadata;
  m.geotransform = {{1000, 10, 0, 2000, 0, -5}};
  m.nodata = 9;
  m.band_names = {"red", "near infrared"};
  m.items = {{"TIFFTAG_XRESOLUTION", "300"},
             {"TIFFTAG_YRESOLUTION", "150"},
             {"TIFFTAG_RESOLUTIONUNIT", "2 (pixels/inch)"},
             {"AREA_OR_POINT", "Area"},
             {"author", "A. B."}};
  OGRSpatialReference reference;
  reference.importFromEPSG(32633);
  char* wkt = nullptr;
  reference.exportToWkt(&wkt);
  m.projection_wkt = wkt;
  CPLFree(wkt);
  const Tensor truth = testing::numbered(options.spec);

  const auto store = create_store(folder / "m.tif", options);
  store->write(whole(truth.shape()), truth.view());
  store->commit();
  const auto opened = open_store(folder / "m.tif");
  const RasterMetadata& found = opened->metadata();

  EXPECT_EQ(found.geotransform, m.geotransform);
  EXPECT_NE(found.projection_wkt.find("UTM zone 33N"), std::string::npos);
  EXPECT_EQ(found.nodata, m.nodata);
  EXPECT_EQ(found.band_names, m.band_names);
  for (const auto& item : m.items)
    EXPECT_EQ(std::count(found.items.begin(), found.items.end(), item), 1) << item.first;
  EXPECT_TRUE(testing::same_bytes(read_all(*opened), truth));
}

TEST(GdalStore, gdal_reads_what_was_written) {
  const TestFolder folder;
  const Tensor truth = testing::numbered({DType::kI16, {1, 3, 100, 90}});
  const auto store =
      create_store(folder / "w.tif", {.spec = truth.spec(), .rank = 3, .metadata = {}});
  testing::write_in_pieces(*store, truth);
  store->commit();
  Tensor t(truth.spec());

  std::unique_ptr<GDALDataset> file(GDALDataset::Open((folder / "w.tif").c_str(), GDAL_OF_RASTER));
  ASSERT_NE(file, nullptr);
  ASSERT_EQ(file->RasterIO(GF_Read, 0, 0, 90, 100, t.data<char>(), 90, 100, GDT_Int16, 3, nullptr,
                           0, 0, 0, nullptr),
            CE_None);

  EXPECT_TRUE(testing::same_bytes(t, truth));
}

TEST(GdalStore, counts_the_index_of_a_tiff) {
  const TestFolder folder;
  const Tensor truth = testing::numbered({DType::kU8, {1, 1, 256, 256}});
  const auto scratch = [&](const char* name, std::vector<const char*> options) {
    save(folder / name, "GTiff", truth, options);
    return open_store(folder / name)->layout().scratch_bytes;
  };
  const auto tiled = [](const char* compression) {
    return std::vector<const char*>{"TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16", compression};
  };
  const auto whole = [](const char* compression) {
    return std::vector<const char*>{"TILED=YES", "BLOCKXSIZE=256", "BLOCKYSIZE=256", compression};
  };
  CreateOptions output{.spec = truth.spec(), .rank = 2, .metadata = {}};
  const Index one_tile = planned_layout("a.tif", output).scratch_bytes;
  output.block = {1, 1, 16, 16};

  const Index plain = scratch("plain.tif", tiled("COMPRESS=NONE"));
  const Index packed = scratch("packed.tif", tiled("COMPRESS=LZW"));
  const Index planned = planned_layout("a.tif", output).scratch_bytes;

  EXPECT_EQ(plain - scratch("plain1.tif", whole("COMPRESS=NONE")), 255 * 16);
  EXPECT_EQ(packed - scratch("packed1.tif", whole("COMPRESS=LZW")), 255 * 24);
  EXPECT_EQ(planned - one_tile, 255 * 16);
  EXPECT_EQ(create_store(folder / "a.tif", output)->layout().scratch_bytes, planned);
}

TEST(GdalStore, says_what_holds_a_row_of_blocks) {
  const TestFolder folder;
  const Shape shape{1, 3, 32, 4096};
  save(folder / "a.tif", "GTiff", testing::numbered({DType::kF32, shape}),
       {"COMPRESS=LZW", "TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16", "INTERLEAVE=PIXEL"});
  constexpr Index kBlocks = 4096 / 16 * 3, kPixels = kBlocks * 16 * 16 * 4;
  // What is still in the cache once all of a row of blocks was read.
  const auto held = [&](Index bytes) {
    const auto store = open_store(folder / "a.tif");
    store->set_cache_bytes(bytes);
    Region row = whole(shape);
    row[kY] = {0, 16};
    Tensor t(DType::kF32, row.shape());
    store->read(row, t.view());
    return store->cache_bytes();
  };
  const StoreLayout layout = open_store(folder / "a.tif")->layout();
  const Index all = held(Index{16} << 20);

  EXPECT_EQ(layout.block, (Shape{1, 3, 16, 16}));
  EXPECT_EQ(held(kPixels + kBlocks * layout.cached_block_bytes), all);
  EXPECT_LT(held(kPixels), all);
  EXPECT_LE(kPixels + kBlocks * layout.cached_block_bytes, 1.2 * static_cast<double>(all));
}

TEST(GdalStore, cache_is_the_sum_of_the_shares) {
  const TestFolder folder;
  const Tensor truth = testing::numbered({DType::kU8, {1, 3, 50, 60}});
  save(folder / "a.png", "PNG", truth);
  const auto before = GDALGetCacheMax64();

  {
    const auto a = open_store(folder / "a.png");
    const auto b = open_store(folder / "a.png");
    a->set_cache_bytes(1 << 20);
    b->set_cache_bytes(3 << 20);
    EXPECT_EQ(GDALGetCacheMax64(), 4 << 20);
    EXPECT_TRUE(a->layout().cached && a->layout().sequential);
  }
  EXPECT_EQ(GDALGetCacheMax64(), before);
}

}  // namespace
}  // namespace tilewright
