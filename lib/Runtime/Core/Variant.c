/* lib/Runtime/Core/Variant.c: which of a module's variants runs on this machine,
 * decided once, when the module is made.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "../CUDA/Driver.h"
#include "Spaces.h"

#include <stdio.h>
#include <string.h>

static lathe_status check_variants(const lathe_module_desc *desc) {
  for (uint32_t i = 0; i < desc->variant_count; ++i) {
    const lathe_variant_desc *variant = desc->variants[i];
    if (!variant || !LATHE_HAS(variant, kernel_count) || !variant->name || !variant->target ||
        (variant->function_count && !variant->functions) || (variant->kernel_count && !variant->kernels))
      return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-damaged",
                             "the description of variant %u has a NULL where its name, target, functions or kernels "
                             "must be; the module is damaged: compile the model again",
                             i);
    if (LATHE_HAS(variant, device_kernel_count) &&
        ((variant->image_count && !variant->images) || (variant->device_kernel_count && !variant->device_kernels)))
      return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-damaged",
                             "the description of variant %u has a NULL where its images or the names of their kernels "
                             "must be; the module is damaged: compile the model again",
                             i);
  }
  return LATHE_OK;
}

/* "v4, v3, v2", as long as there is room. */
static void list_variants(const lathe_module_desc *desc, char *text, size_t size) {
  size_t used = 0;
  text[0] = '\0';
  for (uint32_t i = 0; i < desc->variant_count && used < size; ++i) {
    int more = snprintf(text + used, size - used, "%s%s", i ? ", " : "", desc->variants[i]->name);
    used += more > 0 ? (size_t)more : size;
  }
}

/* `lacks_space` says whether the machine could run it. */
static lathe_status try_variant(const lathe_variant_desc *variant, const lathe_load_options *options,
                                bool *lacks_space) {
  uint32_t device = options && LATHE_HAS(options, device) ? options->device : 0;
  lathe_status status = lathe_impl_cuda_names(variant->target) ? lathe_impl_cuda_supported(variant->target, device)
                                                               : lathe_target_supported(variant->target);
  *lacks_space = status == LATHE_OK;
  if (status == LATHE_OK)
    status = lathe_impl_spaces_check(variant, options);
  return status == LATHE_OK ? lathe_impl_target_enable(variant->target) : status;
}

static bool has_images(const lathe_variant_desc *variant) {
  return LATHE_HAS(variant, device_kernel_count) && variant->image_count > 0;
}

lathe_status lathe_impl_pick_variant(const lathe_module_desc *desc, const lathe_load_options *options,
                                     const lathe_variant_desc **picked) {
  const char *isa = options ? options->isa : NULL;
  char names[256], machine[512];
  bool lacks_space = false, on_device = options && options->flags & LATHE_LOAD_ON_DEVICE, tried = false;
  lathe_status status = check_variants(desc);
  if (status != LATHE_OK)
    return status;
  for (uint32_t i = 0; i < desc->variant_count; ++i) {
    const lathe_variant_desc *variant = desc->variants[i];
    if (isa && strcmp(isa, variant->name) != 0 && strcmp(isa, variant->target) != 0)
      continue;
    if (on_device && !has_images(variant))
      continue;
    tried = true;
    status = try_variant(variant, options, &lacks_space);
    if (status == LATHE_OK) {
      *picked = variant;
      return LATHE_OK;
    }
    if (isa)
      break;
  }
  /* What a single variant lacks has been said already, or what the machine is not to
   * blame for. */
  if (status != LATHE_OK && (desc->variant_count == 1 || lacks_space))
    return status;
  list_variants(desc, names, sizeof names);
  if (on_device && !tried)
    return lathe_impl_fail(LATHE_NOT_FOUND, "module-no-variant",
                           "the module has no variant for a device: it has %s; compile the model with "
                           "--target=cuda:sm_80",
                           names);
  lathe_impl_machine_name(machine, sizeof machine);
  if (!isa)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-cannot-run",
                           "none of the module's variants can run here: it has %s, but this machine is %s; compile "
                           "the model with --target=host",
                           names, machine);
  if (status != LATHE_OK)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-cannot-run",
                           "the variant \"%s\" cannot run here: this machine is %s; the module has %s", isa, machine,
                           names);
  return lathe_impl_fail(LATHE_NOT_FOUND, "module-no-variant",
                         "the module has no variant \"%s\": it has %s; this machine is %s", isa, names, machine);
}
