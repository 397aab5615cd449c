#include "apache/config/daemon_groups.hpp"

#include <grp.h>
#include <limits.h>
#include <locale.h>
#include <pwd.h>
#include <strings.h>
#include <unistd.h>
#include <unixd.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <map>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "apache/config/access.hpp"
#include "apache/config/options.hpp"
#include "apache/config/own_gil.hpp"
#include "apache/config/python_home.hpp"
#include "apache/config/reading.hpp"
#include "apache/config/warm_up.hpp"
#include "apache/guarded.hpp"
#include "apache/log.hpp"
#include "base/quotes.hpp"
#include "base/tenant_look.hpp"
#include "engine/engine_loader.hpp"

namespace brine::apache {

using base::FilesFault;
using base::TenantLook;
using base::Viewer;

namespace {

namespace fs = std::filesystem;

// Refuses a definition. `text` follows the directive, the group's name and the place.
[[noreturn]] void refuse(const std::string& text) { throw std::invalid_argument(text); }

std::string directive_for(const std::string& group, const Place& place) {
  return "WSGIDaemonProcess " + group + in_parentheses(place);
}

bool started_by_root() { return geteuid() == 0; }

// --- users and groups ----------------------------------------------------------------------------

// Returns the number in "#number", which the parser has checked.
std::optional<unsigned long> number_of(const std::string& name) {
  return name.front() == '#' ? std::optional(std::stoul(name.substr(1))) : std::nullopt;
}

uid_t user_id(const char* option, const std::string& name) {
  if (const auto number = number_of(name)) {
    return static_cast<uid_t>(*number);
  }
  const passwd* user = getpwnam(name.c_str());
  if (user == nullptr) {
    refuse(std::string(option) + " names " + base::in_quotes(name) + ", but there is no such user");
  }
  return user->pw_uid;
}

gid_t group_id(const char* option, const std::string& name) {
  if (const auto number = number_of(name)) {
    return static_cast<gid_t>(*number);
  }
  const ::group* found = getgrnam(name.c_str());
  if (found == nullptr) {
    refuse(std::string(option) + " names " + base::in_quotes(name) +
           ", but there is no such group");
  }
  return found->gr_gid;
}

std::string name_of(uid_t uid) {
  const passwd* user = getpwuid(uid);
  return user != nullptr ? user->pw_name : "";
}

// Returns the name, or "#1234" if the id has none.
std::string shown(const daemon::Identity& identity) {
  return identity.user.empty() ? "#" + std::to_string(identity.uid) : identity.user;
}

// Returns the identity of httpd's own processes.
daemon::Identity own_identity() {
  daemon::Identity own;
  own.uid = started_by_root() ? ap_unixd_config.user_id : geteuid();
  own.gid = started_by_root() ? ap_unixd_config.group_id : getegid();
  own.user = name_of(own.uid);
  return own;
}

daemon::Identity wanted_identity(const DaemonOptions& options, const daemon::Identity& own) {
  daemon::Identity wanted = own;
  if (!options.user.empty()) {
    wanted.uid = user_id("user=", options.user);
    wanted.user = name_of(wanted.uid);
  }
  if (!options.user_group.empty()) {
    wanted.gid = group_id("group=", options.user_group);
  }
  if (options.supplementary_groups) {
    wanted.supplementary.emplace();
    for (const std::string& name : *options.supplementary_groups) {
      wanted.supplementary->push_back(group_id("supplementary-groups=", name));
    }
  }
  return wanted;
}

// Returns the groups that the system's files give a user.
std::vector<gid_t> groups_of_user(const daemon::Identity& identity) {
  int count = NGROUPS_MAX;
  std::vector<gid_t> room(static_cast<std::size_t>(count));
  getgrouplist(identity.user.c_str(), identity.gid, room.data(), &count);
  // A copy, since each daemon group keeps it, and the room is a quarter of a megabyte.
  // If there are more, the system says how many, and has written no more than the room takes.
  return {room.begin(), room.begin() + std::clamp<int>(count, 0, NGROUPS_MAX)};
}

// Returns the identity in the form that access checks use.
Identity for_access(const daemon::Identity& identity, bool switched) {
  Identity seen{identity.uid, {}};
  if (!switched) {
    seen.groups.resize(static_cast<std::size_t>(std::max(0, getgroups(0, nullptr))));
    const int count = getgroups(static_cast<int>(seen.groups.size()), seen.groups.data());
    seen.groups.resize(static_cast<std::size_t>(std::max(0, count)));
  } else if (identity.supplementary) {
    seen.groups = *identity.supplementary;
  }
  seen.groups.push_back(identity.gid);
  return seen;
}

// --- one group -----------------------------------------------------------------------------------

// Completes a definition by what the system and the other directives say.
class Completion {
 public:
  Completion(const DaemonDefinition& definition, const ProcessSettings& process, server_rec* server)
      : options_(definition.options),
        place_(definition.place),
        process_(process),
        server_(server),
        group_(definition.options.group) {}

