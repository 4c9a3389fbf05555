/* lib/Runtime/Core/CustomOps.c: operators whose functions the program brings.
 *
 * Functions are found by name when a module calls them. The list only grows: what
 * has been registered stays, so a call needs no lock, and a name that is registered again
 * is found at its newest place.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Text.h"

#include "lathe-runtime/custom_op.h"

#include <stdlib.h>
#include <string.h>

struct registered {
  struct registered *next;
  lathe_custom_op_fn function;
  void *context;
  char name[];
};

static _Atomic(struct registered *) newest;

static const struct registered *find(const char *name) {
  const struct registered *at = atomic_load_explicit(&newest, memory_order_acquire);
  while (at && strcmp(at->name, name) != 0)
    at = at->next;
  return at;
}

/* --- Registration ------------------------------------------------------- */

lathe_status lathe_register_custom_op(const char *name, lathe_custom_op_fn function, void *context) {
  if (!name || !function)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "custom-op-null",
                           "a name and a function are needed for an operator, but one of them is NULL");
  const char *colons = strstr(name, "::");
  if (!colons || colons == name || colons[2] == '\0')
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "custom-op-name",
                           "an operator is called \"%s\", but \"domain::name\" is expected", name);
  const struct registered *known = find(name);
  if (known && known->function == function && known->context == context)
    return LATHE_OK;
  size_t size = strlen(name) + 1;
  struct registered *entry = malloc(sizeof *entry + size);
  if (!entry)
    return lathe_impl_fail(LATHE_OUT_OF_MEMORY, "module-out-of-memory", "no memory for the name of an operator");
  entry->function = function;
  entry->context = context;
  memcpy(entry->name, name, size);
  entry->next = atomic_load_explicit(&newest, memory_order_relaxed);
  while (
      !atomic_compare_exchange_weak_explicit(&newest, &entry->next, entry, memory_order_release, memory_order_relaxed))
    ;
  return LATHE_OK;
}

/* `path` is that of the library, or what stands for it in messages. */
static lathe_status register_all(const char *path, const lathe_custom_op_library *library) {
  if (!library)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "custom-op-null",
                           "%s: a description of operators is needed, but is NULL", path);
  if (library->abi_version != LATHE_ABI_VERSION)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-abi-version",
                           "%s: the library of operators has ABI version %u, but this runtime has %u; compile it with "
                           "the header that the runtime came with",
                           path, library->abi_version, LATHE_ABI_VERSION);
  if (!LATHE_HAS(library, op_count) || (library->op_count && !library->ops))
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "custom-op-library",
                           "%s: the library has no table of operators; set struct_size to "
                           "sizeof(lathe_custom_op_library)",
                           path);
  for (uint32_t i = 0; i < library->op_count; ++i) {
    const lathe_custom_op *op = library->ops[i];
    if (!op || !LATHE_HAS(op, context))
      return lathe_impl_fail(LATHE_INCOMPATIBLE, "custom-op-library",
                             "%s: operator %u of the library is NULL or too small; set struct_size to "
                             "sizeof(lathe_custom_op)",
                             path, i);
    lathe_status status = lathe_register_custom_op(op->name, op->function, op->context);
    if (status != LATHE_OK)
      return status;
  }
  return LATHE_OK;
}

lathe_status lathe_register_custom_ops(const lathe_custom_op_library *library) {
  return register_all("the program's operators", library);
}

lathe_status lathe_load_custom_ops(const char *path, const lathe_custom_op_library **library) {
  if (library)
    *library = NULL;
  if (!path)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "custom-op-null", "a path is needed, but is NULL");
  void *handle = NULL;
  void *symbol = NULL;
  lathe_status status =
      lathe_impl_library_open(path, /*checks_weights=*/false, "lathe_custom_ops_query", &handle, &symbol);
  if (status != LATHE_OK)
    return status;
  lathe_custom_ops_query_fn query;
  memcpy(&query, &symbol, sizeof symbol);
  /* It stays open: its functions may be called for as long as the process lives. */
  const lathe_custom_op_library *found = query();
  status = register_all(path, found);
  if (status == LATHE_OK && library)
    *library = found;
  return status;
}

