# Writes FILES, Python sources below ROOT, as C++ string constants to OUTPUT. Pieces, because
# compilers limit the length of one literal.
set(entries "")
foreach(file IN LISTS FILES)
  file(READ ${ROOT}/${file} text)
  string(LENGTH "${text}" size)
  set(pieces "")
  set(at 0)
  while(at LESS size)
    string(SUBSTRING "${text}" ${at} 8000 piece)
    string(APPEND pieces "     R\"brine(${piece})brine\"\n")
    math(EXPR at "${at} + 8000")
  endwhile()
  # python/brine/pickle/_scan.py -> brine.pickle._scan, src/script/bootstrap.py -> script.bootstrap
  string(REGEX REPLACE "^(python|src)/(.*)\\.py$" "\\2" name ${file})
  string(REGEX REPLACE "/__init__$" "" name ${name})
  string(REPLACE "/" "." name ${name})
  string(APPEND entries "    {\"${name}\",\n${pieces}    },\n")
endforeach()
file(WRITE ${OUTPUT} "// Made by src/script/embed.cmake.\n#pragma once\n\n"
  "namespace brine::script {\n\nstruct EmbeddedPython {\n  const char* name;\n  const char* source;\n};\n\n"
  "inline constexpr EmbeddedPython kEmbeddedPython[] = {\n${entries}};\n\n}  // namespace brine::script\n")