  // Completes what depends on the administrator's configuration and the system. Throws
  // std::invalid_argument with a clause that follows the directive, the group's name and the place.
  void begin() {
    take_identity();
    if (!group_.chroot.empty() && !started_by_root()) {
      refuse("chroot= needs an httpd that is started by root: take it out");
    }
    if (const passwd* user = getpwuid(group_.identity.uid)) {
      group_.user_home = user->pw_dir;
    }
    check_locale("lang=", group_.lang);
    check_locale("locale=", group_.locale);
    choose_python();
    check_preload();
    check_warm_up();
    check_jitter();
    check_range();
    check_interpreters();
    find_script_owner();
    if (group_.limits.socket_timeout.count() == 0) {
      group_.limits.socket_timeout = daemon::Duration(apr_time_as_msec(server_->timeout));
    }
    if (is_last_reading()) {
      look_.emplace(viewer(), [this] { return look_at_files(); });
    }
  }

  // Completes what depends on the user's files. Throws FilesFault with such a clause.
  void finish() {
    if (!look_) {
      return;
    }
    const TenantLook::Texts found = look_->result();
    if (found.size() != kTexts) {
      throw FilesFault("its files could not be looked at");
    }
    group_.working_home = found[0];
    group_.python = found[1];
    group_.program = found[2];
    group_.prefix = found[3];
    if (!found[4].empty()) {
      warn("BRINE0015: " + self() + ": the user " + base::in_quotes(shown(group_.identity)) +
           " has no home that it may enter (" + base::in_quotes(group_.user_home) +
           "): the processes will work in '/'; name a directory by home=");
    }
    // begin() has checked that python= has an engine; this version was found in python-home=.
    if (!options_.python_home.empty() && engine::find_engine(group_.python).empty()) {
      throw FilesFault(without_engine());
    }
    if (!may_have_interpreters()) {
      throw FilesFault(without_own_gils());
    }
  }

  const daemon::Group& group() const { return group_; }
  const DaemonOptions& options() const { return options_; }

 private:
  static constexpr std::size_t kTexts = 5;

  Viewer viewer() const {
    const daemon::Identity& identity = group_.identity;
    return {group_.switches_identity, identity.uid, identity.gid, identity.supplementary,
            group_.chroot};
  }

  // Looks at the files in a process of the group's user, behind chroot=.
  TenantLook::Texts look_at_files() {
    Identity identity = for_access(group_.identity, group_.switches_identity);
    identity.has_names = group_.chroot.empty();
    find_working_home(identity);
    const Home home = chosen_home();
    if (python_is_to_fit_ && !options_.python_home.empty()) {
      choose_version_of(home.path, available_);
    }
    if (!home.path.empty()) {
      take_home(home, identity);
    }
    return {group_.working_home, group_.python, group_.program, group_.prefix,
            has_no_home_ ? "none" : ""};
  }

  void warn(const std::string& text) const {
    if (is_last_reading()) {
      ServerLog(server_).log(base::Level::warning, text);
    }
  }

  std::string self() const { return directive_for(group_.name, place_); }

