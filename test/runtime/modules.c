/* test/runtime/modules.c: which modules the runtime takes, which it refuses,
 * and what it says then. Reads the fixture libraries of the working folder.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Fixture.h"
#include "Harness.h"

#include "lathe-runtime/seal.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static lathe_module *module;

static void check_works(void) {
  float image[] = {1, 2, 3}, bias[] = {10};
  lathe_tensor inputs[] = {{image, LATHE_DTYPE_F32, 2, {1, 3}}, {bias, LATHE_DTYPE_F32, 1, {1}}};
  lathe_tensor outputs[2] = {0};
  CHECK_OK(lathe_module_call(module, "main", inputs, 2, outputs, 2));
  if (!outputs[1].data)
    return;
  CHECK(*(double *)outputs[1].data == 50);
  lathe_tensor_free(&outputs[0]);
  lathe_tensor_free(&outputs[1]);
}

static void loads_a_library(void) {
  CHECK_OK(lathe_module_load("fixture.so", &module));
  if (!module)
    return;
  CHECK(lathe_module_function_count(module) == 7);
  CHECK(strcmp(lathe_module_description(module)->model, "fixture") == 0);
  CHECK(lathe_module_function(module, "fill")->input_count == 1);
  CHECK(lathe_module_function(module, "none") == NULL);
  check_works();
  lathe_module *second = NULL;
  CHECK_OK(lathe_module_load("./fixture.so", &second));
  lathe_module_free(module);
  module = second;
  check_works();
  lathe_module_free(module);
  lathe_module_free(NULL);
}

static void refuses_other_versions(void) {
  CHECK_ERROR(lathe_module_load("fixture-other-abi.so", &module), LATHE_INCOMPATIBLE,
              "fixture-other-abi.so: the module has ABI version 7, but this "
              "runtime has 3; compile the model with the compiler that the "
              "runtime came with [module-abi-version]");
  CHECK(module == NULL);
  CHECK_ERROR(lathe_module_load("fixture-refuses.so", &module), LATHE_INCOMPATIBLE,
              "fixture-refuses.so: the module cannot serve ABI version 3 of "
              "this runtime; compile the model with the compiler that the "
              "runtime came with [module-abi-version]");
  CHECK_ERROR_HAS(lathe_module_load("fixture-other-processor.so", &module), LATHE_INCOMPATIBLE, "[target-processor]");
  CHECK_ERROR(lathe_module_load("fixture-no-query.so", &module), LATHE_INCOMPATIBLE,
              "fixture-no-query.so: the library has no symbol "
              "lathe_module_query; give one that was made for this "
              "[module-no-query]");
}

static void write_file(const char *path, const void *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  CHECK(file && fwrite(bytes, 1, size, file) == size);
  if (file)
    fclose(file);
}

static void refuses_other_files(void) {
  CHECK_ERROR(lathe_module_load("no-such-file.so", &module), LATHE_NOT_FOUND,
              "no-such-file.so: cannot read the module: No such file or "
              "directory [module-cannot-read]");
  CHECK_ERROR_HAS(lathe_module_load("", &module), LATHE_NOT_FOUND, "[module-cannot-read]");
  CHECK_ERROR_HAS(lathe_module_load(".", &module), LATHE_INCOMPATIBLE, "this is not a file");
  unlink("module-pipe");
  CHECK(mkfifo("module-pipe", 0600) == 0);
  CHECK_ERROR_HAS(lathe_module_load("module-pipe", &module), LATHE_INCOMPATIBLE, "this is not a file");
  unlink("module-pipe");
  write_file("module-text.so", "INPUT(libm.so)", 14);
  CHECK_ERROR_HAS(lathe_module_load("module-text.so", &module), LATHE_INCOMPATIBLE, "the file is not a shared library");
  unlink("module-text.so");
  CHECK_ERROR_HAS(lathe_module_load(NULL, &module), LATHE_INVALID_ARGUMENT, "[module-null]");
  CHECK_ERROR_HAS(lathe_module_load("fixture.so", NULL), LATHE_INVALID_ARGUMENT, "[module-null]");
  CHECK_ERROR_HAS(lathe_module_from_query(NULL, &module), LATHE_INVALID_ARGUMENT, "[module-null]");
  CHECK_ERROR_HAS(lathe_module_from_desc(NULL, &module), LATHE_INVALID_ARGUMENT, "[module-null]");
}

/* Offsets in the header of a 64-bit ELF file. */
enum { MACHINE_AT = 18, SECTIONS_AT = 40, SECTION_COUNT_AT = 60 };

