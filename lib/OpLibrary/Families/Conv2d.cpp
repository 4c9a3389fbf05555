// lib/OpLibrary/Families/Conv2d.cpp: convolutions of images, with what is done to each element of the result.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../Family.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using llvm::StringRef;

namespace lathe::oplib {

namespace {

constexpr StringRef keys[] = {"dtypes", "layout", "epilogue", "shapes"};
constexpr StringRef shapeKeys[] = {"kernel", "stride", "pad", "dilation", "channels", "filters", "groups"};
constexpr StringRef layouts[] = {"nhwc", "nchw"};
constexpr int64_t mostKernel = 64, mostChannels = 1 << 16;

/// One entry of `shapes`; channels and filters have to be given.
struct Shape {
  int64_t kernel = 1, stride = 1, pad = 0, dilation = 1, channels = 0, filters = 0, groups = 1;

  std::string name() const {
    std::string text = "k" + std::to_string(kernel) + "s" + std::to_string(stride) + "p" + std::to_string(pad);
    auto add = [&](StringRef letter, int64_t value, int64_t usual) {
      if (value != usual)
        text += letter.str() + std::to_string(value);
    };
    add("d", dilation, 1);
    text += "c" + std::to_string(channels) + "o" + std::to_string(filters);
    add("g", groups, 1);
    return text;
  }
};

struct Options {
  std::vector<std::string> dtypes, layouts;
  Epilogue epilogue;
  std::vector<Shape> shapes;
};

bool readShape(const YamlNode &node, YamlReader &reader, Shape &shape) {
  if (!reader.isMap(node, "an entry of 'shapes'", shapeKeys))
    return false;
  struct Entry {
    StringRef key;
    int64_t &value;
    int64_t low, high;
  } entries[] = {{"kernel", shape.kernel, 1, mostKernel},
                 {"stride", shape.stride, 1, mostKernel},
                 {"pad", shape.pad, 0, mostKernel},
                 {"dilation", shape.dilation, 1, mostKernel},
                 {"channels", shape.channels, 1, mostChannels},
                 {"filters", shape.filters, 1, mostChannels},
                 {"groups", shape.groups, 1, mostChannels}};
  for (Entry &entry : entries) {
    auto value = readNumber(node, entry.key, reader, "an entry of 'shapes'", entry.low, entry.high, entry.value);
    if (!value)
      return false;
    entry.value = *value;
  }
  if (!shape.channels || !shape.filters) {
    reader.error("oplib-spec-missing", node, "an entry of 'shapes' lacks 'channels' or 'filters'")
        .note("give their numbers, such as channels: 32, filters: 64; sizes of images are open");
    return false;
  }
  if (shape.channels % shape.groups || shape.filters % shape.groups) {
    reader
        .error("oplib-spec-groups", node,
               "a convolution of " + llvm::Twine(shape.groups) + " groups has " + llvm::Twine(shape.channels) +
                   " channels and " + llvm::Twine(shape.filters) + " filters")
        .note("give 'channels' and 'filters' that 'groups' divides");
    return false;
  }
  return true;
}

bool read(const YamlNode &node, YamlReader &reader, Options &options) {
  if (!reader.isMap(node, "conv2d", keys))
    return false;
  auto types = readDtypes(node, reader, "conv2d", floatTypes());
  auto orders = readTexts(node, "layout", reader, "conv2d", layouts, {"nhwc"});
  if (!types || !orders || !readEpilogue(node.find("epilogue"), reader, "conv2d", options.epilogue))
    return false;
  options.dtypes = *types;
  options.layouts = *orders;
  const YamlNode *shapes = node.find("shapes");
  if (!shapes || shapes->kind != YamlNode::Kind::List || shapes->items.empty()) {
    reader.error("oplib-spec-missing", shapes ? *shapes : node, "conv2d has no list 'shapes'")
        .note("write shapes: [{kernel: 3, pad: 1, filters: 64}]");
    return false;
  }
  std::vector<std::string> names;
  for (const YamlNode &entry : shapes->items) {
    Shape shape;
    if (!readShape(entry, reader, shape))
      return false;
    if (llvm::is_contained(names, shape.name())) {
      reader.error("oplib-spec-twice", entry, "'shapes' has this entry twice").note("leave one out");
      return false;
    }
    names.push_back(shape.name());
    options.shapes.push_back(shape);
  }
  return true;
}

/// `AT(n, c, h, w, C, H, W)` is a place in the layout.
constexpr llvm::StringLiteral oracle = R"(  const int64_t N = s[0], H = s[1], W = s[2], C = CHANNELS, O = FILTERS;
  const int64_t OH = (H + 2 * PAD - DILATION * (KERNEL - 1) - 1) / STRIDE + 1;
  const int64_t OW = (W + 2 * PAD - DILATION * (KERNEL - 1) - 1) / STRIDE + 1;
  const int64_t CG = C / GROUPS, OG = O / GROUPS;
  for (int64_t n = 0; n < N; ++n)
    for (int64_t o = 0; o < O; ++o)
      for (int64_t i = 0; i < OH; ++i)
        for (int64_t j = 0; j < OW; ++j) {
          double sum = 0, size = 0;
          for (int64_t c = 0; c < CG; ++c)
            for (int64_t a = 0; a < KERNEL; ++a)
              for (int64_t b = 0; b < KERNEL; ++b) {
                const int64_t h = i * STRIDE + a * DILATION - PAD, w = j * STRIDE + b * DILATION - PAD;
                if (h < 0 || h >= H || w < 0 || w >= W)
                  continue;
                double product = x[0][AT(n, o / OG * CG + c, h, w, C, H, W)] *
                                 x[1][((o * CG + c) * KERNEL + a) * KERNEL + b];
                sum += product;
                size += fabs(product);
              }
          if (BIAS >= 0 && x[BIAS]) {
            sum += x[BIAS][o];
            size += fabs(x[BIAS][o]);
          }
          sum = activate(NAMES[choice], sum);
          const int64_t at = AT(n, o, i, j, O, OH, OW);
          if (RESIDUAL >= 0 && x[RESIDUAL]) {
            sum += x[RESIDUAL][at];
            size += fabs(x[RESIDUAL][at]);
          }
          y[at] = sum;
          bound[at] = EPS * ((double)(CG * KERNEL * KERNEL) + 8) * (1.2 * size + 1e-30);
        }
)";

/// An operator while it is made.
struct Maker {
  const Options &options;
  const Shape &shape;
  StringRef dtype, layout;
  Op *op; ///< Which owns this.
  int bias = -1, residual = -1;