  void take_identity() {
    const daemon::Identity own = own_identity();
    const daemon::Identity wanted = wanted_identity(options_, own);
    group_.switches_identity = started_by_root();
    group_.identity = started_by_root() ? wanted : own;
    if (started_by_root() && wanted.uid == 0) {
      refuse(options_.user.empty()
                 ? "would run as root, as httpd's User does: give it another one by user="
                 : "user= names " + base::in_quotes(options_.user) +
                       ", but applications are not run as root: name another user");
    }
    if (started_by_root() && wanted.gid == 0) {
      refuse(options_.user_group.empty()
                 ? "would run in root's group, as httpd's Group does: give it another one by group="
                 : "group= names " + base::in_quotes(options_.user_group) +
                       ", but applications are not run in root's group: name another group");
    }
    const bool differs = wanted.uid != own.uid || wanted.gid != own.gid || wanted.supplementary;
    if (!started_by_root() && differs) {
      warn("BRINE0014: " + self() + ": user=, group= and supplementary-groups= have no effect, " +
           "because httpd is not started by root: the processes will run as " +
           base::in_quotes(shown(own)));
    }
    daemon::Identity& identity = group_.identity;
    is_another_user_ = identity.uid != own.uid;
    if (started_by_root() && !identity.supplementary && !identity.user.empty()) {
      identity.supplementary = groups_of_user(identity);
    }
  }

  void find_working_home(const Identity& identity) {
    if (!group_.home.empty()) {
      if (is_no_folder(group_.home)) {
        refuse("home= names " + base::in_quotes(group_.home) + ", which is no directory" +
               (group_.chroot.empty() ? "" : " below chroot="));
      }
      if (const auto found = obstacle(group_.home, identity, Wanted::traverse)) {
        refuse("home= names " + base::in_quotes(group_.home) + ", but the user " +
               base::in_quotes(shown(group_.identity)) + " " + *found);
      }
      group_.working_home = group_.home;
    } else if (is_another_user_) {
      group_.working_home = home_of_user(identity);
    }
  }

  std::string home_of_user(const Identity& identity) {
    const std::string& home = group_.user_home;
    const bool usable = !home.empty() && home.front() == '/' && !is_no_folder(home) &&
                        !obstacle(home, identity, Wanted::traverse);
    has_no_home_ = !usable;
    return usable ? home : "/";
  }

  static bool has_locale(const std::string& name) {
    const locale_t made = newlocale(LC_ALL_MASK, name.c_str(), nullptr);
    if (made == nullptr) {
      return false;
    }
    freelocale(made);
    return true;
  }

  // As in mod_wsgi, a wrong locale keeps no site from starting, since it may never be needed.
  void check_locale(const char* option, std::string& name) const {
    if (name.empty() || has_locale(name)) {
      return;
    }
    const std::string instead = has_locale("C.UTF-8") ? "C.UTF-8" : "C";
    warn("BRINE0017: " + self() + ": " + option + " names " + base::in_quotes(name) +
         ", which this system does not have: the processes will run in " + instead +
         "; choose one that 'locale -a' lists, or install it");
    name = instead;
  }

  // The home of python-home=, or of WSGIPythonHome for the same Python.
  struct Home {
    std::string setting;
    std::string path;  ///< absolute, or empty
  };

  Home chosen_home() const {
    if (!options_.python_home.empty()) {
      const fs::path root = ap_server_root;
      return {"python-home=", (root / options_.python_home).lexically_normal().string()};
    }
    const bool same_python = group_.python == engine::effective_version(process_.python);
    return {"WSGIPythonHome", same_python ? process_.python_home : ""};
  }

  void choose_python() {
    available_ = engine::available_versions(engine::engine_directories());
    python_is_to_fit_ = group_.python.empty();
    // Without an engine for WSGIPython httpd starts all the same, as for its own processes.
    if (!python_is_to_fit_ && engine::find_engine(group_.python).empty()) {
      refuse(without_engine());
    }
    if (python_is_to_fit_) {
      group_.python = engine::effective_version(process_.python);
    }
    if (group_.python_eggs.empty()) {
      group_.python_eggs = process_.python_eggs;
    }
    if (!group_.home.empty()) {
      group_.home_origin = "home= of " + self();
    }
    group_.python_path_origin = "python-path= of " + self();
  }

