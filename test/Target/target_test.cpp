// test/Target/target_test.cpp: target strings mean what the documentation says,
// and wrong ones say how they are wrong.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lathe/Support/Diagnostics.h"
#include "lathe/Target/Title.h"

#include <cstdio>

using namespace lathe;

static int failures = 0;

static void expect(bool condition, const char *what, const std::string &got) {
  if (condition)
    return;
  ++failures;
  std::printf("FAILED: %s; got \"%s\"\n", what, got.c_str());
}

/// The canonical form of `text`, or the diagnostics.
static std::string canonical(llvm::StringRef text) {
  Diagnostics diagnostics;
  std::optional<Target> target = Target::parse(text, diagnostics);
  return target ? target->str() : diagnostics.text();
}

static void expectCanonical(llvm::StringRef text, llvm::StringRef expected) {
  std::string got = canonical(text);
  expect(got == expected, text.data(), got);
  // What is canonical stays as it is.
  expect(canonical(got) == got, "canonical form is stable", canonical(got));
}

static void expectError(llvm::StringRef text, llvm::StringRef part) {
  std::string got = canonical(text);
  expect(llvm::StringRef(got).contains(part), part.data(), got);
}

static Target parsed(llvm::StringRef text) {
  Diagnostics diagnostics;
  std::optional<Target> target = Target::parse(text, diagnostics);
  expect(target.has_value(), text.data(), diagnostics.text());
  return target.value_or(Target::host());
}

