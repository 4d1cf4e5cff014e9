# The variables that describe an image, for the module (when the project is configured) and for the script (in cpack).

# One value each. CONTAINER_ENTRYPOINT and CONTAINER_CMD are a line of words, as in a shell, or a list of words.
set(CONTAINER_SINGLE_OPTIONS
  CONTAINER_NAME CONTAINER_TAG CONTAINER_ENTRYPOINT CONTAINER_CMD CONTAINER_USER CONTAINER_WORKDIR CONTAINER_STOP_SIGNAL
  CONTAINER_ROOT CONTAINER_PREFIX CONTAINER_ENGINE CONTAINER_COMPRESSION CONTAINER_FORMAT CONTAINER_OUTPUT)
# Those of them that are options of `fromscratch bundle`.
set(CONTAINER_BUNDLE_OPTIONS
  CONTAINER_USER=--user CONTAINER_WORKDIR=--workdir CONTAINER_STOP_SIGNAL=--stop-signal CONTAINER_ROOT=--root
  CONTAINER_COMPRESSION=--compression)
# Lists, and the option of `fromscratch bundle` that takes each of their elements.
set(CONTAINER_LIST_OPTIONS
  CONTAINER_ENV=--env CONTAINER_LABELS=--label CONTAINER_PORTS=--port CONTAINER_VOLUMES=--volume CONTAINER_ADD=--add
  CONTAINER_SEARCH=--search CONTAINER_PRELOAD=--preload CONTAINER_PLUGINS=--plugins CONTAINER_WITH=--with
  CONTAINER_WITHOUT=--without)
set(CONTAINER_ALL_OPTIONS ${CONTAINER_SINGLE_OPTIONS} CONTAINER_COMPONENTS CONTAINER_TARGETS CONTAINER_EXTRA_ARGS)
foreach(_container_pair IN LISTS CONTAINER_LIST_OPTIONS)
  string(REGEX REPLACE "=.*" "" _container_pair "${_container_pair}")
  list(APPEND CONTAINER_ALL_OPTIONS ${_container_pair})
endforeach()
unset(_container_pair)

set(_CONTAINER_PARTS_DIR "${CMAKE_CURRENT_LIST_DIR}")

# Sets FROMSCRATCH_EXECUTABLE: what it says already, else the program of the installation or the checkout that this file
# belongs to, else the one on PATH.
macro(container_find_fromscratch)
  # Eight up from PREFIX/lib/pythonX.Y/site-packages/fromscratch/data/integrations/cmake.
  # The program runs here, wherever the libraries of a cross compiler are looked for.
  find_program(FROMSCRATCH_EXECUTABLE fromscratch
    HINTS "${_CONTAINER_PARTS_DIR}/../../../.venv/bin" "${_CONTAINER_PARTS_DIR}/../../../../../../../../bin"
    PATHS "$ENV{HOME}/.local/bin"
    NO_CMAKE_FIND_ROOT_PATH
    DOC "The program fromscratch, which makes container images")
endmacro()

function(container_how_to_install result)
  set(${result} "install it (pipx install FOLDER, that of its sources), or name it with -D FROMSCRATCH_EXECUTABLE=PATH"
    PARENT_SCOPE)
endfunction()

# A project's name as an image can be called: lower case, and what no image name may hold becomes a dash.
function(container_plain_name variable)
  string(TOLOWER "${${variable}}" name)
  string(REGEX REPLACE "[^a-z0-9]+" "-" dashed "${name}")
  if(NOT name MATCHES "^[a-z0-9]+([._-][a-z0-9]+)*$")
    string(REGEX REPLACE "^-|-$" "" name "${dashed}")
  endif()
  set(${variable} "${name}" PARENT_SCOPE)
endfunction()

# The same for a version: 1.0+git becomes 1.0-git.
function(container_plain_tag variable)
  string(REGEX REPLACE "[^A-Za-z0-9_.-]" "-" tag "${${variable}}")
  string(REGEX REPLACE "^[.-]+" "" tag "${tag}")
  set(${variable} "${tag}" PARENT_SCOPE)
endfunction()