  // Checks interpreters=, as far as no file of the site's decides.
  void check_interpreters() const {
    const std::string given = "interpreters=" + std::to_string(group_.interpreters);
    const int limit = process_.interpreter_limits.configured;
    if (group_.interpreters == 1) {
      return;
    }
    if (group_.interpreters > group_.threads) {
      refuse(given +
             " is more than its threads, of which each serves in one interpreter: there are " +
             std::to_string(group_.threads));
    }
    if (group_.interpreters > limit) {
      refuse(given + " is more than the " + std::to_string(limit) +
             " sub-interpreters that WSGIInterpreterLimit allows in a process");
    }
    if (options_.python_home.empty() && !may_have_interpreters()) {
      refuse(without_own_gils());
    }
  }

  void check_preload() const {
    if (group_.preload && group_.is_service()) {
      refuse("has preload=On and threads=0: a service has one process, which serves no requests");
    }
    if (group_.preload && group_.interpreters > 1) {
      refuse(
          "has preload=On and interpreters=" + std::to_string(group_.interpreters) +
          ": a forked process has the main interpreter alone; write processes= for interpreters=");
    }
  }

  void check_warm_up() const {
    if (!options_.warm_up.empty() && group_.interpreters > 1) {
      refuse("has warm-up= and interpreters=" + std::to_string(group_.interpreters) +
             ": a request would warm one of them alone; write processes= for interpreters=");
    }
  }

  void check_jitter() const {
    const daemon::Limits& limits = group_.limits;
    if (limits.maximum_requests_jitter != 0 && limits.maximum_requests == 0) {
      refuse("has maximum-requests-jitter= without maximum-requests=, to which it adds");
    }
    if (limits.restart_interval_jitter.count() != 0 && limits.restart_interval.count() == 0) {
      refuse("has restart-interval-jitter= without restart-interval=, to which it adds");
    }
    if (limits.memory_recycle_jitter != 0 && limits.memory_recycle == 0) {
      refuse("has memory-recycle-jitter= without memory-recycle=, to which it adds");
    }
  }

  void check_range() const {
    if (group_.varies() && group_.is_service()) {
      refuse("has processes=" + options_.given.at("processes") +
             " and threads=0: a service does not grow, as it serves no requests");
    }
    if (group_.varies() && group_.limits.listen_backlog == 0) {
      refuse("has processes=" + options_.given.at("processes") +
             " and listen-backlog=0: no request may wait, and it is those that wait which make it "
             "grow");
    }
    if (!group_.varies() && options_.given.contains("processes-idle")) {
      refuse("has processes-idle= without processes=MIN-MAX, of which it is an option");
    }
  }

  bool may_have_interpreters() const {
    return group_.interpreters == 1 || has_own_gils(group_.python);
  }

  std::string without_own_gils() const {
    return "has interpreters=" + std::to_string(group_.interpreters) + ", and runs Python " +
           group_.python +
           ", whose interpreters share one GIL: run Python 3.12 or later, by python=, or write "
           "processes= instead";
  }

  std::string without_engine() const {
    return "wants Python " + group_.python + ", for which there is no engine; " +
           list_versions(available_);
  }

  void choose_version_of(const std::string& home, std::vector<std::string> available) {
    available.insert(available.begin(), group_.python);
    const std::string found = version_of_home(home, available);
    if (!found.empty()) {
      group_.python = found;
    }
  }

  static std::string list_versions(const std::vector<std::string>& available) {
    std::string list;
    for (const std::string& version : available) {
      list.append(list.empty() ? "there are engines for Python " : ", ").append(version);
    }
    return list.empty() ? "there are no engines at all" : list;
  }

  void take_home(const Home& home, const Identity& identity) {
    if (!group_.chroot.empty()) {
      take_home_in_chroot(home);
      return;
    }
    try {
      const PythonHome found = resolve_python_home(
          home.path, {group_.python, available_, identity, "the group",
                      "python=", "the group's user " + base::in_quotes(shown(group_.identity))});
      group_.program = found.program;
      group_.prefix = found.home;
    } catch (const std::invalid_argument& error) {
      refuse(home.setting + " " + error.what());
    }
  }

