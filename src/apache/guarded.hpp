// Hooks as httpd calls them: an exception that left one would end the process.
#pragma once

#include <exception>
#include <type_traits>

#include "apache/httpd.hpp"

namespace brine::apache {

namespace detail {

inline void log_escaped(const char* what) noexcept {
  ap_log_error(APLOG_MARK, APLOG_CRIT, 0, ap_server_conf, "unexpected error in mod_brine: %s",
               what);
}

template <auto hook>
struct Guarded;

template <class Result, class... Args, Result (*hook)(Args...)>
struct Guarded<hook> {
  static Result call(Args... args) noexcept {
    try {
      return hook(args...);
    } catch (const std::exception& error) {
      log_escaped(error.what());
    } catch (...) {
      log_escaped("unknown exception");
    }
    if constexpr (!std::is_void_v<Result>) {
      return Result{HTTP_INTERNAL_SERVER_ERROR};
    }
  }
};

}  // namespace detail

/// `ap_hook_handler(guarded<&handle>, ...)`: the hook, noexcept. After an exception, which is
/// logged, a hook that returns a status answers 500 (in a start-up hook: httpd does not start).
template <auto hook>
inline constexpr auto guarded = &detail::Guarded<hook>::call;

}  // namespace brine::apache
