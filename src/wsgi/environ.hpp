// Environ makes the environ dicts (PEP 3333, "environ Variables").
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "boundary/request.hpp"
#include "cpython/ref.hpp"

namespace brine::wsgi {

/// Makes environ dicts for one interpreter as copies of a template dict, which holds the constants
/// and the variables of the last request. Only values that differ from the last request's are made
/// anew; most, such as the server's name and the script's path, seldom do.
class Environ {
 public:
  /// Takes the items that every environ of this interpreter has (wsgi.version, wsgi.errors) as
  /// `constants`. Throws ErrorSet.
  Environ(const cpython::GilLock& gil, PyObject* constants);

  /// Returns a new dict, in which `wsgi.input` is that of the constants. The request's values win
  /// over SetEnv's, and the constants over both. Throws ErrorSet.
  cpython::Ref make(const cpython::GilLock& gil, const Head& head);

 private:
  struct Variable {
    cpython::Ref key;
    cpython::Ref synonym;  // a further key of the same value, or empty
    std::string bytes;     // the value that the template has
    bool present = false;  // the template has a value
  };
  struct Header {
    cpython::Ref key;    // empty: the field is dropped
    std::string bytes;   // the last value
    cpython::Ref value;  // the same as a Python string; empty: there was none yet
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };

  void update_template(const cpython::GilLock& gil, const Head& head);
  cpython::Ref header_key(const cpython::GilLock& gil, std::string_view field) const;
  void set_header(const cpython::GilLock& gil, PyObject* environ, const Field& field);

  // Members guarded by the interpreter's GIL:
  cpython::Ref template_;
  std::array<Variable, kVarCount> variables_;
  // Keys of kCommonFields, which are interned, by their text.
  std::unordered_map<std::string, cpython::Ref, Hash, std::equal_to<>> common_keys_;
  // Fields by the name that the client sent. Browsers send most fields with the same value each
  // time.
  std::unordered_map<std::string, Header, Hash, std::equal_to<>> headers_;
  cpython::Ref thread_id_, request_start_, application_start_, queue_start_, daemon_start_;
};

}  // namespace brine::wsgi
