# Finds LLVM and MLIR 22.1 and says clearly when another version is there.
find_package(MLIR CONFIG QUIET HINTS /usr/lib/llvm-22/lib/cmake/mlir)
if(NOT MLIR_FOUND)
  message(FATAL_ERROR "MLIR 22.1 was not found. Install Debian's libmlir-22-dev and "
    "llvm-22-dev (tools/quickstart does), or point MLIR_DIR at its lib/cmake/mlir.")
endif()
if(NOT LLVM_VERSION MATCHES "^22\\.1")
  message(FATAL_ERROR "Lathe builds against LLVM and MLIR 22.1, but MLIR_DIR "
    "(${MLIR_DIR}) is version ${LLVM_VERSION}. Install libmlir-22-dev 22.1 or set MLIR_DIR.")
endif()

set(LLVM_LINK_LLVM_DYLIB ON)
set(MLIR_LINK_MLIR_DYLIB ON)
list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
include(TableGen)
include(AddLLVM)
include(AddMLIR)

include_directories(SYSTEM ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
link_directories(${LLVM_LIBRARY_DIRS})
separate_arguments(llvm_definitions NATIVE_COMMAND "${LLVM_DEFINITIONS}")
add_definitions(${llvm_definitions})

add_compile_options(-fno-exceptions -fvisibility=hidden -Wall -Wextra -Wno-unused-parameter)
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fvisibility-inlines-hidden>)
if(LATHE_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize=vptr,function)
  add_link_options(-fsanitize=address,undefined)
endif()
