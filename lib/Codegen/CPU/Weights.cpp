// lib/Codegen/CPU/Weights.cpp: constants in the order in which kernels read them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Host/Host.h"
#include "dialects/Kernel/Kernel.h"
#include "dialects/Kernel/Views.h"
#include "lathe/Codegen/Codegen.h"
#include "lathe/Support/Winograd.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>
#include <limits>

using namespace mlir;

namespace lathe {

/// The bytes of a constant in row-major order; booleans one byte each.
static FailureOr<ArrayRef<char>> bytesOf(host::ConstantOp constant, SmallVectorImpl<char> &storage) {
  auto type = cast<RankedTensorType>(constant.getValue().getType());
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(constant.getValue())) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    int64_t expected = type.getNumElements() * std::max<int64_t>(8, type.getElementTypeBitWidth()) / 8;
    if (!blob) {
      InFlightDiagnostic error = constant.emitError()
                                 << "the elements of resource '" << resource.getRawHandle().getKey()
                                 << "' are missing [graph-resource-missing]";
      error.attachNote() << "this is IR that was printed less large constants; 'lathe compile --stop-after PHASE -o "
                            "FILE.mlir' writes them, too";
      return error;
    }
    if (static_cast<int64_t>(blob->getData().size()) < expected)
      return constant.emitError() << "resource '" << resource.getRawHandle().getKey() << "' has "
                                  << blob->getData().size() << " bytes, but its type needs " << expected
                                  << " [graph-resource-size]";
    return blob->getData();
  }
  auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
  if (!dense)
    return constant.emitError("is neither dense nor a resource [graph-constant-kind]");
  if (type.getElementType().isInteger(1)) {
    for (bool value : dense.getValues<bool>())
      storage.push_back(value);
    return ArrayRef<char>(storage);
  }
  ArrayRef<char> raw = dense.getRawData();
  if (!dense.isSplat())
    return raw;
  for (int64_t i = 0; i < type.getNumElements(); ++i)
    storage.append(raw.begin(), raw.end());
  return ArrayRef<char>(storage);
}

