#include "tilewright/store/conformance.h"

namespace tilewright {
namespace {

using testing::message_of;
using testing::TestFolder;

// A version-`version` file with this dictionary and `data` behind it.
std::string npy_bytes(const std::string& dictionary, const std::string& data, int version = 1) {
  std::string bytes("\x93NUMPY");
  bytes += {static_cast<char>(version), '\0'};
  const std::size_t digits = version == 1 ? 2 : 4;
  for (std::size_t i = 0; i < digits; ++i)
    bytes += static_cast<char>(dictionary.size() >> (8 * i) & 255);
  return bytes + dictionary + data;
}

std::string dictionary(const std::string& descr, const std::string& order,
                       const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

void save(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

TEST(NpyStore, conforms) {
  testing::store_conformance(".npy", {kDTypes.begin(), kDTypes.end()}, 4);
}

TEST(NpyStore, reads_all_versions) {
  const TestFolder folder;
  for (const int version : {1, 2, 3}) {
    save(folder / "v.npy", npy_bytes(dictionary("|u1", "False", "(2, 3)"), "abcdef", version));
    const auto store = open_store(folder / "v.npy");
    Tensor t(DType::kU8, {1, 1, 2, 3});

    store->read(whole(t.shape()), t.view());

    EXPECT_EQ(std::string(t.data<char>(), 6), "abcdef");
  }
}

TEST(NpyStore, reads_fortran_order) {
  const TestFolder folder;
  const Shape shape{2, 3, 4, 5};
  const Tensor truth = testing::numbered({DType::kU16, shape});
  std::string data;
  for (Index x = 0; x < 5; ++x)
    for (Index y = 0; y < 4; ++y)
      for (Index c = 0; c < 3; ++c)
        for (Index n = 0; n < 2; ++n)
          data.append(reinterpret_cast<const char*>(truth.view().at<std::uint16_t>(n, c, y, x)), 2);
  save(folder / "f.npy", npy_bytes(dictionary("<u2", "True", "(2, 3, 4, 5)"), data));

  testing::expect_random_regions(*open_store(folder / "f.npy"), truth, 40, 3);
}

TEST(NpyStore, names_types_and_ranks_it_cannot_hold) {
  const TestFolder folder;
  const std::string path = folder / "a.npy";
  for (const char* descr : {">f4", "<f2", "<c8", "|O", "<U3", "<i8"}) {
    save(path, npy_bytes(dictionary(descr, "False", "(1, 1)"), std::string(16, '\0')));
    EXPECT_NE(message_of<Unsupported>([&] { open_store(path); }).find("astype"), std::string::npos);
  }
  for (const char* shape : {"()", "(1, 1, 1, 1, 1)"}) {
    save(path, npy_bytes(dictionary("|u1", "False", shape), std::string(16, '\0')));
    message_of<Unsupported>([&] { open_store(path); });
  }
  save(path, npy_bytes("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 2)}", ""));
  message_of<Unsupported>([&] { open_store(path); });
}

TEST(NpyStore, reads_a_vector_as_one_row) {
  const TestFolder folder;
  save(folder / "v.npy", npy_bytes(dictionary("|u1", "False", "(3,)"), "abc"));

  const auto store = open_store(folder / "v.npy");

  EXPECT_EQ(store->spec().shape, (Shape{1, 1, 1, 3}));
  EXPECT_EQ(store->rank(), 2);
}

TEST(NpyStore, survives_hostile_headers) {
  const TestFolder folder;
  const std::string path = folder / "a.npy";
  for (const std::string& bytes :
       {std::string(), std::string("\x93NUMPY"), npy_bytes("", ""), npy_bytes("{", ""),
        npy_bytes("{}", ""), npy_bytes("{'shape': (1, 1)}", ""), npy_bytes("{'descr' '<f4'}", ""),
        npy_bytes(dictionary("|u1", "Perhaps", "(2, 2)"), "abcd"),
        npy_bytes(dictionary("|u1", "False", "(2, -2)"), "abcd"),
        npy_bytes(dictionary("|u1", "False", "(0, 2)"), "abcd"),
        npy_bytes(dictionary("|u1", "False", "(2, 2"), "abcd"),
        npy_bytes(dictionary("<f8", "False", "(4294967296, 4294967296)"), "abcd"),
        npy_bytes(dictionary("|u1", "False", "(99999999999999999999, 2)"), "abcd"),
        npy_bytes(dictionary("|u1", "False", "(2, 2)"), "abc"),
        std::string("\x93NUMPY\2\0\xff\xff\xff\x7f{}", 14)}) {
    save(path, bytes);
    EXPECT_EQ(message_of<StoreError>([&] { open_store(path); }).find(path), 0u);
  }
}

TEST(NpyStore, names_the_bytes_of_a_truncated_file) {
  const TestFolder folder;
  const std::string bytes =
      npy_bytes(dictionary("<f4", "False", "(10, 10)"), std::string(400, 'x'));
  std::mt19937 random(7);
  for (int i = 0; i < 100; ++i) {
    save(folder / "t.npy", bytes.substr(0, random() % bytes.size()));
    message_of<StoreError>([&] { open_store(folder / "t.npy"); });
  }
  save(folder / "t.npy", bytes.substr(0, bytes.size() - 1));
  const std::string text = message_of<StoreError>([&] { open_store(folder / "t.npy"); });
  EXPECT_NE(text.find(std::to_string(bytes.size()) + " bytes"), std::string::npos) << text;
  EXPECT_NE(text.find("has " + std::to_string(bytes.size() - 1)), std::string::npos) << text;
}

TEST(NpyStore, notices_a_file_that_shrinks_after_opening) {
  const TestFolder folder;
  save(folder / "t.npy", npy_bytes(dictionary("<f4", "False", "(10, 10)"), std::string(400, 'x')));
  const auto store = open_store(folder / "t.npy");
  std::filesystem::resize_file(folder / "t.npy", 200);
  Tensor t(store->spec());

  message_of<StoreError>([&] { store->read(whole(t.shape()), t.view()); });
}

}  // namespace
}  // namespace tilewright
