#include "apache/config/script_name.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <system_error>

#include "base/quotes.hpp"

namespace brine::apache {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongest = 100;

constexpr std::string_view kKeywords[] = {
    "False", "None",     "True",  "and",    "as",   "assert", "async",  "await",    "break",
    "class", "continue", "def",   "del",    "elif", "else",   "except", "finally",  "for",
    "from",  "global",   "if",    "import", "in",   "is",     "lambda", "nonlocal", "not",
    "or",    "pass",     "raise", "return", "try",  "while",  "with",   "yield"};

// Modules of Brine's, and what is in brine.scripts, of which each script is a part too.
constexpr std::string_view kTaken[] = {"apache", "brine",    "mod_wsgi",     "load",
                                       "names",  "register", "script_names", "ScriptLoadError"};

// The modules of Python's own, of all versions of the build, each between blanks.
constexpr std::string_view kLibrary = " " BRINE_LIBRARY_MODULES " ";

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// A name that begins with '_' is private to brine.scripts, to programs (__main__), and to scripts
// without one (_mod_wsgi_...).
bool is_public_identifier(std::string_view text) {
  return !text.empty() && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_'; });
}

template <std::size_t n>
bool is_among(std::string_view text, const std::string_view (&words)[n]) {
  return std::find(std::begin(words), std::end(words), text) != std::end(words);
}

bool is_of_library(std::string_view name) {
  return kLibrary.find(" " + std::string(name) + " ") != std::string_view::npos;
}

// Returns true for an extension module: NAME.so, NAME.cpython-311-x86_64-linux-gnu.so.
bool is_extension_of(std::string_view file, std::string_view name) {
  return file.size() > name.size() && file.starts_with(name) && file[name.size()] == '.' &&
         file.ends_with(".so");
}

std::string module_in(const fs::path& folder, std::string_view name) {
  std::error_code ignored;
  for (const char* ending : {".py", ".pyc", ""}) {
    const fs::path found = folder / (std::string(name) + ending);
    if (*ending == '\0' ? fs::is_directory(found, ignored) : fs::is_regular_file(found, ignored)) {
      return found.string();
    }
  }
  for (fs::directory_iterator entry(folder, ignored), end; entry != end; entry.increment(ignored)) {
    if (is_extension_of(entry->path().filename().string(), name)) {
      return entry->path().string();
    }
  }
  return {};
}

}  // namespace

std::string_view parse_script_name(std::string_view text) {
  if (!is_public_identifier(text) || is_among(text, kKeywords)) {
    throw std::invalid_argument(
        "needs a name that is one Python identifier, of ASCII letters, digits and '_', that begins "
        "with a letter and is no keyword, such as shop_wsgi, not " +
        base::in_quotes(text));
  }
  if (text.size() > kLongest) {
    throw std::invalid_argument("has a name of more than " + std::to_string(kLongest) +
                                " characters: " + base::in_quotes(text));
  }
  if (is_among(text, kTaken) || is_of_library(text)) {
    throw std::invalid_argument("has the name " + base::in_quotes(text) +
                                ", which is that of a module already: choose another, such as " +
                                base::in_quotes(std::string(text) + "_wsgi"));
  }
  return text;
}

void check_named_path(std::string_view path) {
  if (!path.starts_with('/') || fs::path(path).lexically_normal().string() != path ||
      path.ends_with('/')) {
    throw std::invalid_argument(
        "gives a name to " + base::in_quotes(path) +
        ", and needs the path of one script: absolute, and without '//', '.' and '..'");
  }
}

std::vector<std::string> conflicts(const std::vector<NameGiven>& names) {
  std::vector<std::string> found;
  for (auto later = names.begin(); later != names.end(); ++later) {
    const auto earlier = std::find_if(names.begin(), later, [&](const NameGiven& each) {
      return (each.name == later->name) != (each.script == later->script);
    });
    if (earlier == later) continue;
    const std::string gives = later->origin + " gives the name " + base::in_quotes(later->name) +
                              " to the script " + base::in_quotes(later->script);
    found.push_back(earlier->name == later->name
                        ? gives + ", and " + earlier->origin + " gives it to " +
                              base::in_quotes(earlier->script) +
                              ": a name means one script in the whole server, so choose another"
                        : gives + ", which " + earlier->origin + " calls " +
                              base::in_quotes(earlier->name) + ": a script has one name");
  }
  return found;
}

std::string module_in(const std::vector<std::string>& folders, std::string_view name) {
  for (const std::string& folder : folders) {
    std::string found = module_in(fs::path(folder), name);
    if (!found.empty()) return found;
  }
  return {};
}

}  // namespace brine::apache
