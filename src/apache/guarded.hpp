// Wraps hooks for httpd: an exception that left a hook would end the process.
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

template <auto hook, auto failure>
struct Guarded;

template <class Result, class... Args, Result (*hook)(Args...), auto failure>
struct Guarded<hook, failure> {
  static Result call(Args... args) noexcept {
    try {
      return hook(args...);
    } catch (const std::exception& error) {
      log_escaped(error.what());
    } catch (...) {
      log_escaped("unknown exception");
    }
    if constexpr (!std::is_void_v<Result>) {
      return Result{failure};
    }
  }
};

}  // namespace detail

/// Makes the noexcept hook of `ap_hook_handler(guarded<&handle>, ...)`. After an exception, which
/// is logged, a hook that returns a status returns 500; from a start-up hook that keeps httpd from
/// starting. A function that returns something else returns `failure`.
template <auto hook, auto failure = HTTP_INTERNAL_SERVER_ERROR>
inline constexpr auto guarded = &detail::Guarded<hook, failure>::call;

}  // namespace brine::apache
