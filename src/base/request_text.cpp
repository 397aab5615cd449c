#include "base/request_text.hpp"

#include <array>
#include <cstdio>

#include "base/quotes.hpp"

namespace brine::base {

std::string request_name(std::string_view method_and_path, std::string_view id) {
  const std::string name = in_quotes(method_and_path);
  return id.empty() ? name : name + " (id " + std::string(id) + ")";
}

std::string in_seconds(Nanos time) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f s",
                static_cast<double>(time) / static_cast<double>(kSecond));
  return text.data();
}

std::string describe(const SlowRequest& request) {
  std::string text = "BRINE0418: slow request " + request.name + ": " +
                     in_seconds(request.now - request.begun) + (request.ended ? "" : " so far");
  if (request.called == 0) {
    text += ", the application has not been called";
  } else {
    text += ", " + in_seconds(request.called - request.begun) +
            " of it until the application was called";
  }
  text += "; WSGISlowRequest allows " + std::to_string(request.limit / kMillisecond) + " ms";
  if (request.ended) return text + "; it ended before its stack was looked at";
  return request.stack.empty() ? text : text + "; it is at\n" + std::string(request.stack);
}

}  // namespace brine::base
