# FromscratchContainer, the one module: `cpack -G External` packs what a project installs as a minimal container image.
#
# Into any project, unchanged, by a variable of CMake; naming it there switches it on:
#
#   cmake -B build -DCMAKE_PROJECT_INCLUDE=$(fromscratch cmake-dir)/FromscratchContainerConfig.cmake
#
# or by a project itself, which says when (docs/cmake.md lists the variables):
#
#   find_package(FromscratchContainer CONFIG)      # with -DFromscratchContainer_DIR=$(fromscratch cmake-dir)
#   set(ENABLE_MINIMAL_CONTAINER ON)               # or cmake -DENABLE_MINIMAL_CONTAINER=ON; default OFF
#   set(CONTAINER_NAME myapp)
#   include(CPack)
#
# The order does not matter: the variables are read when the folder that brought the module in has been processed, and
# CPack is included then if nobody did. Needs CMake 3.19.

set(FromscratchContainer_FOUND TRUE)
include_guard(GLOBAL)
if(CMAKE_VERSION VERSION_LESS 3.19)
  message(FATAL_ERROR "FromscratchContainer needs CMake 3.19 or newer, and this is ${CMAKE_VERSION}.\n"
    "Without the module it works from 3.15 on: call cpack with -D CPACK_EXTERNAL_PACKAGE_SCRIPT, see docs/cmake.md.")
endif()

cmake_policy(VERSION 3.19...3.31)  # of this file and its functions, not of the project
set_property(GLOBAL PROPERTY FROMSCRATCH_CONTAINER_MODULE "${CMAKE_CURRENT_LIST_DIR}")
include("${CMAKE_CURRENT_LIST_DIR}/parts/options.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/parts/targets.cmake")

# ON where the call of cmake names this file: who does so asks for an image.
function(_fromscratch_container_default result)
  set(${result} OFF PARENT_SCOPE)
  foreach(variable CMAKE_PROJECT_INCLUDE CMAKE_PROJECT_INCLUDE_BEFORE CMAKE_PROJECT_TOP_LEVEL_INCLUDES
      "CMAKE_PROJECT_${PROJECT_NAME}_INCLUDE" "CMAKE_PROJECT_${PROJECT_NAME}_INCLUDE_BEFORE")
    foreach(file IN LISTS ${variable})
      get_filename_component(file "${file}" REALPATH BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
      get_filename_component(this "${CMAKE_CURRENT_LIST_FILE}" REALPATH)
      if(file STREQUAL this)
        set(${result} ON PARENT_SCOPE)
      endif()
    endforeach()
  endforeach()
endfunction()

# A project with an old policy would lose a plain variable of this name to option().
if(NOT DEFINED ENABLE_MINIMAL_CONTAINER)
  _fromscratch_container_default(_fromscratch_container_default_value)
  option(ENABLE_MINIMAL_CONTAINER "Let cpack -G External make a minimal container image"
    ${_fromscratch_container_default_value})
endif()

# Write what the project said where the package script finds it, and name that in CPack's configuration.
function(_fromscratch_container_finish)
  set(settings "${CMAKE_BINARY_DIR}/FromscratchContainerSettings.cmake")
  if(NOT ENABLE_MINIMAL_CONTAINER)
    file(REMOVE "${settings}")
    return()
  endif()
  container_find_fromscratch()
  if(NOT FROMSCRATCH_EXECUTABLE)
    container_how_to_install(hint)
    message(WARNING "ENABLE_MINIMAL_CONTAINER is ON, but there is no program fromscratch: cpack makes no image, and its "
      "other packages as ever.\n hint: ${hint}")
  endif()
  if(NOT DEFINED CONTAINER_ROOT)
    container_cross_root(CONTAINER_ROOT)
  endif()
  if(NOT DEFINED CONTAINER_NAME)
    set(CONTAINER_NAME "${CMAKE_PROJECT_NAME}")
    container_plain_name(CONTAINER_NAME)
  endif()
  if(NOT DEFINED CONTAINER_TAG AND NOT "${CMAKE_PROJECT_VERSION}" STREQUAL "")
    set(CONTAINER_TAG "${CMAKE_PROJECT_VERSION}")
    container_plain_tag(CONTAINER_TAG)
  endif()
  _fromscratch_container_tell_cpack("${settings}")
  container_install_targets("${CONTAINER_TARGETS}" CONTAINER_TARGET_FILES)
  set(CONTAINER_TARGETS_BUILD "${CMAKE_BINARY_DIR}")
  container_built_programs(CONTAINER_BUILT_PROGRAMS)

  set(text "# What the project says about its image. Written by FromscratchContainer; read by cpack.\n")
  foreach(name IN LISTS CONTAINER_ALL_OPTIONS
      ITEMS CONTAINER_TARGET_FILES CONTAINER_TARGETS_BUILD CONTAINER_BUILT_PROGRAMS FROMSCRATCH_EXECUTABLE ENABLE_MINIMAL_CONTAINER)
    if(DEFINED ${name} AND NOT "${${name}}" STREQUAL "")
      string(APPEND text "if(NOT DEFINED ${name})\n  set(${name} [==[${${name}}]==])\nendif()\n")
    endif()
  endforeach()
  file(WRITE "${settings}" "${text}")
endfunction()

function(_fromscratch_container_tell_cpack settings)
  set(config "${CMAKE_BINARY_DIR}/CPackConfig.cmake")
  if(CPACK_OUTPUT_CONFIG_FILE)
    set(config "${CPACK_OUTPUT_CONFIG_FILE}")
  endif()
  # CPack may have been included here or in another folder; its macro tells of both.
  if(NOT (COMMAND cpack_encode_variables OR CPack_CMake_INCLUDED))
    if(NOT DEFINED CPACK_GENERATOR)
      set(CPACK_GENERATOR External)  # instead of the three archives that CPack makes of a project that says nothing
    endif()
    include(CPack)
  endif()
  get_property(module GLOBAL PROPERTY FROMSCRATCH_CONTAINER_MODULE)
  # include(CPack) writes its configuration anew each time, so this is never there twice.
  file(APPEND "${config}" "
# FromscratchContainer
set(CPACK_FROMSCRATCH_SETTINGS [==[${settings}]==])
if(NOT CPACK_EXTERNAL_PACKAGE_SCRIPT)
  set(CPACK_EXTERNAL_PACKAGE_SCRIPT [==[${module}/external_container_package.cmake]==])
endif()
if(NOT \";\${CPACK_GENERATOR};\" MATCHES \";External;\")
  list(APPEND CPACK_GENERATOR External)
endif()
")
endfunction()

cmake_language(DEFER CALL _fromscratch_container_finish)