static void refuses_truncated_libraries(void) {
  static char bytes[1 << 20];
  FILE *file = fopen("fixture.so", "rb");
  size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
  if (file)
    fclose(file);
  CHECK(size > 1000 && size < sizeof bytes);
  for (size_t kept = 0; kept < size; kept += kept < 200 ? 1 : 61) {
    write_file("module-truncated.so", bytes, kept);
    CHECK_ERROR_HAS(lathe_module_load("module-truncated.so", &module), LATHE_INCOMPATIBLE,
                    kept < 4 ? "[module-not-a-library]" : "[module-truncated]");
  }
  /* Without section headers at the end, the segments must tell. */
  memset(bytes + SECTIONS_AT, 0, 8);
  memset(bytes + SECTION_COUNT_AT, 0, 2);
  write_file("module-truncated.so", bytes, 4096 < size ? 4096 : size / 2);
  CHECK_ERROR_HAS(lathe_module_load("module-truncated.so", &module), LATHE_INCOMPATIBLE, "[module-truncated]");
  bytes[MACHINE_AT] = 2; /* SPARC. */
  bytes[MACHINE_AT + 1] = 0;
  write_file("module-truncated.so", bytes, size);
  CHECK_ERROR_HAS(lathe_module_load("module-truncated.so", &module), LATHE_INCOMPATIBLE,
                  "the library is for another machine (ELF machine 2), but this processor is ");
  unlink("module-truncated.so");
}

/* Writes `size` bytes of a library and the seal for them, with a hole where the
 * weights would be. */
static size_t seal(char *bytes, size_t size) {
  lathe_seal seal = {LATHE_SEAL_MAGIC, size + sizeof seal, 1024, 1088, 0, 0};
  lathe_checksum sum;
  lathe_checksum_begin(&sum);
  lathe_checksum_add(&sum, bytes, 1024);
  lathe_checksum_add(&sum, bytes + 1088, size - 1088);
  seal.checksum = lathe_checksum_end(&sum);
  uint64_t weights = lathe_checksum_of(bytes + 1024, 64);
  seal.weights_checksum = lathe_checksum_of(&weights, sizeof weights);
  memcpy(bytes + size, &seal, sizeof seal);
  return size + sizeof seal;
}