  void take_home_in_chroot(const Home& home) {
    std::error_code ignored;
    if (!fs::is_directory(home.path, ignored)) {
      refuse(home.setting + " names " + base::in_quotes(home.path) +
             ", which is no directory below chroot=");
    }
    const bool environment = fs::exists(home.path + "/pyvenv.cfg", ignored);
    (environment ? group_.program : group_.prefix) =
        environment ? home.path + "/bin/python" : home.path;
  }

  void find_script_owner() {
    if (!options_.script_user.empty()) {
      group_.script_user = user_id("script-user=", options_.script_user);
    }
    if (!options_.script_group.empty()) {
      group_.script_group = group_id("script-group=", options_.script_group);
    }
  }

  const DaemonOptions& options_;
  Place place_;
  const ProcessSettings& process_;
  server_rec* server_;
  daemon::Group group_;
  std::vector<std::string> available_;  ///< versions that there are engines for
  bool python_is_to_fit_ = false;       ///< there is no python=: python-home= decides the version
  bool is_another_user_ = false;        ///< the user is not that of httpd's own processes
  bool has_no_home_ = false;            ///< the user has no home
  std::optional<TenantLook> look_;
};

// --- all groups ----------------------------------------------------------------------------------

// Returns the options that differ between two definitions: "threads ('5' there, '6' here)", or an
// empty text.
std::string differences(const DaemonOptions& there, const DaemonOptions& here) {
  std::map<std::string, std::pair<std::string, std::string>> both;
  for (const auto& [name, text] : there.given) {
    both[name].first = base::in_quotes(text);
  }
  for (const auto& [name, text] : here.given) {
    both[name].second = base::in_quotes(text);
  }
  std::string list;
  for (const auto& [name, texts] : both) {
    if (texts.first != texts.second) {
      const auto& [first, second] = texts;
      list.append(list.empty() ? "" : ", ").append(name);
      list.append(" (").append(first.empty() ? "not given" : first).append(" there, ");
      list.append(second.empty() ? "not given" : second).append(" here)");
    }
  }
  return list;
}

bool same_name(const server_rec* a, const server_rec* b) {
  return a->server_hostname != nullptr && b->server_hostname != nullptr &&
         strcasecmp(a->server_hostname, b->server_hostname) == 0;
}

bool may_use(const server_rec* server, const DaemonGroup& group) {
  return std::any_of(group.servers.begin(), group.servers.end(), [&](const server_rec* definer) {
    return definer->is_virtual == 0 || definer == server || same_name(definer, server);
  });
}

// Completes the groups, and finds faults of them and of what refers to them.
class Check {
 public:
  explicit Check(server_rec* main_server)
      : main_server_(main_server), groups_(server_settings(main_server).daemon_groups) {}

  // Returns false if there is a fault, after logging it.
  bool run() {
    const std::vector<server_rec*> servers = servers_with_settings(main_server_);
    for (server_rec* server : servers) {
      expect_embedded_python(server);
      for (const DaemonDefinition& definition : server_settings(server).daemon_definitions) {
        add(definition, server);
      }
    }
    complete();
    for (const DaemonGroup& group : groups_.all) {
      groups_.by_name.emplace(group.group.name, &group);
    }
    for (const server_rec* server : servers) {
      check_what_refers_to_groups(server);
    }
    auto definition = completions_.begin();
    for (DaemonGroup& group : groups_.all) {
      resolve_warm_ups(group, (definition++)->options().warm_up, servers);
    }
    return !failed_;
  }

 private:
  void fail(const server_rec* server, const std::string& text) {
    failed_ = true;
    ServerLog(server).log(base::Level::error, text);
  }

  void refuse_group(const server_rec* server, const std::string& why) {
    fail(server, "BRINE0010: " + why);
  }

  // Notes whether requests will need Python in httpd's own processes, which then start it at once.
  // Sections, which may say otherwise, are not looked at.
  static void expect_embedded_python(const server_rec* server) {
    ServerSettings& settings = server_settings(server);
    const std::string_view group =
        settings_outside_sections(server).process_group.value.value_or("");
    const bool embedded = group.empty() || group.find("%{") != std::string_view::npos;
    settings.serves_wsgi = settings.serves_wsgi || (settings.names_no_group && embedded);
  }

