// test/fuzz/Messages.h: changes to an ONNX model that leave it one.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_TEST_FUZZ_MESSAGES_H
#define LATHE_TEST_FUZZ_MESSAGES_H

#include <string>
#include <string_view>

namespace lathe::fuzz {

/// The serialized ModelProto `model` with one to four fields changed, doubled, dropped, moved or taken from elsewhere
/// in it; "" if it cannot be read. The same for the same seed.
std::string changeModel(std::string_view model, unsigned seed);

} // namespace lathe::fuzz

#endif // LATHE_TEST_FUZZ_MESSAGES_H