static void refuses_changed_libraries(void) {
  static char bytes[1 << 20];
  FILE *file = fopen("fixture.so", "rb");
  size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
  if (file)
    fclose(file);
  CHECK(size > 2000 && size < sizeof bytes - 200);
  size_t sealed = seal(bytes, size);
  write_file("module-changed.so", bytes, sealed);
  CHECK_OK(lathe_module_load("module-changed.so", &module));
  lathe_module_free(module);
  /* Every 97th byte, one after the other. */
  for (size_t at = 64; at < sealed - sizeof(lathe_seal); at += 97) {
    bytes[at] ^= 0x10;
    write_file("module-changed.so", bytes, sealed);
    CHECK_ERROR_HAS(lathe_module_load("module-changed.so", &module), LATHE_INCOMPATIBLE, "[module-");
    bytes[at] ^= 0x10;
  }
  bytes[size - 1] ^= 1;
  write_file("module-changed.so", bytes, sealed);
  CHECK_ERROR(lathe_module_load("module-changed.so", &module), LATHE_INCOMPATIBLE,
              "module-changed.so: the file is damaged: bytes were changed since lathe compile wrote it; "
              "copy or compile it again [module-checksum]");
  bytes[size - 1] ^= 1;
  /* A weight that nobody wants to hear of. */
  lathe_load_options options = {.struct_size = sizeof options, .flags = LATHE_LOAD_UNCHECKED_WEIGHTS};
  bytes[1025] ^= 1;
  write_file("module-changed.so", bytes, sealed);
  CHECK_ERROR_HAS(lathe_module_load("module-changed.so", &module), LATHE_INCOMPATIBLE, "weights were changed");
  bytes[1025] ^= 1;
  /* The linker reads these bytes of the fixture: only their checksum may be wrong. */
  bytes[sealed - 1] ^= 1;
  write_file("module-changed.so", bytes, sealed);
  CHECK_ERROR_HAS(lathe_module_load("module-changed.so", &module), LATHE_INCOMPATIBLE, "weights were changed");
  CHECK_OK(lathe_module_load_with("module-changed.so", &options, &module));
  lathe_module_free(module);
  bytes[sealed - 1] ^= 1;
  options.flags = 6;
  CHECK_ERROR_HAS(lathe_module_from_query_with(lathe_module_query, &options, &module), LATHE_INVALID_ARGUMENT,
                  "[module-options-flags]");
  memmove(bytes + 1100, bytes + 1099, sealed - 1099);
  write_file("module-changed.so", bytes, sealed + 1);
  CHECK_ERROR_HAS(lathe_module_load("module-changed.so", &module), LATHE_INCOMPATIBLE, "bytes were lost or added");
  memmove(bytes + 1099, bytes + 1100, sealed - 1099);
  lathe_seal broken;
  memcpy(&broken, bytes + size, sizeof broken);
  broken.weights_end = UINT64_MAX;
  memcpy(bytes + size, &broken, sizeof broken);
  write_file("module-changed.so", bytes, sealed);
  CHECK_ERROR_HAS(lathe_module_load("module-changed.so", &module), LATHE_INCOMPATIBLE, "its seal was changed");
  unlink("module-changed.so");
}

