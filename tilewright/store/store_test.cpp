#include <sys/resource.h>

#include <csignal>
#include <set>

#include "tilewright/store/conformance.h"

namespace tilewright {
namespace {

using testing::message_of;
using testing::TestFolder;

CreateOptions small_f32() {
  return {.spec = {DType::kF32, {1, 1, 64, 64}}, .rank = 2, .metadata = {}};
}

TEST(OpenStore, names_a_missing_file_and_a_folder) {
  const TestFolder folder;

  for (const char* name : {"none.npy", "none.tif", "none"})
    EXPECT_EQ(message_of<StoreError>([&] { open_store(folder / name); }).find(folder / name), 0u);
  EXPECT_NE(message_of<StoreError>([&] { open_store(folder / ""); }).find("folder"),
            std::string::npos);
  std::filesystem::create_directory(folder / "a.npy");
  EXPECT_NE(message_of<StoreError>([&] { open_store(folder / "a.npy"); }).find("director"),
            std::string::npos);
  std::ofstream(folder / "empty.tif");
  std::ofstream(folder / "noise.bin") << "this is no picture";
  message_of<StoreError>([&] { open_store(folder / "empty.tif"); });
  message_of<StoreError>([&] { open_store(folder / "noise.bin"); });
  message_of<StoreError>([&] { open_store(""); });
}

TEST(CreateStore, refuses_what_it_cannot_hold) {
  const TestFolder folder;
  CreateOptions batch = small_f32();
  batch.rank = 4;
  batch.spec.shape = {2, 1, 8, 8};
  CreateOptions empty = small_f32();
  empty.spec.shape = {1, 1, 0, 8};
  CreateOptions huge = small_f32();
  huge.spec.shape = {1, 1, Index{1} << 40, Index{1} << 40};
  CreateOptions vast = small_f32();
  vast.spec.shape = {1, 1, Index{1} << 24, Index{1} << 26};

  EXPECT_NE(message_of<Unsupported>([&] { create_store(folder / "a.tif", batch); }).find(".npy"),
            std::string::npos);
  EXPECT_NE(message_of<Unsupported>([&] {
              create_store(folder / "a.png", small_f32());
            }).find("gdal_translate"),
            std::string::npos);
  EXPECT_NE(
      message_of<Unsupported>([&] { create_store(folder / "a.xyz", small_f32()); }).find(".tif"),
      std::string::npos);
  message_of<InvalidArgument>([&] { create_store(folder / "a.npy", empty); });
  message_of<InvalidArgument>([&] { create_store(folder / "a.npy", huge); });
  for (const char* name : {"a.npy", "a.tif", "a.zarr"})
    EXPECT_NE(message_of<StoreError>([&] { create_store(folder / name, vast); }).find("free"),
              std::string::npos);
  EXPECT_TRUE(std::filesystem::is_empty(folder / ""));
}

TEST(CreateStore, names_a_missing_or_unwritable_folder) {
  const TestFolder folder;

  for (const char* name : {"none/a.npy", "none/a.tif", "none/a.zarr"})
    EXPECT_NE(
        message_of<StoreError>([&] { create_store(folder / name, small_f32()); }).find("no folder"),
        std::string::npos);
  std::ofstream(folder / "file");
  message_of<StoreError>([&] { create_store(folder / "file/a.npy", small_f32()); });
}

TEST(CreateStore, replaces_what_an_interrupted_run_left) {
  const TestFolder folder;
  std::ofstream(folder / "a.npy.partial") << "rest";

  create_store(folder / "a.npy", small_f32())->commit();

  EXPECT_EQ(open_store(folder / "a.npy")->spec(), small_f32().spec);
}

TEST(CreateStore, replaces_a_folder_and_nothing_beside_it) {
  const TestFolder folder;
  const auto write = [&](Index columns) {
    CreateOptions options = small_f32();
    options.spec.shape[3] = columns;
    options.overwrite = true;
    create_store(folder / "a.zarr", options)->commit();
  };
  write(5);
  std::filesystem::create_directory(folder / "a.zarr.old");  // somebody else's

  write(7);

  EXPECT_EQ(open_store(folder / "a.zarr")->spec().shape[3], 7);
  std::set<std::string> left;
  for (const auto& entry : std::filesystem::directory_iterator(folder / ""))
    left.insert(entry.path().filename());
  EXPECT_EQ(left, (std::set<std::string>{"a.zarr", "a.zarr.old"}));
}

TEST(CreateStore, leaves_alone_what_took_its_name_meanwhile) {
  const TestFolder folder;
  for (const bool overwrite : {false, true})
    for (const char* name : {"a.npy", "a.tif", "a.zarr"}) {
      CreateOptions options = small_f32();
      options.overwrite = overwrite;
      auto store = create_store(folder / name, options);
      std::filesystem::create_directory(folder / name);
      std::ofstream(folder / name + "/thesis.txt") << "precious";

      const std::string message = message_of<StoreError>([&] { store->commit(); });
      store.reset();

      EXPECT_NE(message.find(folder / name + ".partial"), std::string::npos) << message;
      EXPECT_TRUE(std::filesystem::exists(folder / name + "/thesis.txt")) << name;
      EXPECT_TRUE(std::filesystem::exists(folder / name + ".partial")) << name;
      std::filesystem::remove_all(folder / name);
      std::filesystem::remove_all(folder / name + ".partial");
    }
}

// A limit on the size of files stands for a disk that fills while writing.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    old_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &old_);
    rlimit limit = old_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_{};
  void (*old_handler_)(int);
};

TEST(CreateStore, reports_a_write_that_fails_and_leaves_nothing) {
  const TestFolder folder;
  CreateOptions options{.spec = {DType::kF32, {1, 1, 512, 512}}, .rank = 2, .metadata = {}};
  options.block = {1, 1, 512, 512};
  const Tensor pixels = testing::numbered(options.spec);

  for (const char* name : {"a.npy", "a.tif", "a.zarr"}) {
    const FileSizeLimit limit(300000);
    const std::string message = message_of<StoreError>([&] {
      const auto store = create_store(folder / name, options);
      store->write(whole(pixels.shape()), pixels.view());
      store->commit();
    });
    EXPECT_EQ(message.find(folder / name), 0u) << message;
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder / ""));
}

