/* test/runtime/spaces.c: modules and calls with memory that is not the host's,
 * and each way in which they can be wrong.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Fixture.h"
#include "Harness.h"

#include <stdlib.h>

/* --- A device ----------------------------------------------------------- */

/* Its addresses are none of the program's: whoever follows one crashes. */
#define FAR_AWAY (UINT64_C(1) << 62)

static struct {
  int held, copies;
  bool has_no_memory, fails, frees;
  const void *input; /* Of the program's last call. */
} state;

static char *here(const void *address) { return (char *)((uintptr_t)address - FAR_AWAY); }

static void *device_alloc(void *context, size_t size, size_t alignment) {
  (void)context;
  if (state.has_no_memory)
    return NULL;
  ++state.held;
  return (void *)((uintptr_t)lathe_default_imports()->alloc(NULL, size, alignment) + FAR_AWAY);
}

static void device_free(void *context, void *memory) {
  (void)context;
  --state.held;
  lathe_default_imports()->free(NULL, here(memory));
}

static int32_t device_copy(void *context, void *target, uint32_t target_space, const void *source,
                           uint32_t source_space, size_t size) {
  (void)context;
  if (state.fails)
    return LATHE_TASK_DEVICE;
  ++state.copies;
  memcpy(target_space ? here(target) : (char *)target, source_space ? here(source) : (const char *)source, size);
  return 0;
}

static const lathe_space_services device = {.struct_size = sizeof device,
                                            .space = LATHE_SPACE_CUDA,
                                            .alloc = device_alloc,
                                            .free = device_free,
                                            .copy = device_copy,
                                            .context = NULL};
static const lathe_space_services *const spaces[] = {&device};

/* --- A module ----------------------------------------------------------- */

static const float weights[2] = {10, 20};

/* y = x, on the device, and z, of the size that the first element of x says: the weights. */
static int32_t plan(lathe_call *call, uint64_t *workspace_bytes) {
  call->output_dims[0][0] = call->input_dims[0][0];
  workspace_bytes[LATHE_SPACE_CUDA] = (uint64_t)call->input_dims[0][0] * sizeof(float);
  return 0;
}

static int32_t run(lathe_call *call) {
  const lathe_call_space *space = call->spaces[LATHE_SPACE_CUDA];
  const lathe_space_services *services = space->services;
  size_t bytes = (size_t)call->input_dims[0][0] * sizeof(float);
  float first = 0;
  state.input = call->inputs[0];
  int32_t status = services->copy(services->context, space->workspace, 1, call->inputs[0], 1, bytes);
  if (status == 0)
    status = services->copy(services->context, call->outputs[0], 1, space->workspace, 1, bytes);
  if (status == 0)
    status = services->copy(services->context, &first, 0, space->workspace, 1, sizeof first);
  if (status != 0)
    return status;
  call->output_dims[1][0] = (int64_t)first;
  if (!state.frees)
    services->alloc(services->context, 8, LATHE_ALIGNMENT); /* Nobody gives it back. */
  if (first == 2) {
    call->outputs[1] = (void *)space->weights; /* Not the call's, so it is copied. */
    return 0;
  }
  call->outputs[1] = services->alloc(services->context, sizeof weights, LATHE_ALIGNMENT);
  if (!call->outputs[1])
    return LATHE_TASK_OUT_OF_MEMORY;
  return services->copy(services->context, call->outputs[1], 1, space->weights, 1, (size_t)first * sizeof(float));
}

static const int64_t free_dim[] = {-1}, any_dim[] = {INT64_MIN};
static lathe_value_desc x = {.struct_size = sizeof x,
                             .name = "x",
                             .dtype = LATHE_DTYPE_F32,
                             .rank = 1,
                             .dims = free_dim,
                             .space = LATHE_SPACE_CUDA,
                             .alias = -1};
static lathe_value_desc y = {.struct_size = sizeof y,
                             .name = "y",
                             .dtype = LATHE_DTYPE_F32,
                             .rank = 1,
                             .dims = free_dim,
                             .space = LATHE_SPACE_CUDA,
                             .alias = -1};
static lathe_value_desc z = {.struct_size = sizeof z,
                             .name = "z",
                             .dtype = LATHE_DTYPE_F32,
                             .rank = 1,
                             .dims = any_dim,
                             .space = LATHE_SPACE_CUDA,
                             .flags = LATHE_VALUE_SIZED_BY_RUN,
                             .alias = -1};
