#include "apache/request/deciding.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "apache/request/refusal.hpp"
#include "apache/request/request.hpp"
#include "apache/request/request_body.hpp"
#include "apache/request/running.hpp"
#include "apache/request/selection.hpp"
#include "base/quotes.hpp"

namespace brine::apache {

namespace {

// Takes an answer where no response can come.
class KeptAnswer final : public wsgi::ResponseWriter {
 public:
  void start(int, std::string_view, std::span<const wsgi::Field>) override {}
  char* allocate(std::size_t) override { return nullptr; }
  wsgi::Delivery send(std::span<const std::string_view>, wsgi::End) noexcept override {
    return wsgi::Delivery::client_gone;
  }
  wsgi::Delivery send_file(int, std::int64_t, std::int64_t, wsgi::End) noexcept override {
    return wsgi::Delivery::client_gone;
  }
  void abort() noexcept override {}
  void answer(wsgi::Answer&& answer) noexcept override { kept = std::move(answer); }

  std::optional<wsgi::Answer> kept;
};

// Returns true if the script may run in its process group. A user of the server may have code run
// as the group's user only if the server's configuration lets those who come here use the group.
bool may_name_group(const request_rec* r, const DecidingScript& script,
                    const Selection& selection) {
  if (!script.of_htaccess || selection.process_group.empty() ||
      selection.settings.allowed_groups != nullptr) {
    return true;
  }
  refuse(r, HTTP_INTERNAL_SERVER_ERROR,
         std::string("BRINE0123: ") + script.directive +
             " in an .htaccess file names the process group " +
             base::in_quotes(selection.process_group) +
             ", and no WSGIRestrictProcess in the server's configuration lets it");
  return false;
}

}  // namespace

std::optional<wsgi::Answer> ask(request_rec* r, const DecidingScript& script,
                                const wsgi::Question& question) {
  const Selection selection = select(r, script, question);
  if (!may_name_group(r, script, selection) || check_place(r, selection) != OK) {
    return std::nullopt;
  }
  RequestBody unread(r, body_facts(r));
  ApacheRequest request(r, selection, unread);
  KeptAnswer answer;
  const wsgi::Outcome outcome = run(r, selection, request, answer);
  return outcome == wsgi::Outcome::completed ? std::move(answer.kept) : std::nullopt;
}

}  // namespace brine::apache
