# For find_package(FromscratchContainer CONFIG), with -DFromscratchContainer_DIR=$(fromscratch cmake-dir), or that folder
# in CMAKE_PREFIX_PATH.
include("${CMAKE_CURRENT_LIST_DIR}/FromscratchContainer.cmake")
set(FromscratchContainer_FOUND TRUE)
