# lathe_library(NAME sources... LINK libs...): a static library of one layer,
# compiled with the shared precompiled header of MLIR.
# lathe_tablegen(TD OUT args...): runs mlir-tblgen into the build tree at the
# same relative path and adds the result to the current directory's headers.

# Two precompiled headers: MLIR for the dialects themselves, MLIR and the dialects
# for everything behind them. Each halves what a translation unit costs there.
file(WRITE "${CMAKE_BINARY_DIR}/pch/pch.cpp" "// Owner of the precompiled header.\n")
function(lathe_precompile name)
  add_library(${name} STATIC "${CMAKE_BINARY_DIR}/pch/pch.cpp")
  target_precompile_headers(${name} PRIVATE ${ARGN})
  target_compile_options(${name} PRIVATE -fpch-instantiate-templates)
endfunction()
set(LATHE_MLIR_HEADERS "${CMAKE_CURRENT_LIST_DIR}/pch.h")
lathe_precompile(lathe_pch ${LATHE_MLIR_HEADERS})

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
    # dialects/CMakeLists.txt makes the larger one once there are dialects.
    if(TARGET lathe_dialects_pch)
      target_precompile_headers(${name} REUSE_FROM lathe_dialects_pch)
    else()
      target_precompile_headers(${name} REUSE_FROM lathe_pch)
    endif()
    target_compile_options(${name} PRIVATE -fpch-instantiate-templates)
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_LINK} MLIR LLVM)
  get_property(generated GLOBAL PROPERTY LATHE_TABLEGEN_TARGETS)
  if(generated)
    add_dependencies(${name} ${generated})
  endif()
endfunction()
