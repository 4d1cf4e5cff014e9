find_program(FROMSCRATCH_EXECUTABLE fromscratch REQUIRED)
execute_process(COMMAND "${FROMSCRATCH_EXECUTABLE}" cmake-dir OUTPUT_VARIABLE _dir OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
include("${_dir}/external_container_package.cmake")
