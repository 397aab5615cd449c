#include "apache/request/routing.hpp"

#include <optional>
#include <string_view>

#include "apache/request/deciding.hpp"
#include "base/pool.hpp"

namespace brine::apache {

namespace {

std::optional<std::string_view> part_of(const request_rec* r, const wsgi::Answer& answer,
                                        wsgi::Part part) {
  const auto& text = answer.texts[static_cast<std::size_t>(part)];
  return text ? std::optional(std::string_view(base::pool_copy(r->pool, *text))) : std::nullopt;
}

}  // namespace

int find_route(request_rec* r, const DecidingScript& script, Route& route) {
  const std::optional<wsgi::Answer> answer = ask(r, script, {wsgi::Call::route, {}, {}});
  if (!answer) {
    return HTTP_INTERNAL_SERVER_ERROR;
  }
  route.process_group = part_of(r, *answer, wsgi::Part::process_group);
  route.application_group = part_of(r, *answer, wsgi::Part::application_group);
  route.callable = part_of(r, *answer, wsgi::Part::callable);
  return OK;
}

}  // namespace brine::apache
