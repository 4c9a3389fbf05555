/* docs/reference/examples/compiler.c: an example of each function of the compiler's C interface;
 * docs/reference/c-compiler.md shows the parts.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "lathe-c/compiler.h"

#include <stdio.h>
#include <stdlib.h>

#define REQUIRE(CONDITION)                                                                                             \
  if (!(CONDITION)) {                                                                                                  \
    fprintf(stderr, "line %d: %s\n", __LINE__, #CONDITION);                                                            \
    exit(1);                                                                                                           \
  }

static void show_errors(void) {
  /* [lathe_program_parse lathe_diagnostics_count lathe_diagnostics_text lathe_diagnostics_id] */
  lathe_diagnostics *diagnostics = NULL;
  lathe_program *program = lathe_program_parse("?", 1, "bytes", NULL, &diagnostics);
  for (size_t i = 0; i < lathe_diagnostics_count(diagnostics); ++i)
    printf("%s %s: %s\n", lathe_diagnostics_severity(diagnostics, i), lathe_diagnostics_id(diagnostics, i),
           lathe_diagnostics_text(diagnostics, i));
  lathe_diagnostics_free(diagnostics);
  /* [end] */
  REQUIRE(!program);
  /* [lathe_diagnostics_severity lathe_diagnostics_free] */
  diagnostics = NULL;
  lathe_program_load("none.onnx", NULL, &diagnostics);
  if (lathe_diagnostics_count(diagnostics))
    printf("%s\n", lathe_diagnostics_severity(diagnostics, 0)); /* error */
  lathe_diagnostics_free(diagnostics);
  /* [end] */
}

int main(int argc, char **argv) {
  const char *path = argv[argc - 1];
  /* [lathe_compiler_version] */
  printf("%s\n", lathe_compiler_version());
  /* [lathe_announce_code] */
  if (lathe_announce_code(LATHE_LISTEN_PERF, NULL) != 0)
    puts("perf will show addresses");
  /* [lathe_check_custom_ops] */
  const char *sources[] = {"func.func private @\"my.ops::Gelu\"(tensor<4xf32>) -> tensor<4xf32>"};
  int is_wrong = lathe_check_custom_ops(sources, 1, NULL);
  /* [lathe_target_title] */
  char *title = lathe_target_title("host");
  printf("for %s\n", title);
  lathe_string_free(title);
  /* [end] */
  REQUIRE(!is_wrong);
  show_errors();
  /* [lathe_program_load] */
  lathe_diagnostics *diagnostics = NULL;
  lathe_program *program = lathe_program_load(path, NULL, &diagnostics);
  /* [end] */
  REQUIRE(program);
  /* [lathe_program_load_all] */
  lathe_function_source files[] = {{.path = path, .function = "first"}, {.path = path, .function = "second"}};
  lathe_program *both = lathe_program_load_all(files, 2, NULL, &diagnostics);
  lathe_program_free(both);
  /* [end] */
  REQUIRE(both);
  /* [lathe_program_index_bounds] */
  int64_t rows[8];
  size_t inputs = lathe_program_index_bounds(program, rows, 8); /* rows[i] is 0: no ids. */
  /* [end] */
  REQUIRE(inputs == 1 && rows[0] == 0);
  /* [lathe_compile] */
  const char *dims[] = {"batch=4"};
  lathe_compile_options options = {.target = "host", .dims = dims, .dim_count = 1};
  lathe_artifact *artifact = lathe_compile(program, &options, &diagnostics);
  /* [end] */
  REQUIRE(artifact);
  /* [lathe_artifact_module] */
  const lathe_module_desc *module = lathe_artifact_module(artifact, &diagnostics); /* For lathe_module_from_desc. */
  /* [lathe_artifact_save lathe_artifact_save_header] */
  lathe_artifact_save(artifact, "classify.lathebin", &diagnostics);
  lathe_artifact_save_header(artifact, "classify.h", &diagnostics);
  /* [lathe_artifact_load lathe_artifact_free] */
  lathe_artifact *loaded = lathe_artifact_load("classify.lathebin", NULL, &diagnostics);
  lathe_artifact_free(loaded);
  /* [end] */
  REQUIRE(module && loaded);
  /* [lathe_artifact_ir lathe_string_free] */
  options.stop_after = "partition";
  lathe_artifact *partitioned = lathe_compile(program, &options, &diagnostics);
  char *text = lathe_artifact_ir(partitioned);
  puts(text);
  lathe_string_free(text);
  /* [end] */
  lathe_artifact_free(partitioned);
  /* [lathe_program_free] */
  lathe_program_free(program); /* Artifacts do not need it. */
  /* [end] */
  lathe_artifact_free(artifact);
  return 0;
}
