# lathe_library(NAME sources... LINK libs...): a static library of one layer,
# compiled with the shared precompiled header of MLIR.
# lathe_tablegen(TD OUT args...): runs mlir-tblgen into the build tree at the
# same relative path and adds the result to the current directory's headers.

# One precompiled header serves every MLIR translation unit: 6 s become 1 s.
file(WRITE "${CMAKE_BINARY_DIR}/pch/pch.cpp" "// Owner of the precompiled header.\n")
add_library(lathe_pch STATIC "${CMAKE_BINARY_DIR}/pch/pch.cpp")
target_precompile_headers(lathe_pch PRIVATE "${CMAKE_CURRENT_LIST_DIR}/pch.h")
target_compile_options(lathe_pch PRIVATE -fpch-instantiate-templates)

set_property(GLOBAL PROPERTY LATHE_TABLEGEN_TARGETS "")

function(lathe_tablegen td out)
  set(LLVM_TARGET_DEFINITIONS ${td})
  mlir_tablegen(${out} ${ARGN} EXTRA_INCLUDES ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
  # mlir_tablegen collects TABLEGEN_OUTPUT in its caller's scope.
  set(TABLEGEN_OUTPUT ${TABLEGEN_OUTPUT} PARENT_SCOPE)
endfunction()

function(lathe_tablegen_target name)
  add_custom_target(${name} DEPENDS ${TABLEGEN_OUTPUT})
  set_property(GLOBAL APPEND PROPERTY LATHE_TABLEGEN_TARGETS ${name})
endfunction()

function(lathe_library name)
  cmake_parse_arguments(ARG "NO_PCH" "" "LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  if(NOT ARG_NO_PCH)
    target_precompile_headers(${name} REUSE_FROM lathe_pch)
    target_compile_options(${name} PRIVATE -fpch-instantiate-templates)
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_LINK} MLIR LLVM)
  get_property(generated GLOBAL PROPERTY LATHE_TABLEGEN_TARGETS)
  if(generated)
    add_dependencies(${name} ${generated})
  endif()
endfunction()
