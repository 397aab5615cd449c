#include "apache/config/ignored.hpp"

#include <algorithm>

#include "apache/config/said_once.hpp"
#include "apache/log.hpp"
#include "base/pool.hpp"

namespace brine::apache {

namespace {

std::string places(const Place& first, std::size_t more) {
  if (more == 0) {
    return in_parentheses(first);
  }
  std::string text = in_parentheses(first);
  text.pop_back();
  return text + " and " + std::to_string(more) + (more == 1 ? " other place)" : " other places)");
}

IgnoredNotice notice(const Ignored& ignored, std::size_t more) {
  const std::string what = ignored.what + places(ignored.place, more);
  if (ignored.missed) {
    return {base::Level::warning,
            "BRINE0016: " + what + " has no effect in Brine: " + std::string(ignored.why)};
  }
  return {base::Level::info, "BRINE0007: " + what +
                                 " is accepted for mod_wsgi's sake and has no effect in Brine" +
                                 (ignored.why.empty() ? "" : ", ") + std::string(ignored.why)};
}

}  // namespace

std::vector<IgnoredNotice> notices_of(const std::vector<Ignored>& ignored) {
  const auto alike = [](const Ignored& a, const Ignored& b) {
    return a.what == b.what && a.missed == b.missed;
  };
  std::vector<IgnoredNotice> notices;
  for (auto one = ignored.begin(); one != ignored.end(); ++one) {
    const auto same = [&](const Ignored& other) { return alike(*one, other); };
    if (std::any_of(ignored.begin(), one, same)) {
      continue;  // counted at its first place
    }
    const auto more = std::count_if(one + 1, ignored.end(), same);
    notices.push_back(notice(*one, static_cast<std::size_t>(more)));
  }
  return notices;
}

void report_ignored(apr_pool_t* pconf, server_rec* main_server) {
  std::vector<Ignored> all;
  for (const server_rec* server : servers_with_settings(main_server)) {
    const std::vector<Ignored>& own = server_settings(server).ignored;
    all.insert(all.end(), own.begin(), own.end());
  }
  for (const IgnoredNotice& said : notices_of(all)) {
    ServerLog(main_server).log(said.level, said.text);
  }
  server_settings(main_server).said_once = base::pool_emplace<SaidOnce>(pconf);
  server_settings(main_server).told_scripts = base::pool_emplace<SaidOnce>(pconf);
}

void report_ignored_in_file(const server_rec* server, const Ignored& ignored) {
  SaidOnce* const said_once = server_settings(ap_server_conf).said_once;
  if (said_once == nullptr || !said_once->first(ignored.what + ignored.place.file)) {
    return;
  }
  const IgnoredNotice said = notice(ignored, 0);
  ServerLog(server).log(said.level, said.text);
}

}  // namespace brine::apache