static const lathe_value_desc *const inputs_of[] = {&x}, *const outputs_of[] = {&y, &z};
static const char *const names[] = {"n"};
static const lathe_function_desc main_function = {.struct_size = sizeof main_function,
                                                  .input_count = 1,
                                                  .name = "main",
                                                  .inputs = inputs_of,
                                                  .outputs = outputs_of,
                                                  .output_count = 2,
                                                  .symbol_count = 1,
                                                  .symbol_names = names,
                                                  .plan = plan,
                                                  .run = run};
static const lathe_function_desc *const functions[] = {&main_function};
static lathe_variant_desc variant;
static const lathe_variant_desc *const variants[] = {&variant};
static lathe_module_desc desc;
static lathe_module *module;

static void set_up(void) {
  variant = *lathe_module_query(LATHE_ABI_VERSION)->variants[0];
  variant.struct_size = sizeof variant;
  variant.name = "device";
  variant.functions = functions;
  variant.function_count = 1;
  variant.kernel_count = 0;
  variant.spaces = 1u << LATHE_SPACE_CUDA;
  desc = *lathe_module_query(LATHE_ABI_VERSION);
  desc.features = LATHE_FEATURE_SPACES;
  desc.variants = variants;
  desc.variant_count = 1;
  desc.weights = weights;
  desc.weights_size = sizeof weights;
  memset(&state, 0, sizeof state);
}

static lathe_status load(void) {
  lathe_load_options options = {.struct_size = sizeof options, .spaces = spaces, .space_count = 1};
  return lathe_module_from_desc_with(&desc, &options, &module);
}

static lathe_tensor input, outputs[2];

static void set_up_call(float first) {
  float values[3] = {first, 5, 6};
  lathe_tensor source = {.data = values, .dtype = LATHE_DTYPE_F32, .rank = 1, .dims = {3}};
  input = source;
  input.space = LATHE_SPACE_CUDA;
  CHECK_OK(lathe_module_tensor_alloc(module, &input));
  CHECK_OK(lathe_module_tensor_copy(module, &source, &input));
  memset(outputs, 0, sizeof outputs);
}

static lathe_status call(void) { return lathe_module_call(module, "main", &input, 1, outputs, 2); }

static void check_tensor(const lathe_tensor *tensor, const float *expected, int64_t count) {
  float values[8];
  lathe_tensor target = {.data = values, .dtype = LATHE_DTYPE_F32, .rank = 1, .dims = {count}};
  CHECK(tensor->space == LATHE_SPACE_CUDA && tensor->dims[0] == count);
  CHECK_OK(lathe_module_tensor_copy(module, tensor, &target));
  CHECK(memcmp(values, expected, (size_t)count * sizeof(float)) == 0);
}

static void tear_down(void) {
  lathe_module_tensor_free(module, &input);
  lathe_module_tensor_free(module, &outputs[0]);
  lathe_module_tensor_free(module, &outputs[1]);
  lathe_module_free(module);
  CHECK(state.held == 0);
}

/* --- Cases -------------------------------------------------------------- */

static void computes(void) {
  for (int first = 1; first <= 2; ++first) {
    set_up();
    CHECK_OK(load());
    set_up_call((float)first);
    for (int i = 0; i < 2; ++i) {
      CHECK_OK(call());
      const float expected[] = {(float)first, 5, 6};
      check_tensor(&outputs[0], expected, 3);
      check_tensor(&outputs[1], weights, first);
      /* The second call takes the memory that the first one made. */
      lathe_module_tensor_free(module, &outputs[1]);
    }
    lathe_tensor_free(&outputs[0]); /* Does nothing: it is not the host's. */
    CHECK(outputs[0].data != NULL);
    tear_down();
  }
}

