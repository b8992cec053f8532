# Writes OUTPUT, the C++ source of formats/embedded_files.h, which holds every
# file of FOLDER. A script, run when one of them has changed:
#
#   cmake -DFOLDER=… -DOUTPUT=… -P EmbedFiles.cmake
#
# Files become raw literals of about 8,000 bytes that end at a line's end, because
# compilers bound the length of one; they may hold any text but the literal's end.
set(end "evengrad")
file(GLOB paths "${FOLDER}/*")
list(SORT paths)
set(source "#include \"evengrad/formats/embedded_files.h\"\n\nnamespace evengrad {\n\nstd::string_view EmbeddedFile(std::string_view name) {\n")
foreach(path IN LISTS paths)
  cmake_path(GET path FILENAME name)
  file(READ "${path}" text)
  string(FIND "${text}" ")${end}\"" found)
  if(NOT found EQUAL -1)
    message(FATAL_ERROR "${path}: holds )${end}\", which ends the literal")
  endif()
  string(LENGTH "${text}" length)
  set(literals "")
  set(begin 0)
  while(begin LESS length)
    string(SUBSTRING "${text}" ${begin} 8000 part)
    string(FIND "${part}" "\n" last_line REVERSE)
    math(EXPR size "${last_line} + 1")
    if(size GREATER 0)
      string(SUBSTRING "${text}" ${begin} ${size} part)
    endif()
    string(APPEND literals "R\"${end}(${part})${end}\"\n")
    string(LENGTH "${part}" size)
    math(EXPR begin "${begin} + ${size}")
  endwhile()
  string(APPEND source "  if (name == \"${name}\") {\n    static constexpr char kText[] =\n${literals};\n    return {kText, sizeof(kText) - 1};\n  }\n")
endforeach()
string(APPEND source "  return {};\n}\n\n}  // namespace evengrad\n")
file(WRITE "${OUTPUT}" "${source}")