int main() {
  expectCanonical("x86_64", "x86_64");
  expectCanonical("x86_64:fma,avx2", "x86_64:fma,avx2");
  expectCanonical("x86_64:avx2,fma,avx2", "x86_64:fma,avx2");
  expectCanonical("x86_64:avx512f,avx2", "x86_64:avx512f");
  expectCanonical("x86_64:v1", "x86_64");
  expectCanonical("x86_64:v2", "x86_64:v2");
  expectCanonical("x86_64:sse4.2,popcnt", "x86_64:v2");
  expectCanonical("x86_64:avx2,fma,v2", "x86_64:v2,fma,avx2");
  expectCanonical("x86_64:v4,avx512vnni,bmi", "x86_64:v4,avx512vnni");
  expectCanonical("x86_64:v4,avx512vnni,avx512bf16,amx-int8,amx-bf16", "x86_64:amx");
  expectCanonical("aarch64:neon", "aarch64");
  expectCanonical("aarch64:i8mm", "aarch64:i8mm");
  expectCanonical("riscv64", "riscv64");
  expectCanonical("riscv64:gc,v", "riscv64:v");
  auto expectTitle = [](llvm::StringRef text, llvm::StringRef expected) {
    expect(titleOf(text) == expected, text.data(), titleOf(text));
  };
  expectTitle("x86_64:amx,gfni,avx512vbmi,avx512fp16,avx512bitalg", "x86_64:v4+amx");
  expectTitle("x86_64:v4,avx512vnni,avx512bf16,gfni,avx512vbmi", "x86_64:v4,avx512vnni,avx512bf16");
  expectTitle("x86_64:v3,avxvnni,gfni,avxvnniint8", "x86_64:v3,avxvnni");
  expectTitle("x86_64:fma,avx2", "x86_64:fma,avx2");
  expectTitle("aarch64:dotprod,bf16,i8mm,sve2", "aarch64:bf16,i8mm,sve2");
  expectTitle("cuda:sm_90a", "cuda:sm_90a");
  expectTitle("v2+v3", "v2+v3");
  expect(canonical("host") == Target::host().str(), "host", canonical("host"));
  expect(canonical(Target::host().str()) == Target::host().str(), "the host's canonical form can be read",
         Target::host().str());

  expectError("x86_64:avx51", "did you mean 'avx512f'? [target-unknown-feature]");
  expectError("x86_64:avx51", "unknown CPU feature 'avx51'; did");
  expectError("x86-64:avx2", "did you mean 'x86_64'? [target-unknown-arch]");
  expectError("", "[target-unknown-arch]");
  expectError("x86_64:", "[target-unknown-feature]");
  expectError("x86_64:avx2,", "[target-unknown-feature]");
  expectError("aarch64:avx2", "[target-unknown-feature]");
  expectError("x86_64:v5", "[target-unknown-feature]");
  expectCanonical("cuda", "cuda:sm_80");
  for (llvm::StringRef gpu : {"sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120a"})
    expectCanonical(("cuda:" + gpu).str(), ("cuda:" + gpu).str());
  expectError("cuda:sm_90", "unknown GPU 'sm_90'");
  expectError("cuda:", "[target-unknown-feature]");
  expectError("cuda:sm_80,sm_86", "[target-several-gpus]");
  expectError("cudo:sm_80", "did you mean 'cuda'?");

  expect(parsed("x86_64:avx512f").has("avx2"), "avx512f implies avx2", "");
  expect(!parsed("x86_64:avx2").has("avx512f"), "avx2 implies no more", "");
  expect(!parsed("x86_64").has("nonsense"), "no such feature", "");
  auto unit = [](llvm::StringRef text) { return parsed(text).vectorUnit().name.str(); };
  expect(unit("x86_64:v4") == "avx512", "unit of v4", unit("x86_64:v4"));
  expect(unit("x86_64:v3") == "avx2", "unit of v3", unit("x86_64:v3"));
  expect(unit("x86_64:avx2") == "sse2", "avx2 without fma", unit("x86_64:avx2"));
  expect(unit("x86_64:avx512f") == "avx2", "avx512f alone has no byte masks", unit("x86_64:avx512f"));
  expect(unit("aarch64") == "neon", "unit of aarch64", unit("aarch64"));
  expect(parsed("x86_64:v4").vectorUnit().lanes() == 16, "lanes of v4", "");
  std::string features = parsed("x86_64:avx2,fma").llvmFeatures();
  expect(features == "+sse3,+ssse3,+sse4.1,+sse4.2,+avx,+fma,+avx2", "features for LLVM", features);
  expect(parsed("aarch64").llvmTriple().starts_with("aarch64-"), "triple for LLVM", parsed("aarch64").llvmTriple());

  expect(parsed("riscv64").llvmFeatures() == "+m,+a,+f,+d,+c", "what every RISC-V Linux has",
         parsed("riscv64").llvmFeatures());
  expect(parsed("riscv64").llvmAbi() == "lp64d", "the ABI of RISC-V", parsed("riscv64").llvmAbi().str());
  expect(parsed("riscv64:v").vectorUnit().isScalable, "RISC-V vectors are scalable", "");
  expect(parsed("x86_64:amx").matrixUnit() && parsed("x86_64:amx").matrixUnit()->rowBytes == 64, "tiles of AMX", "");
  expect(!parsed("x86_64:v4").matrixUnit(), "v4 has no tiles", "");

  expect(parsed("x86_64").name() == "v1", "name without features", parsed("x86_64").name());
  expect(parsed("aarch64").name() == "neon", "name without features", parsed("aarch64").name());
  expect(parsed("x86_64:v4,avx512vnni").name() == "v4,avx512vnni", "name", parsed("x86_64:v4,avx512vnni").name());
  expect(parsed("x86_64:v4").includes(parsed("x86_64:v3")), "v4 includes v3", "");
  expect(!parsed("x86_64:v3").includes(parsed("x86_64:v4")), "v3 does not include v4", "");
  expect(!parsed("x86_64").includes(parsed("aarch64")), "another architecture", "");
  Target hopper = parsed("cuda:sm_90a");
  expect(hopper.kind() == TargetKind::Gpu && parsed("x86_64").kind() == TargetKind::Cpu, "kinds", "");
  expect(hopper.llvmCpu() == "sm_90a" && hopper.llvmFeatures() == "+ptx80", "what LLVM is told", hopper.llvmFeatures());
  expect(!parsed("x86_64").gpu() && parsed("x86_64").llvmCpu().empty(), "a CPU is no GPU", "");
  expect(hopper.includes(parsed("cuda:sm_89")) && !parsed("cuda:sm_100a").includes(hopper), "what runs what", "");
  auto list = [](llvm::StringRef text) {
    Diagnostics diagnostics;
    std::string names;
    for (const Target &target : Target::parseList(text, diagnostics))
      names += (names.empty() ? "" : " ") + target.str();
    return names.empty() ? diagnostics.text() : names;
  };
  auto expectList = [&](llvm::StringRef text, llvm::StringRef expected) {
    std::string got = list(text);
    expect(llvm::StringRef(got).contains(expected), text.data(), got);
  };
  expectList("x86_64:v2+amx+v3+v4", "x86_64:amx x86_64:v4 x86_64:v3 x86_64:v2");
  expectList("x86_64:v2,avxvnni+v2,gfni+v2", "x86_64:v2,gfni x86_64:v2,avxvnni x86_64:v2");
  expectList("aarch64:neon+dotprod+i8mm+bf16", "aarch64:bf16 aarch64:i8mm aarch64:dotprod aarch64");
  expectList("x86_64:v3", "x86_64:v3");
  expectList("riscv64+v", "riscv64:v riscv64");
  expectList("host", Target::host().str());
  expectList("x86_64:v2+v9", "[target-unknown-feature]");
  expectList("x86_64:v2+sse4.2,popcnt", "target 'x86_64:v2' is named twice");
  expectList("x86_64:v2+", "[target-unknown-feature]");
  expectList("x86_64:v2+aarch64:neon", "'aarch64' and 'x86_64:v2' are of different architectures");
  expectList("aarch64:neon+aarch64:dotprod", "aarch64:dotprod aarch64");
  expectList("cuda+x86_64:v2+v3", "x86_64:v3 x86_64:v2 cuda:sm_80");
  expectList("cuda:sm_80+sm_120a+sm_90a", "cuda:sm_90a cuda:sm_120a cuda:sm_80");
  expectList("x86_64:v3+cuda", "x86_64:v3 cuda:sm_80");
  expectList("cuda+x86_64+aarch64", "[target-architectures]");
  if (Target::host().arch() == "x86_64") {
    expectList("host+v1,gfni", Target::host().str());
    expectList("x86_64:v1,gfni+host", Target::host().str());
    expectList("aarch64+host", "[target-architectures]");
  }

  if (failures == 0)
    std::puts("ok");
  return failures != 0;
}
