# lathe_add_ops_library(NAME SPEC FILE [CC COMPILER] [DEPENDS FILES...]): makes the library of operators
# NAME, which is what FILE calls it, when the project is built, and the targets
# NAME::NAME, a static library with its header, and NAME_library, which makes it.
#
# DEPENDS names the files of graphs that FILE refers to.
#
# LATHE_EXECUTABLE is the program `lathe`. A project includes this file as it is.
cmake_minimum_required(VERSION 3.16)
find_program(LATHE_EXECUTABLE lathe DOC "The program lathe")

function(lathe_add_ops_library name)
  cmake_parse_arguments(ARG "" "SPEC;CC" "DEPENDS" ${ARGN})
  if(NOT ARG_SPEC OR ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "lathe_add_ops_library(${name}): write SPEC and the path of a specification")
  endif()
  if(NOT LATHE_EXECUTABLE)
    message(FATAL_ERROR "lathe_add_ops_library(${name}): there is no lathe; set LATHE_EXECUTABLE to its path")
  endif()
  if(NOT ARG_CC)
    set(ARG_CC "${CMAKE_C_COMPILER}")
  endif()
  # The library for what the project is built for, of those that the specification asks for.
  string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" arch)
  if(arch STREQUAL "amd64" OR arch STREQUAL "x64")
    set(arch x86_64)
  elseif(arch STREQUAL "arm64")
    set(arch aarch64)
  endif()
  get_filename_component(spec "${ARG_SPEC}" ABSOLUTE)
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/${name}")
  set(archive "${folder}/lib/lib${name}.a")
  add_custom_command(OUTPUT "${archive}"
    COMMAND "${LATHE_EXECUTABLE}" oplib build "${spec}" -o "${folder}" --arch "${arch}" --cc "${ARG_CC}"
      --cache "${folder}.cache"
    DEPENDS "${spec}" ${ARG_DEPENDS} "${LATHE_EXECUTABLE}"
    COMMENT "Making the library of operators ${name}"
    VERBATIM)
  add_custom_target(${name}_library DEPENDS "${archive}")
  add_library(${name}::${name} STATIC IMPORTED GLOBAL)
  add_dependencies(${name}::${name} ${name}_library)
  set_target_properties(${name}::${name} PROPERTIES
    IMPORTED_LOCATION "${archive}"
    INTERFACE_LINK_LIBRARIES m)
  # As an option: a folder that the target named would have to be there already.
  target_compile_options(${name}::${name} INTERFACE "-I${folder}/include")
endfunction()