TEST(RasterMetadata, follows_a_resampled_picture) {
  RasterMetadata m;
  m.geotransform = {{100, 2, 0, 50, 0, -3}};
  m.band_names = {"red", "green"};
  m.items = {{"TIFFTAG_XRESOLUTION", "300"}, {"AREA_OR_POINT", "Area"}};

  // Stride 2 with the first output centred on the first input pixel.
  const RasterMetadata halved = m.resampled(0, 0, 2, 2, 2);
  const RasterMetadata shifted = m.resampled(1, 1, 1, 1, 5);

  EXPECT_EQ(*halved.geotransform, (std::array<double, 6>{99, 4, 0, 51.5, 0, -6}));
  EXPECT_EQ(halved.items[0].second, "150");
  EXPECT_EQ(halved.band_names, m.band_names);
  EXPECT_EQ(*shifted.geotransform, (std::array<double, 6>{102, 2, 0, 47, 0, -3}));
  EXPECT_EQ(shifted.items, m.items);
  EXPECT_TRUE(shifted.band_names.empty());
}

TEST(RasterMetadata, leaves_out_what_is_no_longer_true) {
  const auto keys = [](const RasterMetadata& m) {
    std::string text;
    for (const auto& [key, value] : m.items) text += key + " ";
    return text;
  };
  RasterMetadata m;
  for (const char* key : {"AUTHOR", "STATISTICS_MAXIMUM", "DATAMAX", "DATAMIN", "CHECKSUM",
                          "CRPIX1", "CRPIX2", "CD1_1", "CRVAL1", "CTYPE1", "CDBSFILE"})
    m.items.emplace_back(key, "1");

  EXPECT_EQ(keys(m.resampled(0, 0, 1, 1, 1)), "AUTHOR CRPIX1 CRPIX2 CD1_1 CRVAL1 CTYPE1 CDBSFILE ");
  EXPECT_EQ(keys(m.resampled(0, 1, 1, 1, 1)), "AUTHOR CDBSFILE ");
  EXPECT_EQ(keys(m.resampled(0, 0, 2, 2, 1)), "AUTHOR CDBSFILE ");
}

}  // namespace
}  // namespace tilewright
