/* lib/Runtime/Core/Module.c: how modules come and go.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Spaces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bits of lathe_load_options.flags. */
#define KNOWN_FLAGS ((uint32_t)(LATHE_LOAD_UNCHECKED_WEIGHTS | LATHE_LOAD_ON_DEVICE))

static uint32_t max(uint32_t a, uint32_t b) { return a > b ? a : b; }

lathe_status lathe_module_from_desc_with(const lathe_module_desc *desc, const lathe_load_options *options,
                                         lathe_module **result) {
  if (result)
    *result = NULL;
  if (!desc || !result)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "module-null",
                           "a description and a place for the module are "
                           "needed, but one of them is NULL");
  if (options && !LATHE_HAS(options, isa))
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "module-options-size",
                           "struct_size of the options is %u, but must be at least %zu; set it to "
                           "sizeof(lathe_load_options)",
                           options->struct_size, offsetof(lathe_load_options, isa) + sizeof options->isa);
  if (options && LATHE_HAS(options, space_count) && options->space_count && !options->spaces)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "module-null",
                           "the options say that %u memory spaces are served, but 'spaces' is NULL",
                           options->space_count);
  if (options && (options->flags & ~KNOWN_FLAGS))
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "module-options-flags",
                           "the flags of the options are 0x%x, but this runtime knows 0x%x; use the constants "
                           "LATHE_LOAD_... of its own header",
                           options->flags, (unsigned)KNOWN_FLAGS);
  const lathe_variant_desc *variant = NULL;
  lathe_status status = lathe_impl_check_desc(desc, options, &variant);
  if (status != LATHE_OK)
    return status;
  lathe_module *module = calloc(1, sizeof *module);
  if (!module)
    return lathe_impl_fail(LATHE_OUT_OF_MEMORY, "module-out-of-memory", "no memory for a module of %zu bytes",
                           sizeof *module);
  module->desc = desc;
  module->variant = variant;
  for (uint32_t i = 0; i < variant->function_count; ++i) {
    const lathe_function_desc *function = variant->functions[i];
    module->max_inputs = max(module->max_inputs, function->input_count);
    module->max_outputs = max(module->max_outputs, function->output_count);
    module->max_symbols = max(module->max_symbols, function->symbol_count);
  }
  status = lathe_impl_spaces_open(module, options);
  if (status != LATHE_OK) {
    lathe_module_free(module);
    return status;
  }
  *result = module;
  return LATHE_OK;
}

lathe_status lathe_module_from_query_with(lathe_module_query_fn query, const lathe_load_options *options,
                                          lathe_module **module) {
  if (module)
    *module = NULL;
  if (!query || !module)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "module-null",
                           "a query function and a place for the module are "
                           "needed, but one of them is NULL");
  const lathe_module_desc *desc = query(LATHE_ABI_VERSION);
  if (!desc)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-abi-version",
                           "the module cannot serve ABI version %u of this "
                           "runtime; compile the model with the compiler that "
                           "the runtime came with",
                           LATHE_ABI_VERSION);
  return lathe_module_from_desc_with(desc, options, module);
}

lathe_status lathe_module_load_with(const char *path, const lathe_load_options *options, lathe_module **module) {
  if (module)
    *module = NULL;
  if (!path || !module)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "module-null",
                           "a path and a place for the module are needed, but "
                           "one of them is NULL");
  void *library = NULL;
  lathe_module_query_fn query = NULL;
  bool checks_weights =
      !options || options->struct_size < sizeof *options || !(options->flags & LATHE_LOAD_UNCHECKED_WEIGHTS);
  void *symbol = NULL;
  lathe_status status = lathe_impl_library_open(path, checks_weights, "lathe_module_query", &library, &symbol);
  if (status != LATHE_OK)
    return status;
  memcpy(&query, &symbol, sizeof symbol);
  status = lathe_module_from_query_with(query, options, module);
  if (!*module) {
    /* The query knows no path; the user needs it. */
    const char *reason = lathe_last_error(), *id = strrchr(reason, '[');
    char name[64];
    size_t length = id ? strcspn(id + 1, "]") : 0;
    if (id && length < sizeof name) {
      memcpy(name, id + 1, length);
      name[length] = '\0';
      status = lathe_impl_fail(status, name, "%s: %.*s", path, (int)(id - reason - 1), reason);
    }
    lathe_impl_library_close(library);
    return status;
  }
  (*module)->library = library;
  return LATHE_OK;
}