/* The operators, of which there is one in each line of `names`. */
static lathe_status check_names(const char *names) {
  while (*names) {
    size_t length = strcspn(names, "\n");
    char *name = strndup(names, length);
    if (!name)
      return lathe_impl_fail(LATHE_OUT_OF_MEMORY, "module-out-of-memory", "no memory for the name of an operator");
    bool is_known = find(name);
    if (!is_known)
      lathe_impl_fail(
          LATHE_INCOMPATIBLE, "module-custom-op",
          "the model needs the operator \"%s\", for which this program has registered no function; load its "
          "library first: lathe_load_custom_ops in C, --custom-op, lathe.register_op in Python",
          name);
    free(name);
    if (!is_known)
      return LATHE_INCOMPATIBLE;
    names += length + (names[length] == '\n');
  }
  return LATHE_OK;
}

lathe_status lathe_impl_check_custom_ops(const lathe_module_desc *desc) {
  for (uint32_t i = 0; i < desc->metadata_count; ++i)
    if (desc->metadata[2 * i] && strcmp(desc->metadata[2 * i], LATHE_CUSTOM_OPS_KEY) == 0 && desc->metadata[2 * i + 1])
      return check_names(desc->metadata[2 * i + 1]);
  return LATHE_OK;
}

/* --- Calls -------------------------------------------------------------- */

/* Whether a tensor is the memory that it was made of: what describes it may come from a text that
 * somebody wrote. */
static bool fits(const lathe_tensor *tensor, const lathe_text_tensor *memory) {
  size_t bytes, bits = lathe_dtype_bits((lathe_dtype)memory->dtype);
  int64_t count = 1;
  for (uint32_t i = 0; i < tensor->rank; ++i)
    if (tensor->dims[i] < 0 || __builtin_mul_overflow(count, tensor->dims[i], &count))
      return false;
  return lathe_tensor_bytes(tensor, &bytes) == LATHE_OK && count == memory->count &&
         (bits == 0 || bits == lathe_dtype_bits(tensor->dtype));
}

/* The operands but the first and the results as tensors. The first operand holds the rank of each with its dims;
 * `types` are those behind the number of attributes. False if they do not fit. */
static bool describe(const lathe_text_call *call, const char *types, lathe_tensor *tensors) {
  const int64_t *sizes = call->operands[0].data;
  int64_t left = call->operands[0].count;
  uint32_t operands = call->operand_count - 1;
  for (uint32_t i = 0; i < operands + call->result_count; ++i, types = lathe_impl_next_text(types)) {
    const lathe_text_tensor *from = i < operands ? &call->operands[i + 1] : &call->results[i - operands];
    if (left < 1 || *sizes < 0 || *sizes > LATHE_MAX_RANK || *sizes > left - 1)
      return false;
    tensors[i] = (lathe_tensor){.data = from->data, .dtype = (lathe_dtype)atoi(types), .rank = (uint32_t)*sizes};
    memcpy(tensors[i].dims, sizes + 1, tensors[i].rank * sizeof *sizes);
    left -= 1 + *sizes;
    sizes += 1 + *sizes;
    if (i < operands && tensors[i].dtype == LATHE_DTYPE_INVALID) /* An input that the node leaves out. */
      tensors[i] = (lathe_tensor){0};
    else if (!fits(&tensors[i], from))
      return false;
  }
  return true;
}

int32_t lathe_impl_custom_op(const struct lathe_impl_request *request) {
  lathe_text_call *call = request->call;
  const struct registered *op = find(request->parameters);
  if (!op) /* Was there when the module was loaded, which says what it needs. */
    return LATHE_TASK_DAMAGED;
  const char *count = lathe_impl_next_text(request->parameters);
  uint32_t attributes = (uint32_t)atoi(count), operands = call->operand_count - 1;
  const lathe_imports *imports = request->imports;
  size_t bytes = (operands + call->result_count) * sizeof(lathe_tensor);
  lathe_tensor *tensors = imports->alloc(imports->context, bytes, LATHE_ALIGNMENT);
  if (!tensors)
    return LATHE_TASK_OUT_OF_MEMORY;
  if (!describe(call, lathe_impl_next_text(count), tensors)) {
    imports->free(imports->context, tensors);
    return LATHE_TASK_DAMAGED;
  }
  lathe_custom_op_call given = {.struct_size = sizeof given,
                                .input_count = operands - attributes,
                                .attribute_count = attributes,
                                .output_count = call->result_count,
                                .inputs = tensors,
                                .attributes = tensors + operands - attributes,
                                .outputs = tensors + operands,
                                .context = op->context};
  int32_t status = op->function(&given);
  imports->free(imports->context, tensors);
  call->error_values[0] = status;
  call->error_values[1] = given.error_value;
  return status != 0;
}
