# What `cpack -G External` runs to make a minimal container image of what a project installs.
#
# The module FromscratchContainer names this file as CPACK_EXTERNAL_PACKAGE_SCRIPT. Without the module it works with any
# project that includes CPack, unchanged:
#
#   cpack -G External -D CPACK_EXTERNAL_PACKAGE_SCRIPT=$(fromscratch cmake-dir)/external_container_package.cmake
#
# A variable is taken from cpack -D, else from what the module kept of CMakeLists.txt, else from the CMake cache.
# docs/cmake.md lists them.

cmake_policy(VERSION 3.15...3.31)
include("${CMAKE_CURRENT_LIST_DIR}/parts/options.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/parts/stages.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/parts/words.cmake")

# --- What was said -------------------------------------------------------------------------------------------------

set(_container_said_off FALSE)
if(DEFINED ENABLE_MINIMAL_CONTAINER AND NOT ENABLE_MINIMAL_CONTAINER)
  set(_container_said_off TRUE)
endif()
if(CPACK_FROMSCRATCH_SETTINGS AND EXISTS "${CPACK_FROMSCRATCH_SETTINGS}")
  include("${CPACK_FROMSCRATCH_SETTINGS}")
else()
  # The first of the four values for each project that CPack installs is its build folder.
  set(_container_builds "${CPACK_INSTALL_CMAKE_PROJECTS}")
  list(LENGTH _container_builds _container_count)
  if(_container_count GREATER 3)
    list(GET _container_builds 0 _container_build)
    container_read_cache("${_container_build}")
  endif()
endif()
if(_container_said_off)
  message(STATUS "ENABLE_MINIMAL_CONTAINER is OFF: no image is made. Ask for it with -DENABLE_MINIMAL_CONTAINER=ON.")
  return()
endif()

if("${CONTAINER_NAME}" STREQUAL "")
  set(CONTAINER_NAME "${CPACK_PACKAGE_NAME}")
  container_plain_name(CONTAINER_NAME)
endif()
if("${CONTAINER_TAG}" STREQUAL "")
  set(CONTAINER_TAG "${CPACK_PACKAGE_VERSION}")
  container_plain_tag(CONTAINER_TAG)
endif()
if("${CONTAINER_TAG}" STREQUAL "")
  set(CONTAINER_TAG latest)
endif()
container_suffix(_container_suffix)  # sets CONTAINER_FORMAT, too, if nobody has
if("${CONTAINER_OUTPUT}" STREQUAL "")
  set(CONTAINER_OUTPUT container)
endif()
get_filename_component(CONTAINER_OUTPUT "${CONTAINER_OUTPUT}" ABSOLUTE BASE_DIR "${CPACK_PACKAGE_DIRECTORY}")
set(_container_reference "${CONTAINER_NAME}:${CONTAINER_TAG}")

container_find_fromscratch()
if(NOT FROMSCRATCH_EXECUTABLE)
  container_how_to_install(_container_hint)
  container_other_generators(_container_others)
  set(_container_severity FATAL_ERROR)
  if(_container_others)  # which cpack would not run after an error
    set(_container_severity WARNING)
  endif()
  message(${_container_severity} "error: there is no program fromscratch, so no image of ${_container_reference} can be made\n"
    " hint: ${_container_hint}")
  return()
endif()

# --- The image -----------------------------------------------------------------------------------------------------

container_stages(_container_stages)
container_entrypoint("${_container_stages}")
container_option_words(_container_words)
foreach(_container_stage IN LISTS _container_stages)
  list(APPEND _container_words "--stage=${_container_stage}")
endforeach()
# What a name of an image may hold and a name of a build may not becomes a dash.
get_filename_component(_container_plain "${CONTAINER_NAME}" NAME)
container_plain_name(_container_plain)
list(APPEND _container_words "--name=${_container_plain}" "--output=${CONTAINER_OUTPUT}")
container_engine(_container_engine)
if(_container_engine)
  list(APPEND _container_words "--tag=${_container_reference}" "--engine=${_container_engine}")
endif()
if(CONTAINER_EXTRA_ARGS)
  list(APPEND _container_words "${CONTAINER_EXTRA_ARGS}")
endif()
container_call("${_container_reference}" bundle "${_container_words}")

# --- The package ---------------------------------------------------------------------------------------------------

set(CPACK_EXTERNAL_BUILT_PACKAGES "")
if(NOT CONTAINER_FORMAT STREQUAL "none")
  set(_container_package "${CPACK_TOPLEVEL_DIRECTORY}/${CPACK_PACKAGE_FILE_NAME}.${_container_suffix}")
  set(_container_words "--image=oci:${CONTAINER_OUTPUT}/oci" "--to=${CONTAINER_FORMAT}"
    "--output=${_container_package}" "--tag=${_container_reference}" --quiet)
  container_call("${_container_reference}" pack "${_container_words}")
  set(CPACK_EXTERNAL_BUILT_PACKAGES "${_container_package}")
endif()
if(_container_engine MATCHES "^(docker|podman)$")
  message(STATUS "To start it: ${_container_engine} run --rm ${_container_reference}")
endif()