static void refuses_damaged_descriptions(void) {
  const lathe_module_desc good = *lathe_module_query(LATHE_ABI_VERSION);
  lathe_module_desc desc = good;
  lathe_variant_desc variant;
  lathe_function_desc function;
  lathe_value_desc value;
  lathe_kernel_desc kernel;
  lathe_argument_desc argument = {.struct_size = sizeof argument, .dtype = LATHE_DTYPE_F32, .rank = 1};
  const lathe_kernel_desc *const kernels[] = {&kernel};
  const lathe_argument_desc *const arguments[] = {&argument};
  const lathe_variant_desc *const variants[] = {&variant};
  const lathe_function_desc *const functions[] = {&function};
  const lathe_value_desc *const inputs[] = {&value};
  const int64_t bad_symbol[] = {-2, 3}, no_size[] = {8, 4, 1};
#define REFUSES(part) CHECK_ERROR_HAS(lathe_module_from_desc(&desc, &module), LATHE_INCOMPATIBLE, part)
#define DAMAGE_VARIANT(member, damage)                                                                                 \
  do {                                                                                                                 \
    desc = good;                                                                                                       \
    desc.variants = variants;                                                                                          \
    variant = *good.variants[0];                                                                                       \
    variant.member = damage;                                                                                           \
  } while (0)
#define DAMAGE_KERNEL(member, damage)                                                                                  \
  do {                                                                                                                 \
    DAMAGE_VARIANT(kernels, kernels);                                                                                  \
    variant.kernel_count = 1;                                                                                          \
    kernel = (lathe_kernel_desc){                                                                                      \
        .struct_size = sizeof kernel, .name = "k", .key = "0f", .strategy = "cpu.loops", .nodes = "n"};                \
    kernel.member = damage;                                                                                            \
  } while (0)
#define DAMAGE_FUNCTION(member, damage)                                                                                \
  do {                                                                                                                 \
    DAMAGE_VARIANT(functions, functions);                                                                              \
    variant.function_count = 1;                                                                                        \
    function = *good.variants[0]->functions[0];                                                                        \
    function.member = damage;                                                                                          \
  } while (0)
#define DAMAGE_INPUT(member, damage)                                                                                   \
  do {                                                                                                                 \
    DAMAGE_FUNCTION(inputs, inputs);                                                                                   \
    function.input_count = 1;                                                                                          \
    value = *good.variants[0]->functions[0]->inputs[0];                                                                \
    value.member = damage;                                                                                             \
  } while (0)
  desc.variants = NULL;
  REFUSES("[module-damaged]");
  desc = good;
  desc.variant_count = 0;
  REFUSES("[module-damaged]");
  desc = good;
  desc.struct_size = offsetof(lathe_module_desc, metadata);
  REFUSES("[module-damaged]");
  desc = good;
  desc.features = UINT64_C(1) << 63;
  REFUSES("the module needs feature bits 0x8000000000000000 that this runtime does not know");
  DAMAGE_VARIANT(functions, NULL);
  REFUSES("[module-damaged]");
  DAMAGE_VARIANT(target, NULL);
  REFUSES("[module-damaged]");
  DAMAGE_VARIANT(struct_size, 8);
  REFUSES("[module-damaged]");
  DAMAGE_VARIANT(kernel_count, 1);
  REFUSES("[module-damaged]");
  DAMAGE_KERNEL(nodes, NULL);
  REFUSES("description of kernel 0 has a NULL");
  DAMAGE_KERNEL(operand_count, 1);
  REFUSES("the arguments of kernel \"k\" have a NULL");
  DAMAGE_KERNEL(result_count, 1);
  REFUSES("the arguments of kernel \"k\" have a NULL");
  DAMAGE_KERNEL(operand_count, 1);
  kernel.operands = arguments;
  REFUSES("the arguments of kernel \"k\" have a NULL");
  argument.rank = 0;
  CHECK_OK(lathe_module_from_desc(&desc, &module));
  lathe_module_free(module);
  DAMAGE_KERNEL(struct_size, offsetof(lathe_kernel_desc, size_count)); /* Of an older compiler. */
  kernel.operand_count = 1;
  CHECK_OK(lathe_module_from_desc(&desc, &module));
  lathe_module_free(module);
  DAMAGE_FUNCTION(struct_size, offsetof(lathe_function_desc, run));
  REFUSES("description of function 0 has a NULL");
  DAMAGE_FUNCTION(plan, NULL);
  REFUSES("description of function 0 has a NULL");
  DAMAGE_FUNCTION(name, NULL);
  REFUSES("description of function 0 has a NULL");
  DAMAGE_FUNCTION(check_messages, NULL);
  REFUSES("description of function 0 has a NULL");
  DAMAGE_FUNCTION(symbol_ranges, no_size);
  REFUSES("the range of symbol 0 of function \"main\" has no size in it");
  DAMAGE_INPUT(dtype, 99);
  REFUSES("\"image\" of function \"main\" has dtype 99");
  DAMAGE_INPUT(rank, 9);
  REFUSES("\"image\" of function \"main\" has rank 9 and some dims");
  DAMAGE_INPUT(dims, NULL);
  REFUSES("\"image\" of function \"main\" has rank 2 and no dims");
  DAMAGE_INPUT(kind, 7);
  REFUSES("\"image\" of function \"main\" has kind 7, space 0 and flags 0x0");
  DAMAGE_INPUT(space, 1);
  REFUSES("[module-value-kind]");
  DAMAGE_INPUT(flags, 0x80000000u);
  REFUSES("[module-value-kind]");
  DAMAGE_INPUT(alias, 0);
  REFUSES("may have the memory of input 0, but there are 0");
  DAMAGE_INPUT(name, NULL);
  REFUSES("has an input without a name");
  DAMAGE_INPUT(dims, bad_symbol);
  REFUSES("dim 0 of \"image\" of function \"main\" is symbol 1 of 1");
  desc = good;
  CHECK_OK(lathe_module_from_desc(&desc, &module));
  lathe_module_free(module);
}