/// `kernel.pack` with a step on bytes, of which those of a step share one if they have `bits` bits. The target is
/// zero already.
static void packSteps(ArrayRef<char> source, RankedTensorType type, int64_t tiled, ArrayRef<int64_t> order,
                      int64_t tile, int64_t step, int64_t run, std::optional<int64_t> bits, char *target) {
  int64_t width = std::max<int64_t>(8, type.getElementTypeBitWidth()) / 8;
  SmallVector<int64_t> strides(type.getRank(), width);
  for (int64_t i = type.getRank() - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * type.getDimSize(i + 1);
  int64_t outer = 1, length = 1;
  for (auto [i, dim] : llvm::enumerate(order))
    (static_cast<int64_t>(i) + run < static_cast<int64_t>(order.size()) ? outer : length) *= type.getDimSize(dim);
  int64_t size = type.getDimSize(tiled), groups = llvm::divideCeil(length, step);
  int64_t mask = (int64_t(1) << bits.value_or(8)) - 1;
  // Where the elements of a panel's first column are, in the order of `order`.
  SmallVector<int64_t> places;
  places.reserve(outer * length);
  SmallVector<int64_t> position(order.size());
  for (int64_t i = 0, place = 0; i < outer * length; ++i) {
    places.push_back(place);
    for (int64_t d = order.size() - 1; d >= 0; --d) {
      place += strides[order[d]];
      if (++position[d] < type.getDimSize(order[d]))
        break;
      place -= position[d] * strides[order[d]];
      position[d] = 0;
    }
  }
  for (int64_t panel = 0; panel * tile < size; ++panel) {
    const char *from = source.data() + panel * tile * strides[tiled];
    int64_t columns = std::min(tile, size - panel * tile);
    for (int64_t i = 0; i < outer; ++i)
      for (int64_t r = 0; r < length; ++r) {
        const char *in = from + places[i * length + r];
        int64_t group = (panel * outer + i) * groups + r / step;
        if (bits) {
          for (int64_t c = 0; c < columns; ++c)
            target[group * tile + c] |= static_cast<char>((in[c * strides[tiled]] & mask) << (r % step * *bits));
          continue;
        }
        char *out = target + (group * tile * step + r % step) * width;
        if (width == 1) // The common case, without a call per element.
          for (int64_t c = 0; c < columns; ++c)
            out[c * step] = in[c * strides[tiled]];
        else
          for (int64_t c = 0; c < columns; ++c)
            memcpy(out + c * step * width, in + c * strides[tiled], width);
      }
  }
}

/// `kernel.pack` on bytes. The target is zero already, so padding stays zero.
static void pack(ArrayRef<char> source, RankedTensorType type, int64_t tiled, ArrayRef<int64_t> order, int64_t tile,
                 char *target) {
  int64_t width = std::max<int64_t>(8, type.getElementTypeBitWidth()) / 8;
  SmallVector<int64_t> strides(type.getRank(), width);
  for (int64_t i = type.getRank() - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * type.getDimSize(i + 1);
  int64_t size = type.getDimSize(tiled), inner = 1;
  for (int64_t dim : order)
    inner *= type.getDimSize(dim);
  SmallVector<int64_t> position(order.size());
  for (int64_t panel = 0; panel * tile < size; ++panel) {
    int64_t columns = std::min(tile, size - panel * tile);
    std::fill(position.begin(), position.end(), 0);
    const char *row = source.data() + panel * tile * strides[tiled];
    for (int64_t i = 0; i < inner; ++i) {
      char *out = target + (panel * inner + i) * tile * width;
      if (strides[tiled] == width)
        memcpy(out, row, columns * width);
      else if (width == 4) // The common case, without a call per element.
        for (int64_t c = 0; c < columns; ++c)
          memcpy(out + c * 4, row + c * strides[tiled], 4);
      else
        for (int64_t c = 0; c < columns; ++c)
          memcpy(out + c * width, row + c * strides[tiled], width);
      for (int64_t d = order.size() - 1; d >= 0; --d) {
        row += strides[order[d]];
        if (++position[d] < type.getDimSize(order[d]))
          break;
        row -= position[d] * strides[order[d]];
        position[d] = 0;
      }
    }
  }
}

/// Puts zeros in the place of denormal f32 numbers: sums do not show them, but some processors take
/// a hundred times as long for a product with one.
static void flushDenormals(MutableArrayRef<char> elements) {
  for (size_t at = 0; at + sizeof(float) <= elements.size(); at += sizeof(float)) {
    float value;
    memcpy(&value, elements.data() + at, sizeof(float));
    value = std::fabs(value) < std::numeric_limits<float>::min() ? 0.0f : value;
    memcpy(elements.data() + at, &value, sizeof(float));
  }
}

/// The filter [o, c, 3, 3] as [o, c, n, n], rounded once; `type` becomes that of the result.
static SmallVector<char, 0> transformFilter(ArrayRef<char> source, const Winograd &transform, RankedTensorType &type) {
  int64_t filters = type.getDimSize(0) * type.getDimSize(1), size = transform.size();
  int64_t taps = Winograd::taps * Winograd::taps, points = size * size;
  SmallVector<char, 0> result(filters * points * sizeof(float));
  SmallVector<double> filter(taps), transformed(points);
  for (int64_t i = 0; i < filters; ++i) {
    for (int64_t tap = 0; tap < taps; ++tap) {
      float value;
      memcpy(&value, source.data() + (i * taps + tap) * sizeof(float), sizeof(float));
      filter[tap] = value;
    }
    transform.transformFilter(filter.data(), transformed.data());
    for (int64_t point = 0; point < points; ++point) {
      auto value = static_cast<float>(transformed[point]);
      memcpy(result.data() + (i * points + point) * sizeof(float), &value, sizeof(float));
    }
  }
  type = RankedTensorType::get({type.getDimSize(0), type.getDimSize(1), size, size}, type.getElementType());
  return result;
}

/// Whether a constant lies in weights of `size` bytes: IR that was written and changed may say anything.
static LogicalResult verifyPlace(host::ConstantOp constant, int64_t size) {
  std::optional<int64_t> offset = constant.getOffset();
  if (!offset)
    return constant.emitOpError("has no 'offset', but there is a place for the weights [codegen-weights]");
  auto type = cast<RankedTensorType>(constant.getValue().getType());
  SmallVector<int64_t> shape(type.getShape());
  if (constant.getTile())
    shape = kernel::packedShape(shape, *constant.getTiled(), *constant.getOrder(), *constant.getTile(),
                                constant.getStep(), constant.getRun(), constant.getWinograd(), constant.getBits());
  int64_t bytes = std::max<int64_t>(8, type.getElementTypeBitWidth()) / 8;
  bool isTooLarge = false;
  for (int64_t dim : shape)
    isTooLarge |= llvm::MulOverflow(bytes, dim, bytes);
  if (isTooLarge || *offset < 0 || bytes > size || *offset > size - bytes)
    return constant.emitOpError("is at byte ")
           << *offset << " and does not end in weights of " << size << " bytes [codegen-weights]";
  return success();
}

FailureOr<std::unique_ptr<llvm::MemoryBuffer>>
writeWeights(ArrayRef<ModuleOp> modules, MayTake mayTake, llvm::function_ref<void(DenseResourceElementsHandle)> done) {
  ModuleOp module = modules.front();
  auto sizes = module.getOps<host::WeightsOp>();
  if (sizes.empty())
    return module.emitError("internal: constants have no places [codegen-no-weights]");
  if (!llvm::hasSingleElement(sizes))
    return (*std::next(sizes.begin()))
        .emitOpError("is there twice, but there is one place for the weights "
                     "[codegen-weights]");
  int64_t size = (*sizes.begin()).getSize();
  for (ModuleOp variant : modules)
    for (auto constant : variant.getOps<host::ConstantOp>())
      if (failed(verifyPlace(constant, size)))
        return failure();
  if (!mayTake(size))
    return failure();
  auto buffer = llvm::WritableMemoryBuffer::getNewMemBuffer(size, "weights"); // Zeroed.
  if (!buffer)
    return module.emitError() << "no memory for " << size << " bytes of weights [codegen-out-of-memory]";
  bool isStrict = module->hasAttr(kernel::KernelDialect::strictAttrName);
  SmallVector<host::ConstantOp> constants; // The first of those that share a place.
  DenseSet<int64_t> taken;
  DenseMap<AsmDialectResourceHandle, unsigned> uses;
  SetVector<Attribute> unused;
  for (ModuleOp variant : modules)
    for (auto constant : variant.getOps<host::ConstantOp>()) {
      if (!cast<ShapedType>(constant.getValue().getType()).getNumElements())
        continue;
      auto resource = dyn_cast<DenseResourceElementsAttr>(constant.getValue());
      if (taken.insert(*constant.getOffset()).second) {
        constants.push_back(constant);
        if (resource)
          ++uses[resource.getRawHandle()];
      } else if (resource) {
        unused.insert(resource);
      }
    }
  for (Attribute resource : unused)
    if (auto handle = cast<DenseResourceElementsAttr>(resource).getRawHandle(); !uses.contains(handle))
      done(handle);
  for (host::ConstantOp constant : constants) {
    auto type = cast<RankedTensorType>(constant.getValue().getType());
    SmallVector<char> storage;
    FailureOr<ArrayRef<char>> bytes = bytesOf(constant, storage);
    if (failed(bytes))
      return failure();
    char *target = buffer->getBufferStart() + *constant.getOffset();
    auto resource = dyn_cast<DenseResourceElementsAttr>(constant.getValue());
    SmallVector<char, 0> transformed;
    if (constant.getWinograd()) {
      transformed = transformFilter(*bytes, *Winograd::find(*constant.getWinograd()), type);
      bytes = ArrayRef<char>(transformed);
    }
    if (constant.getStep())
      packSteps(*bytes, type, *constant.getTiled(), *constant.getOrder(), *constant.getTile(), *constant.getStep(),
                constant.getRun().value_or(1), constant.getBits(), target);
    else if (constant.getTile())
      pack(*bytes, type, *constant.getTiled(), *constant.getOrder(), *constant.getTile(), target);
    else
      memcpy(target, bytes->data(), type.getNumElements() * std::max<int64_t>(8, type.getElementTypeBitWidth()) / 8);
    if (constant.getTile() && type.getElementType().isF32() && !isStrict && !constant.getKeepsDenormals()) {
      int64_t elements =
          llvm::product_of(kernel::packedShape(type.getShape(), *constant.getTiled(), *constant.getOrder(),
                                               *constant.getTile(), constant.getStep(), constant.getRun()));
      flushDenormals(MutableArrayRef<char>(target, elements * sizeof(float)));
    }
    if (resource && --uses[resource.getRawHandle()] == 0)
      done(resource.getRawHandle());
  }
  return std::unique_ptr<llvm::MemoryBuffer>(std::move(buffer));
}

} // namespace lathe