static void refuses_what_nobody_serves(void) {
  set_up();
  CHECK_ERROR(lathe_module_from_desc(&desc, &module), LATHE_INCOMPATIBLE,
              "the variant \"device\" needs memory space 1 (cuda), which nothing serves here; give what serves it in "
              "lathe_load_options.spaces, or compile the model for the CPU [module-space]");
  lathe_load_options old = {.struct_size = offsetof(lathe_load_options, spaces)};
  CHECK_ERROR_HAS(lathe_module_from_desc_with(&desc, &old, &module), LATHE_INCOMPATIBLE, "[module-space]");
  lathe_load_options without = {.struct_size = sizeof without, .space_count = 1};
  CHECK_ERROR_HAS(lathe_module_from_desc_with(&desc, &without, &module), LATHE_INVALID_ARGUMENT, "[module-null]");
  lathe_space_services half = device;
  half.copy = NULL;
  const lathe_space_services *const halves[] = {NULL, &half};
  lathe_load_options options = {.struct_size = sizeof options, .spaces = halves, .space_count = 2};
  CHECK_ERROR_HAS(lathe_module_from_desc_with(&desc, &options, &module), LATHE_INVALID_ARGUMENT,
                  "[module-space-services]");
  variant.spaces = 1u << 7;
  CHECK_ERROR_HAS(load(), LATHE_INCOMPATIBLE, "needs memory space 7 (unknown)");
  /* A value in a space that the variant does not say. */
  variant.spaces = 0;
  CHECK_ERROR_HAS(load(), LATHE_INCOMPATIBLE, "[module-value-kind]");
  desc.features = UINT64_C(1) << 40;
  CHECK_ERROR_HAS(load(), LATHE_INCOMPATIBLE, "[module-features]");
}

static void takes_a_variant_that_is_served(void) {
  set_up();
  lathe_variant_desc plain = *lathe_module_query(LATHE_ABI_VERSION)->variants[0];
  const lathe_variant_desc *const both[] = {&variant, &plain};
  desc.variants = both;
  desc.variant_count = 2;
  CHECK_OK(lathe_module_from_desc(&desc, &module));
  CHECK(lathe_module_variant(module) == &plain);
  lathe_module_free(module);
  CHECK_OK(load());
  CHECK(lathe_module_variant(module) == &variant);
  lathe_module_free(module);
  lathe_load_options options = {.struct_size = sizeof options, .isa = "device"};
  CHECK_ERROR_HAS(lathe_module_from_desc_with(&desc, &options, &module), LATHE_INCOMPATIBLE, "[module-space]");
}

static void finds_wrong_tensors(void) {
  set_up();
  CHECK_OK(load());
  set_up_call(1);
  float values[3] = {1, 2, 3};
  lathe_tensor device_input = input;
  input = (lathe_tensor){.data = values, .dtype = LATHE_DTYPE_F32, .rank = 1, .dims = {3}};
  CHECK_ERROR(call(), LATHE_INVALID_ARGUMENT,
              "input \"x\": its data is in memory space 0 (host), but the model takes cuda; copy it there "
              "[call-space-mismatch]");
  input.space = 9;
  CHECK_ERROR_HAS(call(), LATHE_INVALID_ARGUMENT, "memory space 9 (unknown)");
  CHECK_ERROR_HAS(lathe_module_tensor_alloc(module, &input), LATHE_INVALID_ARGUMENT, "[tensor-space]");
  CHECK_ERROR_HAS(lathe_tensor_alloc(&input), LATHE_INVALID_ARGUMENT, "[tensor-space]");
  lathe_tensor small = {.data = values, .dtype = LATHE_DTYPE_F32, .rank = 1, .dims = {2}};
  CHECK_ERROR_HAS(lathe_module_tensor_copy(module, &device_input, &small), LATHE_INVALID_ARGUMENT, "[tensor-copy]");
  CHECK_ERROR_HAS(lathe_module_tensor_alloc(NULL, &small), LATHE_INVALID_ARGUMENT, "[module-null]");
  CHECK_ERROR_HAS(lathe_module_tensor_copy(NULL, &small, &small), LATHE_INVALID_ARGUMENT, "[module-null]");
  input = device_input;
  outputs[0] = (lathe_tensor){.data = values, .dtype = LATHE_DTYPE_F32, .rank = 1, .dims = {3}};
  CHECK_ERROR_HAS(call(), LATHE_INVALID_ARGUMENT, "[call-output-space-mismatch]");
  outputs[0].data = NULL;
  tear_down();
}

static void finds_what_the_device_lacks(void) {
  set_up();
  state.has_no_memory = true;
  CHECK_ERROR_HAS(load(), LATHE_OUT_OF_MEMORY, "8 bytes of weights in memory space \"cuda\" [module-out-of-memory]");
  state.has_no_memory = false;
  state.fails = true;
  CHECK_ERROR_HAS(load(), LATHE_DEVICE_ERROR, "[space-copy]");
  CHECK(state.held == 0);
  state.fails = false;
  CHECK_OK(load());
  set_up_call(1);
  state.has_no_memory = true;
  CHECK_ERROR_HAS(call(), LATHE_OUT_OF_MEMORY, "a workspace of 12 bytes in memory space \"cuda\"");
  state.has_no_memory = false;
  state.fails = true;
  CHECK_ERROR(call(), LATHE_DEVICE_ERROR, "function \"main\": what serves a memory space failed [call-device]");
  CHECK(outputs[0].data == NULL && outputs[1].data == NULL);
  state.fails = false;
  CHECK_OK(call());
  tear_down();
}