/* --- Variants ------------------------------------------------------------ */

static void picks_a_variant(void) {
  const lathe_module_desc good = *lathe_module_query(LATHE_ABI_VERSION);
  lathe_module_desc desc = good;
  lathe_variant_desc best = *good.variants[0], second = best, third = best;
  const lathe_variant_desc *const variants[] = {&best, &second, &third};
  lathe_load_options options = {.struct_size = sizeof options};
  desc.variants = variants;
  desc.variant_count = 3;
  best.name = "alien";
  best.target = "sparc:vis3";
  second.name = "v2";
  third.name = "v1";
  CHECK_OK(lathe_module_from_desc(&desc, &module));
  CHECK(lathe_module_variant(module) == &second);
  lathe_module_free(module);
  options.isa = "v1";
  CHECK_OK(lathe_module_from_desc_with(&desc, &options, &module));
  CHECK(lathe_module_variant(module) == &third);
  lathe_module_free(module);
  options.isa = "alien";
  CHECK_ERROR_HAS(lathe_module_from_desc_with(&desc, &options, &module), LATHE_INCOMPATIBLE,
                  "the variant \"alien\" cannot run here: this machine is ");
  options.isa = "v9";
  CHECK_ERROR_HAS(lathe_module_from_desc_with(&desc, &options, &module), LATHE_NOT_FOUND,
                  "the module has no variant \"v9\": it has alien, ");
  CHECK_ERROR_HAS(lathe_module_from_desc_with(&desc, &options, &module), LATHE_NOT_FOUND, "[module-no-variant]");
  desc.variant_count = 1;
  CHECK_ERROR_HAS(lathe_module_from_desc(&desc, &module), LATHE_INCOMPATIBLE, "[target-processor]");
  options.struct_size = 4;
  CHECK_ERROR_HAS(lathe_module_from_desc_with(&desc, &options, &module), LATHE_INVALID_ARGUMENT,
                  "[module-options-size]");
  CHECK(module == NULL && lathe_module_variant(NULL) == NULL);
  options = (lathe_load_options){.struct_size = sizeof options, .isa = "here"};
  CHECK_OK(lathe_module_load_with("fixture.so", &options, &module));
  lathe_module_free(module);
  CHECK_OK(lathe_module_from_query_with(lathe_module_query, &options, &module));
  lathe_module_free(module);
}

/* --- Imports ------------------------------------------------------------ */

static struct {
  atomic_int allocs, frees, loops;
  size_t largest;
  bool out_of_memory;
} host;

