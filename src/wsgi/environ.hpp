// The environ dict (PEP 3333, "environ Variables").
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "boundary/request.hpp"
#include "cpython/ref.hpp"

namespace brine::wsgi {

/// Makes environ dicts for one interpreter: copies of a template dict, which holds the constants
/// and the variables of the last request. Only what differs from the last request is made anew; the
/// server's name, the script's path and most others seldom do.
class Environ {
 public:
  /// `constants`: the items that every environ of this interpreter has (wsgi.version, wsgi.errors).
  Environ(const cpython::GilLock& gil, PyObject* constants);

  /// A new dict, in which `wsgi.input` is what the constants say. What the request says wins over
  /// SetEnv, and the constants over both.
  cpython::Ref make(const cpython::GilLock& gil, const Head& head);

 private:
  struct Variable {
    cpython::Ref key;
    std::string bytes;     // the value that the template has now
    bool present = false;  // whether the template has one
  };
  struct Header {
    cpython::Ref key;    // empty: the field is dropped
    std::string bytes;   // the last value
    cpython::Ref value;  // the same for Python; empty: there was none yet
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

  // All guarded by the GIL of the interpreter:
  cpython::Ref template_;
  std::array<Variable, kVarCount> variables_;
  // By the environ key: those of kCommonFields, which are interned.
  std::unordered_map<std::string, cpython::Ref, Hash, std::equal_to<>> common_keys_;
  // By the name that the client sent. Browsers send most fields with the same value each time.
  std::unordered_map<std::string, Header, Hash, std::equal_to<>> headers_;
  cpython::Ref thread_id_, request_start_, application_start_, queue_start_, daemon_start_;
};

}  // namespace brine::wsgi
