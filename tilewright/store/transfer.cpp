// Region by region, row by row. The index arithmetic: row (n, c, y) of a region begins at
// base + size * (n * sn + c * sc + y * sy + x0 * sx).
#include "tilewright/store/transfer.h"

#include <fmt/format.h>

#include <memory>

#include "tilewright/tensor/convert.h"

namespace tilewright {
namespace {

Index address(const FileBox& box, Index n, Index c, Index y, Index x) {
  const Shape& s = box.strides;
  return box.base + size_of(box.dtype) * (n * s[0] + c * s[1] + y * s[2] + x * s[3]);
}

// Calls f(part of `region`) for parts of at most `rows` x `columns`, one (n, c) plane at a time;
// `channels` planes at once.
template <class F>
void for_parts(const Region& r, Index channels, Index rows, Index columns, F&& f) {
  for (Index n = r[kN].begin; n < r[kN].end; ++n)
    for (Index c = r[kC].begin; c < r[kC].end; c += channels)
      for (Index y = r[kY].begin; y < r[kY].end; y += rows)
        for (Index x = r[kX].begin; x < r[kX].end; x += columns)
          f(Region{{{{n, n + 1},
                     {c, std::min(c + channels, r[kC].end)},
                     {y, std::min(y + rows, r[kY].end)},
                     {x, std::min(x + columns, r[kX].end)}}}});
}

Region relative(const Region& part, const Region& origin) {
  Region r = part;
  for (int d = 0; d < 4; ++d) r[d] = part[d].shifted(-origin[d].begin);
  return r;
}

// Rows and columns of a part that fits the scratch.
struct PartSize {
  Index rows;
  Index columns;
};

PartSize part_size(Index elements, Index per_pixel, const Shape& shape) {
  const Index pixels = std::max<Index>(1, elements / per_pixel);
  const Index columns = std::min(shape[kX], pixels);
  return {std::clamp<Index>(pixels / columns, 1, shape[kY]), columns};
}

// Channels lie between the pixels of a row, or the types differ, or the view is strided.
void read_through_scratch(IoBatch& batch, const FileBox& box, const Region& region,
                          const TensorView& dst) {
  const Index size = size_of(box.dtype);
  const Index step = box.strides[kX];
  const bool mixed = step > 1 && box.strides[kC] < step;  // pixel-interleaved
  const Index channels = mixed ? std::min(region[kC].size(), kScratchBytes / size) : 1;
  const PartSize part = part_size(kScratchBytes / size, step, region.shape());
  for_parts(region, channels, part.rows, part.columns, [&](const Region& p) {
    const Shape shape = p.shape();
    const Index row = (shape[kX] - 1) * step + (mixed ? (shape[kC] - 1) * box.strides[kC] : 0) + 1;
    for (Index y = 0; y < shape[kY]; ++y)
      batch.add(address(box, p[kN].begin, p[kC].begin, p[kY].begin + y, p[kX].begin),
                scratch() + y * row * size, row * size);
    batch.flush();
    const ConstTensorView view(scratch(), box.dtype, shape,
                               {0, mixed ? box.strides[kC] : 0, row, step});
    copy(view, dst.slice(relative(p, region)));
  });
}

}  // namespace

std::byte* scratch() {
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  thread_local const auto memory = std::make_unique<Line[]>(kScratchBytes / sizeof(Line));
  return memory[0].bytes;
}

void read_box(IoBatch& batch, const FileBox& box, const Region& region, const TensorView& dst) {
  if (region.empty()) return;
  if (box.dtype != dst.dtype || box.strides[kX] != 1 || dst.strides[kX] != 1) {
    read_through_scratch(batch, box, region, dst);
    return;
  }
  const Index size = size_of(box.dtype);
  const Shape shape = region.shape();
  for_parts(region, 1, 1, shape[kX], [&](const Region& p) {
    const Index y = p[kY].begin - region[kY].begin;
    const Index offset =
        dst.offset(p[kN].begin - region[kN].begin, p[kC].begin - region[kC].begin, y, 0);
    batch.add(address(box, p[kN].begin, p[kC].begin, p[kY].begin, p[kX].begin),
              dst.data + offset * size, shape[kX] * size);
  });
}

void write_box(IoBatch& batch, const FileBox& box, const Region& region,
               const ConstTensorView& src) {
  if (region.empty()) return;
  const Index size = size_of(box.dtype);
  const Shape shape = region.shape();
  const bool dense = src.strides[kX] == 1;
  const PartSize part = dense ? PartSize{1, shape[kX]} : part_size(kScratchBytes / size, 1, shape);
  for_parts(region, 1, part.rows, part.columns, [&](const Region& p) {
    ConstTensorView rows = src.slice(relative(p, region));
    if (!dense) {
      const TensorView packed(scratch(), box.dtype, rows.shape, dense_strides(rows.shape));
      copy(rows, packed);
      rows = packed;
    }
    for (Index y = 0; y < rows.shape[kY]; ++y)
      batch.add(address(box, p[kN].begin, p[kC].begin, p[kY].begin + y, p[kX].begin),
                rows.data + rows.offset(0, 0, y, 0) * size, rows.shape[kX] * size);
    if (!dense) batch.flush();
  });
}

void for_blocks(const Region& region, const Shape& block, const BlockVisitor& visit) {
  Shape first;
  Shape last;
  for (int d = 0; d < 4; ++d) {
    const auto i = static_cast<std::size_t>(d);
    if (region[d].empty()) return;
    first[i] = region[d].begin / block[i];
    last[i] = (region[d].end - 1) / block[i];
  }
  Shape b;
  for (b[0] = first[0]; b[0] <= last[0]; ++b[0])
    for (b[1] = first[1]; b[1] <= last[1]; ++b[1])
      for (b[2] = first[2]; b[2] <= last[2]; ++b[2])
        for (b[3] = first[3]; b[3] <= last[3]; ++b[3]) {
          Region part;
          Region inside;
          for (int d = 0; d < 4; ++d) {
            const auto i = static_cast<std::size_t>(d);
            const Index origin = b[i] * block[i];
            part[d] = intersect(region[d], {origin, origin + block[i]});
            inside[d] = part[d].shifted(-origin);
          }
          visit(b, inside, relative(part, region));
        }
}

void check_region(const std::string& path, const TensorSpec& spec, const Region& region,
                  const Shape& view) {
  if (region.shape() != view)
    throw InvalidArgument(fmt::format("{}: region {} does not have the shape {} of the view", path,
                                      to_string(region), to_string(view)));
  if (!region.empty() && !whole(spec.shape).contains(region))
    throw InvalidArgument(fmt::format("{}: region {} is not inside the array of {}", path,
                                      to_string(region), to_string(spec.shape)));
}

void check_write(const std::string& path, const TensorSpec& spec, const Region& region,
                 const ConstTensorView& src) {
  check_region(path, spec, region, src.shape);
  if (src.dtype != spec.dtype)
    throw InvalidArgument(fmt::format("{}: holds {}, not {}; convert before writing", path,
                                      to_string(spec.dtype), to_string(src.dtype)));
}

}  // namespace tilewright