/* Tensors that callers may have anywhere: the call copies them to the program's space and back. */
static void moves_tensors(void) {
  set_up();
  x.flags = y.flags = LATHE_VALUE_MOVES;
  z.flags |= LATHE_VALUE_MOVES;
  CHECK_OK(load());
  set_up_call(1);
  float values[3] = {1, 5, 6}, room[16] __attribute__((aligned(LATHE_ALIGNMENT))) = {0};
  lathe_tensor device_input = input;
  input = (lathe_tensor){.data = values, .dtype = LATHE_DTYPE_F32, .rank = 1, .dims = {3}};
  outputs[0] = (lathe_tensor){.data = room, .dtype = LATHE_DTYPE_F32, .rank = 1, .dims = {3}};
  state.copies = 0;
  CHECK_OK(call());
  CHECK(memcmp(room, values, sizeof values) == 0);
  CHECK(outputs[1].space == LATHE_SPACE_HOST && outputs[1].dims[0] == 1 && *(float *)outputs[1].data == 10);
  lathe_tensor_free(&outputs[1]);
  /* The program's four, the input, and the two outputs. */
  CHECK(state.copies == 7);
  lathe_call_options options = {.struct_size = sizeof options, .output_space = LATHE_SPACE_CUDA};
  outputs[0].data = NULL;
  CHECK_OK(lathe_module_call_with(module, "main", &input, 1, outputs, 2, &options));
  check_tensor(&outputs[0], values, 3);
  check_tensor(&outputs[1], weights, 1);
  options.output_space = 7;
  CHECK_ERROR_HAS(lathe_module_call_with(module, "main", &input, 1, outputs, 2, &options), LATHE_INVALID_ARGUMENT,
                  "memory space 7 (unknown)");
  input.space = 9;
  CHECK_ERROR_HAS(call(), LATHE_INVALID_ARGUMENT, "[call-space-mismatch]");
  input = device_input;
  x.flags = y.flags = 0;
  z.flags = LATHE_VALUE_SIZED_BY_RUN;
  tear_down();
}

/* What begins within a word of the device is copied to where one begins. */
static void moves_what_is_not_aligned(void) {
  set_up();
  CHECK_OK(load());
  set_up_call(1);
  lathe_tensor whole = input;
  for (int skipped = 0; skipped <= 4; skipped += 2) {
    float values[8] = {0};
    const float expected[] = {1, 5, 6};
    memcpy(values + skipped, expected, sizeof expected);
    lathe_tensor source = {.data = values, .dtype = LATHE_DTYPE_F32, .rank = 1, .dims = {8}}, room = source;
    room.space = LATHE_SPACE_CUDA;
    CHECK_OK(lathe_module_tensor_alloc(module, &room));
    CHECK_OK(lathe_module_tensor_copy(module, &source, &room));
    input.data = (char *)room.data + (size_t)skipped * sizeof(float);
    state.copies = 0;
    CHECK_OK(call());
    CHECK((state.input == input.data) == (skipped != 2) && (uintptr_t)state.input % 16 == 0);
    CHECK(state.copies == (skipped == 2 ? 5 : 4)); /* The program's, and the input. */
    check_tensor(&outputs[0], expected, 3);
    lathe_module_tensor_free(module, &outputs[1]);
    lathe_module_tensor_free(module, &room);
  }
  input = whole;
  tear_down();
}

/* --- Streams ------------------------------------------------------------ */

static int marks, streams[3]; /* The last mark of each stream. */
static const void *waited_for, *begun_behind;

static int32_t stream_begin(void *context, void *stream, void *mark) {
  (void)context;
  begun_behind = mark;
  return stream == &marks ? LATHE_TASK_DEVICE : 0;
}
static int32_t stream_end(void *context, void *stream, void **mark) {
  (void)context;
  marks += !*mark;
  *mark = stream ? stream : &streams[0];
  return 0;
}
static int32_t stream_wait(void *context, void *mark) {
  (void)context;
  waited_for = mark;
  --marks;
  return 0;
}
static int32_t stream_copy(void *context, void *stream, void *target, uint32_t target_space, const void *source,
                           uint32_t source_space, size_t size) {
  ++*(stream ? (int *)stream : &streams[0]);
  return device_copy(context, target, target_space, source, source_space, size);
}
static int32_t stream_check(void *context, const void *memory, uint32_t space) {
  (void)context;
  return ((uintptr_t)memory >= FAR_AWAY) == (space == LATHE_SPACE_CUDA) ? 0 : LATHE_TASK_DEVICE;
}
static const char *stream_reason(void *context) {
  (void)context;
  return "it is gone";
}