  void add(const DaemonDefinition& definition, server_rec* server) {
    const std::string& name = definition.options.group.name;
    const auto [known, is_new] = definitions_.emplace(name, &definition);
    if (!is_new) {
      add_again(*known->second, definition, server);
      return;
    }
    // A group counts as defined even if it is refused, so that references to it are not reported
    // too.
    groups_.all.push_back({definition.options.group, server, {server}, definition.place});
    const ProcessSettings& process = server_settings(main_server_).process;
    completions_.emplace_back(definition, process, server);
    try {
      completions_.back().begin();
    } catch (const std::invalid_argument& error) {
      refuse_group(server, directive_for(name, definition.place) + ": " + error.what());
    }
  }

  // Waits for the looks at all groups' files, which run at the same time, so that one that hangs
  // delays no other.
  void complete() {
    auto completion = completions_.begin();
    for (DaemonGroup& group : groups_.all) {
      try {
        completion->finish();
      } catch (const FilesFault& fault) {
        note_fault(group, fault.what());
      }
      group.group = (completion++)->group();
    }
  }

  // Notes a fault in a tenant's files. `httpd -t` refuses it; a running httpd goes on, and only
  // this group is out of order.
  void note_fault(DaemonGroup& group, const std::string& why) {
    group.fault = directive_for(group.group.name, group.place) + ": " + why;
    if (is_configuration_test()) {
      refuse_group(group.server, group.fault);
    } else {
      ServerLog(group.server)
          .log(base::Level::error, "BRINE0020: " + group.fault +
                                       "; the group is out of order, and its requests are answered "
                                       "with 503 until httpd is restarted with this mended");
    }
  }

  // Accepts a second definition of a group, which copied virtual hosts have (certbot), if it is
  // like the first.
  void add_again(const DaemonDefinition& first, const DaemonDefinition& again, server_rec* server) {
    const std::string& name = first.options.group.name;
    const std::string different = differences(first.options, again.options);
    if (!different.empty()) {
      fail(server, "BRINE0011: " + directive_for(name, again.place) +
                       " defines the group otherwise than the first definition" +
                       in_parentheses(first.place) + " does: " + different +
                       "; make them alike, or name the groups differently");
      return;
    }
    const auto group = std::find_if(groups_.all.begin(), groups_.all.end(),
                                    [&](const DaemonGroup& g) { return g.group.name == name; });
    group->servers.push_back(server);
  }

  void check_what_refers_to_groups(const server_rec* server) {
    for (const GroupReference& reference : server_settings(server).group_references) {
      check_reference(reference, server);
    }
    for (const Preload& preload : server_settings(server).daemon_preloads) {
      add_script(preload, server);
    }
  }

  void check_reference(const GroupReference& reference, const server_rec* server) {
    const std::string said = reference.directive + in_parentheses(reference.place) +
                             " names the process group " + base::in_quotes(reference.group);
    const auto found = groups_.by_name.find(reference.group);
    if (found == groups_.by_name.end()) {
      fail(server,
           "BRINE0012: " + said + ", which no WSGIDaemonProcess defines; " + list_daemon_groups());
      return;
    }
    // A directive of the main server may be meant for the virtual host of the group.
    const bool is_for_this_server = server->is_virtual != 0 || reference.at_start;
    if (is_for_this_server && !may_use(server, *found->second)) {
      fail(server, "BRINE0013: " + said +
                       ", which belongs to a virtual host of another ServerName" +
                       in_parentheses(found->second->place) +
                       "; define it outside the virtual hosts, or in one with the same ServerName");
    }
  }

  void add_script(const Preload& preload, const server_rec* server) {
    const auto group =
        std::find_if(groups_.all.begin(), groups_.all.end(),
                     [&](const DaemonGroup& g) { return g.group.name == preload.process_group; });
    if (group == groups_.all.end()) {
      return;  // check_reference() has logged this
    }
    const daemon::Group& found = group->group;
    if (found.interpreters > 1 && preload.application_group.empty() && !preload.callable.empty()) {
      refuse_group(group->server,
                   directive_for(found.name, group->place) +
                       ": has interpreters=" + std::to_string(found.interpreters) +
                       ", and its script " + base::in_quotes(preload.script) +
                       " is to run in application group %{GLOBAL}, the main interpreter, of which "
                       "a process has one: name another application-group=, or write processes= "
                       "instead");
      return;
    }
    daemon::Script script;
    script.path = path_in_group(group->group, preload.script);
    script.callable = preload.callable;
    script.application_group = preload.application_group;
    script.settings = script_settings(settings_outside_sections(server), preload.process_group);
    add_once(group->group.scripts, std::move(script));
  }