lathe_status lathe_module_from_desc(const lathe_module_desc *desc, lathe_module **module) {
  return lathe_module_from_desc_with(desc, NULL, module);
}

lathe_status lathe_module_from_query(lathe_module_query_fn query, lathe_module **module) {
  return lathe_module_from_query_with(query, NULL, module);
}

lathe_status lathe_module_load(const char *path, lathe_module **module) {
  return lathe_module_load_with(path, NULL, module);
}

void lathe_module_free(lathe_module *module) {
  if (!module)
    return;
  lathe_impl_frames_free(module);
  lathe_impl_spaces_close(module);
  if (module->library)
    lathe_impl_library_close(module->library);
  free(module);
}

void lathe_module_trim(lathe_module *module) {
  if (module)
    lathe_impl_frames_free(module);
}

const lathe_module_desc *lathe_module_description(const lathe_module *module) { return module ? module->desc : NULL; }

const lathe_variant_desc *lathe_module_variant(const lathe_module *module) { return module ? module->variant : NULL; }

uint32_t lathe_module_function_count(const lathe_module *module) {
  return module ? module->variant->function_count : 0;
}

const lathe_function_desc *lathe_module_function(const lathe_module *module, const char *name) {
  if (!module || !name) {
    lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-null",
                    "a module and the name of a function are needed, but one "
                    "of them is NULL");
    return NULL;
  }
  const lathe_variant_desc *variant = module->variant;
  for (uint32_t i = 0; i < variant->function_count; ++i)
    if (strcmp(variant->functions[i]->name, name) == 0)
      return variant->functions[i];
  if (variant->function_count == 0) {
    lathe_impl_fail(LATHE_NOT_FOUND, "call-unknown-function", "the module has no function \"%s\"; it has none at all",
                    name);
    return NULL;
  }
  char names[256] = "";
  size_t used = 0;
  for (uint32_t i = 0; i < variant->function_count && used < sizeof names; ++i)
    used += (size_t)snprintf(names + used, sizeof names - used, "%s\"%s\"", i ? ", " : "", variant->functions[i]->name);
  lathe_impl_fail(LATHE_NOT_FOUND, "call-unknown-function", "the module has no function \"%s\"; there %s %s%s", name,
                  variant->function_count == 1 ? "is" : "are", names, used < sizeof names ? "" : "...");
  return NULL;
}

lathe_status lathe_module_set_imports(lathe_module *module, const lathe_imports *imports) {
  if (!module)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "module-null", "the module is NULL");
  /* What came later is the runtime's own. */
  size_t least = offsetof(lathe_imports, make_value);
  if (imports && imports->struct_size < least)
    return lathe_impl_fail(
        LATHE_INVALID_ARGUMENT, "module-imports-size",
        "struct_size of the imports is %u, but must be at least %zu; set it to sizeof(lathe_imports)",
        imports->struct_size, least);
  if (imports && !imports->alloc != !imports->free)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "module-imports",
                           "the imports have '%s', but no '%s'; they come in a "
                           "pair",
                           imports->alloc ? "alloc" : "free", imports->alloc ? "free" : "alloc");
  /* The allocator that a workspace came from must take it back. */
  lathe_impl_frames_free(module);
  module->has_imports = imports != NULL;
  module->imports = (lathe_imports){0};
  if (imports)
    memcpy(&module->imports, imports, least);
  /* Of a program that passes on the runtime's own: what serves one loop serves lists of them, too. */
  if (module->imports.parallel_for == lathe_default_imports()->parallel_for)
    module->imports.parallel_for = NULL;
  return LATHE_OK;
}