static void load_with_streams(void) {
  static lathe_space_services served;
  served = device;
  served.begin = stream_begin;
  served.end = stream_end;
  served.wait = stream_wait;
  served.copy_on = stream_copy;
  served.check = stream_check;
  served.reason = stream_reason;
  const lathe_space_services *const list[] = {&served};
  lathe_load_options options = {.struct_size = sizeof options, .spaces = list, .space_count = 1};
  CHECK_OK(lathe_module_from_desc_with(&desc, &options, &module));
  marks = 0;
}

/* A call begins behind what was begun before in the same workspace. Equal handles are no proof that it is in order
 * with that, as one may stand for another queue by now; the driver's own queue is one, and in order with itself. */
static void begins_behind_others(void) {
  set_up();
  state.frees = true;
  load_with_streams();
  set_up_call(2);
  const void *const not_asked = &streams;
  void *const on[] = {NULL, &streams[1], &streams[2], &streams[2], NULL, NULL, &streams[1]};
  const void *const behind[] = {not_asked, &streams[0], &streams[1], &streams[2], &streams[2], not_asked, &streams[0]};
  for (size_t i = 0; i < sizeof on / sizeof *on; ++i) {
    lathe_call_options options = {.struct_size = sizeof options, .stream = on[i]};
    begun_behind = not_asked;
    waited_for = NULL;
    CHECK_OK(lathe_module_call_with(module, "main", &input, 1, outputs, 2, &options));
    CHECK(begun_behind == behind[i] && waited_for == NULL && marks == 1);
    lathe_module_tensor_free(module, &outputs[0]);
    lathe_module_tensor_free(module, &outputs[1]);
  }
  tear_down();
  CHECK(marks == 0 && waited_for == &streams[1]);
}

/* What a call on a stream leaves is waited for before it is freed. */
static void orders_streams(void) {
  set_up();
  load_with_streams();
  set_up_call(2);
  for (int i = 1; i <= 2; ++i) {
    lathe_call_options options = {.struct_size = sizeof options, .stream = &streams[i]};
    waited_for = NULL;
    streams[i] = 0;
    CHECK_OK(lathe_module_call_with(module, "main", &input, 1, outputs, 2, &options));
    /* Memory that the program did not give back is freed behind the call, so nothing is left to wait for. */
    CHECK(waited_for == &streams[i] && marks == 0 && streams[i] > 0);
    lathe_module_tensor_free(module, &outputs[0]);
    lathe_module_tensor_free(module, &outputs[1]);
  }
  lathe_call_options options = {.struct_size = sizeof options, .stream = &marks};
  CHECK_ERROR(lathe_module_call_with(module, "main", &input, 1, outputs, 2, &options), LATHE_INVALID_ARGUMENT,
              "the stream of the call cannot be used in memory space \"cuda\": it is gone [call-stream]");
  lathe_tensor wrong = input;
  wrong.data = here(input.data);
  options.stream = NULL;
  CHECK_ERROR(lathe_module_call_with(module, "main", &wrong, 1, outputs, 2, &options), LATHE_INVALID_ARGUMENT,
              "input \"x\": its data is not where the tensor says: it is gone [call-wrong-memory]");
  tear_down();
  CHECK_OK(load());
  set_up_call(1);
  options.stream = &streams[1];
  CHECK_ERROR_HAS(lathe_module_call_with(module, "main", &input, 1, outputs, 2, &options), LATHE_INVALID_ARGUMENT,
                  "what serves memory space \"cuda\" has none");
  tear_down();
}

int main(int argc, char **argv) {
  static const struct test_case cases[] = {
      {"computes", computes},
      {"refuses-what-nobody-serves", refuses_what_nobody_serves},
      {"takes-a-variant-that-is-served", takes_a_variant_that_is_served},
      {"finds-wrong-tensors", finds_wrong_tensors},
      {"finds-what-the-device-lacks", finds_what_the_device_lacks},
      {"moves-tensors", moves_tensors},
      {"moves-what-is-not-aligned", moves_what_is_not_aligned},
      {"begins-behind-others", begins_behind_others},
      {"orders-streams", orders_streams},
  };
  return RUN_CASES(cases, argc, argv);
}