  // Virtual hosts with the same alias need the script once.
  static void add_once(std::vector<daemon::Script>& scripts, daemon::Script script) {
    const bool is_there = std::any_of(scripts.begin(), scripts.end(), [&](const auto& other) {
      return other.path == script.path && other.callable == script.callable &&
             other.application_group == script.application_group;
    });
    if (!is_there) {
      scripts.push_back(std::move(script));
    }
  }

  // Finds the scripts that serve the group's warm-up requests. They are loaded at the start too.
  void resolve_warm_ups(DaemonGroup& group, const std::vector<std::string>& urls,
                        const std::vector<server_rec*>& servers) {
    for (const std::string& url : urls) {
      try {
        if (group.group.is_service()) refuse("threads=0: a service serves no requests");
        std::optional<daemon::WarmUp> found;
        for (const server_rec* server : servers) {
          if (!found && may_use(server, group)) found = warm_up(url, group.group, server);
        }
        if (!found) refuse("no WSGIScriptAlias leads there and to this group");
        add_once(group.group.scripts, found->script);
        group.group.warm_ups.push_back(std::move(*found));
      } catch (const std::invalid_argument& error) {
        refuse_group(group.server, directive_for(group.group.name, group.place) + ": has warm-up=" +
                                       base::in_quotes(url) + ", but " + error.what());
      }
    }
  }

  server_rec* main_server_;
  DaemonGroups& groups_;
  std::map<std::string_view, const DaemonDefinition*> definitions_;
  std::deque<Completion> completions_;  ///< of groups_.all, in the same order
  bool failed_ = false;
};

int check_daemon_groups(apr_pool_t*, apr_pool_t*, apr_pool_t*, server_rec* main_server) {
  return Check(main_server).run() ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

const DaemonGroups& groups_of_configuration() {
  return server_settings(ap_server_conf).daemon_groups;
}

const DaemonGroup* find_group(std::string_view name) {
  const auto& groups = groups_of_configuration().by_name;
  const auto found = groups.find(name);
  return found != groups.end() ? found->second : nullptr;
}

}  // namespace

const std::vector<DaemonGroup>& daemon_groups() { return groups_of_configuration().all; }

const daemon::Group* find_daemon_group(std::string_view name) {
  const DaemonGroup* found = find_group(name);
  return found != nullptr ? &found->group : nullptr;
}

std::string_view daemon_group_fault(std::string_view name) {
  const DaemonGroup* found = find_group(name);
  return found != nullptr ? std::string_view(found->fault) : std::string_view();
}

std::string_view path_in_group(const daemon::Group& group, std::string_view path) {
  const std::string_view root = group.chroot;
  const bool below = path.starts_with(root) && path.substr(root.size()).starts_with('/');
  return below ? path.substr(root.size()) : path;
}

GroupAccess daemon_group_access(std::string_view name, const server_rec* server) {
  const DaemonGroup* found = find_group(name);
  if (found == nullptr) {
    return GroupAccess::unknown;
  }
  return may_use(server, *found) ? GroupAccess::granted : GroupAccess::other_server;
}

std::string list_daemon_groups() {
  const std::vector<DaemonGroup>& groups = daemon_groups();
  if (groups.empty()) {
    return "there are none";
  }
  std::string list = groups.size() == 1 ? "there is " : "there are ";
  for (const DaemonGroup& group : groups) {
    list.append(&group == &groups.front() ? "" : &group == &groups.back() ? " and " : ", ");
    list.append(base::in_quotes(group.group.name));
  }
  return list;
}

void register_daemon_group_hooks() {
  ap_hook_check_config(guarded<&check_daemon_groups>, nullptr, nullptr, APR_HOOK_MIDDLE);
}

}  // namespace brine::apache