  bool isLast() const { return layout == "nhwc"; }
  std::string channels() const { return std::to_string(shape.channels); }
  std::string filters() const { return std::to_string(shape.filters); }
  /// In the order of the layout.
  std::vector<std::string> image(StringRef c, StringRef h, StringRef w) const {
    return isLast() ? std::vector<std::string>{"n", h.str(), w.str(), c.str()}
                    : std::vector<std::string>{"n", c.str(), h.str(), w.str()};
  }
  int add(Operand operand) {
    operand.dtype = dtype.str();
    op->operands.push_back(std::move(operand));
    return static_cast<int>(op->operands.size()) - 1;
  }
  void addSizes();
  void addOperands();
  std::string oracleText() const;
  std::string write(KernelText &text, const Form &form) const;
};

} // namespace

void Maker::addSizes() {
  op->symbols = {"n", "h", "w"};
  op->symbolsAbout = {"images", "rows of x", "columns of x"};
  // Windows that fit: (h + 2 pad - reach) / stride + 1.
  int64_t more = 2 * shape.pad - shape.dilation * (shape.kernel - 1) - 1;
  for (auto [name, of] : {std::pair("oh", "h"), std::pair("ow", "w")})
    op->derived.emplace_back(name, std::string(of) + " " + std::to_string(more) + " + " + std::to_string(shape.stride) +
                                       " / 1 +");
}

void Maker::addOperands() {
  std::string perGroup = std::to_string(shape.channels / shape.groups), k = std::to_string(shape.kernel);
  add({"x", "", image(channels(), "h", "w"), {}, "the images"});
  add({"filter", "", {filters(), perGroup, k, k}, {}, "the filters"});
  if (options.epilogue.hasBias)
    bias = add({"bias", "", {filters()}, {}, "added to each channel", true});
  if (options.epilogue.hasResidual)
    residual = add({"residual", "", image(filters(), "oh", "ow"), {}, "added behind the activation", true});
  add({"y", "", image(filters(), "oh", "ow"), {}, "the result", false, true});
}

