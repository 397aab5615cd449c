# Writes INPUT, a text file, as a C++ string constant to OUTPUT. Pieces, because compilers limit the
# length of one literal.
file(READ ${INPUT} text)
string(LENGTH "${text}" size)
set(pieces "")
set(at 0)
while(at LESS size)
  string(SUBSTRING "${text}" ${at} 8000 piece)
  string(APPEND pieces "    R\"brine(${piece})brine\"\n")
  math(EXPR at "${at} + 8000")
endwhile()
file(WRITE ${OUTPUT} "// Made from src/script/bootstrap.py by CMake.\n#pragma once\n\n"
  "namespace brine::script {\n\ninline constexpr const char* kBootstrapSource =\n${pieces};\n\n}  // namespace brine::script\n")