static void *host_alloc(void *context, size_t size, size_t alignment) {
  CHECK(context == &host && alignment == LATHE_ALIGNMENT && size > 0);
  if (host.out_of_memory)
    return NULL;
  atomic_fetch_add(&host.allocs, 1);
  if (size > host.largest)
    host.largest = size;
  return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static void host_free(void *context, void *memory) {
  CHECK(context == &host && memory != NULL);
  atomic_fetch_add(&host.frees, 1);
  free(memory);
}

static int32_t host_parallel_for(void *context, int64_t tasks, uint32_t workers, lathe_task_fn body, void *scratch,
                                 size_t scratch_stride, void *closure) {
  CHECK(context == &host && workers > 1 && scratch_stride == 0);
  atomic_fetch_add(&host.loops, 1);
  int32_t status = 0;
  for (int64_t i = tasks; i-- > 0 && status == 0;)
    status = body(i, i + 1, 0, scratch, closure);
  return status;
}

/* Returns how many allocations the host program saw in a call of this batch. */
static int call_with_batch(int64_t batch, const lathe_call_options *options) {
  float *image = calloc((size_t)batch, 3 * sizeof(float));
  float *bias = calloc((size_t)batch, sizeof(float));
  lathe_tensor inputs[] = {{image, LATHE_DTYPE_F32, 2, {batch, 3}}, {bias, LATHE_DTYPE_F32, 1, {batch}}};
  lathe_tensor outputs[2] = {0};
  int before = atomic_load(&host.allocs);
  CHECK_OK(lathe_module_call_with(module, "main", inputs, 2, outputs, 2, options));
  int allocs = atomic_load(&host.allocs) - before;
  for (int i = 0; i < 2; ++i)
    if (outputs[i].data)
      host_free(&host, outputs[i].data);
  free(image);
  free(bias);
  return allocs;
}

static void uses_the_host_program(void) {
  const lathe_imports imports = {sizeof imports, 0, host_alloc, host_free, host_parallel_for, &host, NULL, NULL, NULL};
  CHECK_OK(lathe_set_threads(2));
  CHECK_OK(lathe_module_from_query(lathe_module_query, &module));
  check_works(); /* Leaves a workspace of the runtime's own allocator. */
  CHECK_OK(lathe_module_set_imports(module, &imports));
  CHECK(call_with_batch(100, NULL) == 3); /* Two outputs and a workspace. */
  CHECK(atomic_load(&host.loops) == 2 && host.largest == 1200);
  CHECK(call_with_batch(100, NULL) == 2); /* The workspace was kept. */
  CHECK(call_with_batch(50, NULL) == 2);
  CHECK(call_with_batch(101, NULL) == 3); /* It had to grow. */
  CHECK(call_with_batch(100, NULL) == 2);
  lathe_module_trim(module);
  CHECK(call_with_batch(100, NULL) == 3);
  int loops = atomic_load(&host.loops);
  CHECK(call_with_batch(10, &(lathe_call_options){.struct_size = sizeof(lathe_call_options), .threads = 1}) == 2);
  CHECK(atomic_load(&host.loops) == loops); /* One thread: run inline. */

  host.out_of_memory = true;
  float image[3] = {0}, bias[1] = {0};
  lathe_tensor inputs[] = {{image, LATHE_DTYPE_F32, 2, {1, 3}}, {bias, LATHE_DTYPE_F32, 1, {1}}};
  lathe_tensor outputs[2] = {0};
  CHECK_ERROR(lathe_module_call(module, "main", inputs, 2, outputs, 2), LATHE_OUT_OF_MEMORY,
              "no memory for output \"scaled\" of 12 bytes "
              "[call-out-of-memory]");
  lathe_module_trim(module);
  CHECK_ERROR(lathe_module_call(module, "main", inputs, 2, outputs, 2), LATHE_OUT_OF_MEMORY,
              "no memory for a workspace of 12 bytes; call with smaller inputs "
              "or fewer at once [call-out-of-memory]");
  CHECK(outputs[0].data == NULL && outputs[1].data == NULL);
  host.out_of_memory = false;

  CHECK(call_with_batch(10, NULL) == 3);
  CHECK_OK(lathe_module_set_imports(module, NULL));
  CHECK(atomic_load(&host.allocs) == atomic_load(&host.frees));
  check_works();
  lathe_imports half = {sizeof half, 0, host_alloc, NULL, NULL, &host, NULL, NULL, NULL};
  CHECK_ERROR_HAS(lathe_module_set_imports(module, &half), LATHE_INVALID_ARGUMENT, "have 'alloc', but no 'free'");
  half.struct_size = 8;
  CHECK_ERROR_HAS(lathe_module_set_imports(module, &half), LATHE_INVALID_ARGUMENT, "[module-imports-size]");
  half.struct_size = sizeof half;
  /* The loop alone: memory stays the runtime's. */
  half.alloc = NULL;
  half.parallel_for = host_parallel_for;
  loops = atomic_load(&host.loops);
  CHECK_OK(lathe_module_set_imports(module, &half));
  check_works();
  CHECK(atomic_load(&host.loops) == loops); /* One task each: run inline. */
  float images[] = {1, 2, 3, 4, 5, 6}, biases[] = {10, 20};
  lathe_tensor two[] = {{images, LATHE_DTYPE_F32, 2, {2, 3}}, {biases, LATHE_DTYPE_F32, 1, {2}}};
  CHECK_OK(lathe_module_call(module, "main", two, 2, outputs, 2));
  CHECK(atomic_load(&host.loops) == loops + 2);
  lathe_tensor_free(&outputs[0]);
  lathe_tensor_free(&outputs[1]);
  CHECK(atomic_load(&host.allocs) == atomic_load(&host.frees));
  lathe_module_free(module);
}

static int32_t compute_nothing(lathe_custom_op_call *call) { return call->output_count == 0; }

static void takes_operators(void) {
  CHECK_ERROR_HAS(lathe_register_custom_op(NULL, compute_nothing, NULL), LATHE_INVALID_ARGUMENT, "[custom-op-null]");
  CHECK_ERROR_HAS(lathe_register_custom_op("a::b", NULL, NULL), LATHE_INVALID_ARGUMENT, "[custom-op-null]");
  const char *const wrong[] = {"", "b", "::b", "a::"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; ++i)
    CHECK_ERROR_HAS(lathe_register_custom_op(wrong[i], compute_nothing, NULL), LATHE_INVALID_ARGUMENT,
                    "[custom-op-name]");
  CHECK_OK(lathe_register_custom_op("a::b", compute_nothing, NULL));
  CHECK_OK(lathe_register_custom_op("a::b", compute_nothing, NULL)); /* The same again. */

  lathe_custom_op op = {sizeof op, 0, "a::c", compute_nothing, NULL};
  const lathe_custom_op *ops[] = {&op, NULL};
  lathe_custom_op_library library = {LATHE_ABI_VERSION, sizeof library, NULL, ops, 1, 0};
  CHECK_OK(lathe_register_custom_ops(&library));
  CHECK_ERROR_HAS(lathe_register_custom_ops(NULL), LATHE_INVALID_ARGUMENT, "[custom-op-null]");
  library.op_count = 2;
  CHECK_ERROR_HAS(lathe_register_custom_ops(&library), LATHE_INCOMPATIBLE, "[custom-op-library]");
  library.struct_size = 8;
  CHECK_ERROR_HAS(lathe_register_custom_ops(&library), LATHE_INCOMPATIBLE, "[custom-op-library]");
  library.abi_version = 1;
  CHECK_ERROR_HAS(lathe_register_custom_ops(&library), LATHE_INCOMPATIBLE, "[module-abi-version]");

  CHECK_ERROR_HAS(lathe_load_custom_ops(NULL, NULL), LATHE_INVALID_ARGUMENT, "[custom-op-null]");
  CHECK_ERROR_HAS(lathe_load_custom_ops("fixture-no-query.so", NULL), LATHE_INCOMPATIBLE, "lathe_custom_ops_query");
  CHECK_ERROR_HAS(lathe_load_custom_ops("fixture-other-ops.so", NULL), LATHE_INCOMPATIBLE,
                  "fixture-other-ops.so: the library of operators has ABI version 7, but");
}

int main(int argc, char **argv) {
  static const struct test_case cases[] = {
      {"loads-a-library", loads_a_library},
      {"refuses-other-versions", refuses_other_versions},
      {"refuses-other-files", refuses_other_files},
      {"refuses-truncated-libraries", refuses_truncated_libraries},
      {"refuses-changed-libraries", refuses_changed_libraries},
      {"refuses-damaged-descriptions", refuses_damaged_descriptions},
      {"picks-a-variant", picks_a_variant},
      {"uses-the-host-program", uses_the_host_program},
      {"takes-operators", takes_operators},
  };
  return RUN_CASES(cases, argc, argv);
}
