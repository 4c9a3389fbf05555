# lathe_add_model(NAME MODEL [TARGETS TARGET...] [DIMS NAME=SIZE...] [OPTIONS WORD...] [DEPENDS FILE...])
#
# Makes NAME, a library that a program links: MODEL (ONNX or Lathe's own format), compiled whenever
# it changes, its header NAME.h and the runtime.
#
#   TARGETS  what to make code for, as --target takes it; several are variants of one library, of
#            which the best that the machine has is used. This machine if nothing is said, and when
#            cross-compiling the processor of the toolchain.
#   DIMS     free dims to fix for good
#   OPTIONS  further options of `lathe compile`
#   DEPENDS  files besides MODEL whose change compiles it again, such as its tensor files
function(lathe_add_model name model)
  cmake_parse_arguments(ARG "" "" "TARGETS;DIMS;OPTIONS;DEPENDS" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "lathe_add_model(${name}): unknown arguments: ${ARG_UNPARSED_ARGUMENTS} [cmake-arguments]")
  endif()
  get_filename_component(model "${model}" ABSOLUTE)
  if(NOT EXISTS "${model}")
    get_source_file_property(generated "${model}" GENERATED)
    if(NOT generated)
      message(FATAL_ERROR "lathe_add_model(${name}): there is no file ${model} [cmake-no-model]")
    endif()
  endif()
  if(NOT ARG_TARGETS)
    set(ARG_TARGETS host)
    if(CMAKE_CROSSCOMPILING)
      set(ARG_TARGETS "${CMAKE_SYSTEM_PROCESSOR}")
    endif()
  endif()
  list(JOIN ARG_TARGETS "+" targets)
  list(TRANSFORM ARG_DIMS PREPEND "--dim=")
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/lathe/${name}")
  file(MAKE_DIRECTORY "${folder}")
  add_custom_command(
    OUTPUT "${folder}/${name}.a" "${folder}/${name}.h"
    COMMAND Lathe::lathe compile "${model}" -o "${folder}/${name}.a" --header "${folder}/${name}.h"
      --name "${name}" "--target=${targets}" ${ARG_DIMS} ${ARG_OPTIONS}
    DEPENDS "${model}" ${ARG_DEPENDS}
    COMMENT "Compiling ${name} for ${targets}" VERBATIM)
  add_custom_target(${name}_compiled DEPENDS "${folder}/${name}.a" "${folder}/${name}.h")
  add_library(${name} INTERFACE)
  add_dependencies(${name} ${name}_compiled)
  target_include_directories(${name} INTERFACE "${folder}")
  target_link_libraries(${name} INTERFACE "${folder}/${name}.a" Lathe::Runtime m)
endfunction()