std::string Maker::oracleText() const {
  std::string text = activationNames(*op);
  text += "  enum { BIAS = " + std::to_string(bias) + ", RESIDUAL = " + std::to_string(residual) +
          ", KERNEL = " + std::to_string(shape.kernel) + ", STRIDE = " + std::to_string(shape.stride) +
          ", PAD = " + std::to_string(shape.pad) + ", DILATION = " + std::to_string(shape.dilation) +
          ", GROUPS = " + std::to_string(shape.groups) + ", CHANNELS = " + channels() + ", FILTERS = " + filters() +
          " };\n";
  text +=
      std::string("#define AT(n, c, h, w, C, H, W) ") +
      (isLast() ? "((((n) * (H) + (h)) * (W) + (w)) * (C) + (c))" : "((((n) * (C) + (c)) * (H) + (h)) * (W) + (w))") +
      "\n";
  return text + oracle.str() + "#undef AT\n";
}

std::string Maker::write(KernelText &text, const Form &form) const {
  const Operand &x = op->operands[0], &filter = op->operands[1], &y = op->result();
  StringRef sums = elementType(dtype).sums;
  auto list = [](int64_t value, unsigned count) {
    std::string result = std::to_string(value);
    for (unsigned i = 1; i < count; ++i)
      result += ", " + std::to_string(value);
    return "[" + result + "]";
  };
  std::string type = text.type(y.dims, sums);
  std::string value =
      text.add("graph.conv %x, %filter " + std::string(isLast() ? "channels_last " : "") +
                   "strides = " + list(shape.stride, 2) + " pads = " + list(shape.pad, 4) +
                   " dilations = " + list(shape.dilation, 2) + " groups = " + std::to_string(shape.groups),
               "(" + text.type(x) + ", " + text.type(filter) + ") -> " + type);
  if (bias >= 0 && form.present[bias]) {
    const Operand &operand = op->operands[bias];
    std::string loaded = text.load(operand), from = text.type(operand.dims, sums), to = from;
    if (!isLast()) {
      to = text.type({filters(), "1", "1"}, sums);
      loaded = text.add("graph.reshape " + loaded, "(" + from + ") -> " + to);
    }
    value = text.binary("add", value, type, loaded, to, type);
  }
  value = activate(text, op->choices[form.choice], value, type);
  if (residual >= 0 && form.present[residual])
    value = text.binary("add", value, type, text.load(op->operands[residual]), type, type);
  return text.cast(value, y.dims, sums, dtype);
}

static bool expand(const YamlNode &node, YamlReader &reader, Ops &ops) {
  auto options = std::make_shared<Options>();
  if (!read(node, reader, *options))
    return false;
  for (const std::string &dtype : options->dtypes)
    for (const std::string &layout : options->layouts)
      for (const Shape &shape : options->shapes) {
        auto op = std::make_unique<Op>();
        auto maker = std::make_shared<Maker>(Maker{*options, shape, dtype, layout, op.get()});
        op->family = "conv2d";
        op->name = "conv2d_" + shape.name() + "_" + layout + "_" + dtype;
        op->about = "y = activation(x * filter" + std::string(options->epilogue.hasBias ? " + bias" : "") + ")" +
                    (options->epilogue.hasResidual ? " + residual" : "") + ", images as " + layout;
        op->isProgram = true;
        op->mostDim = 9;
        maker->addSizes();
        maker->addOperands();
        addActivation(*op, options->epilogue);
        addForms(*op);
        op->specializations.push_back({"any", {}, "serves all sizes"});
        op->oracle = maker->oracleText();
        op->writeBody = [maker, options](KernelText &text, const Form &form) { return maker->write(text, form); };
        ops.push_back(std::move(op));
      }
  return true;
}

extern const Family conv2dFamily;
const Family conv2dFamily = {"conv2d", expand};

} // namespace lathe::oplib
