# FromscratchContainer: `cpack -G External` packs what the project installs as a minimal container image.
#
#   find_package(FromscratchContainer CONFIG)      # or include(FromscratchContainer)
#   set(ENABLE_MINIMAL_CONTAINER ON)               # or cmake -DENABLE_MINIMAL_CONTAINER=ON; default OFF
#   set(CONTAINER_NAME myapp)                      # and so on: docs/cmake.md lists all
#   include(CPack)
#
# The order does not matter: the variables are read when the folder that brought the module in has been processed, and
# CPack is included then if nobody did. Needs CMake 3.19.

include_guard(GLOBAL)
if(CMAKE_VERSION VERSION_LESS 3.19)
  message(FATAL_ERROR "FromscratchContainer needs CMake 3.19 or newer, and this is ${CMAKE_VERSION}.\n"
    "Without the module it works from 3.15 on: call cpack with -D CPACK_EXTERNAL_PACKAGE_SCRIPT, see docs/cmake.md.")
endif()

cmake_policy(VERSION 3.19...3.31)  # of this file and its functions, not of the project
set_property(GLOBAL PROPERTY FROMSCRATCH_CONTAINER_MODULE "${CMAKE_CURRENT_LIST_DIR}")
include("${CMAKE_CURRENT_LIST_DIR}/container_options.cmake")
# A project with an old policy would lose a plain variable of this name to option().
if(NOT DEFINED ENABLE_MINIMAL_CONTAINER)
  option(ENABLE_MINIMAL_CONTAINER "Let cpack -G External make a minimal container image" OFF)
endif()
container_find_fromscratch()

# Write what the project said where the package script finds it, and name that in CPack's configuration.
function(_fromscratch_container_finish)
  set(settings "${CMAKE_BINARY_DIR}/FromscratchContainerSettings.cmake")
  if(NOT ENABLE_MINIMAL_CONTAINER)
    file(REMOVE "${settings}")
    return()
  endif()
  if(NOT FROMSCRATCH_EXECUTABLE)
    message(WARNING "ENABLE_MINIMAL_CONTAINER is ON, but there is no program fromscratch on PATH. "
      "cpack -G External will fail until it is installed or FROMSCRATCH_EXECUTABLE names it.")
  endif()
  if(NOT DEFINED CONTAINER_ROOT AND CMAKE_CROSSCOMPILING AND CMAKE_SYSROOT)
    set(CONTAINER_ROOT "${CMAKE_SYSROOT}")
  endif()
  if(NOT DEFINED CONTAINER_NAME)
    set(CONTAINER_NAME "${CMAKE_PROJECT_NAME}")
    container_plain_name(CONTAINER_NAME)
  endif()
  if(NOT DEFINED CONTAINER_TAG AND NOT CMAKE_PROJECT_VERSION STREQUAL "")
    set(CONTAINER_TAG "${CMAKE_PROJECT_VERSION}")
    container_plain_tag(CONTAINER_TAG)
  endif()

  set(text "# What the project says about its image. Written by FromscratchContainer.cmake; read by cpack.\n")
  foreach(name IN LISTS CONTAINER_ALL_OPTIONS ITEMS FROMSCRATCH_EXECUTABLE ENABLE_MINIMAL_CONTAINER)
    if(DEFINED ${name} AND NOT "${${name}}" STREQUAL "")
      string(APPEND text "if(NOT DEFINED ${name})\n  set(${name} [==[${${name}}]==])\nendif()\n")
    endif()
  endforeach()
  file(WRITE "${settings}" "${text}")
  _fromscratch_container_tell_cpack("${settings}")
endfunction()

function(_fromscratch_container_tell_cpack settings)
  set(config "${CMAKE_BINARY_DIR}/CPackConfig.cmake")
  if(CPACK_OUTPUT_CONFIG_FILE)
    set(config "${CPACK_OUTPUT_CONFIG_FILE}")
  endif()
  # CPack may have been included here or in another folder; its macro tells of both.
  if(NOT (COMMAND cpack_encode_variables OR CPack_CMake_INCLUDED))
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
