#include "apache/config/script_names.hpp"

#include <unistd.h>
#include <unixd.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>

#include "apache/config/daemon_groups.hpp"
#include "apache/config/interpreter_options.hpp"
#include "apache/config/reading.hpp"
#include "apache/config/script_name.hpp"
#include "apache/config/settings.hpp"
#include "apache/guarded.hpp"
#include "apache/log.hpp"
#include "base/quotes.hpp"
#include "base/tenant_look.hpp"
#include "boundary/interpreter_options.hpp"
#include "engine/engine_loader.hpp"

namespace brine::apache {

using base::Viewer;

namespace {

// Processes that may load named scripts, and the folders of their sys.path that the configuration
// names.
struct Importer {
  std::string who;
  Viewer viewer;
  std::vector<std::string> folders;
};

void add_packages(std::vector<std::string>& folders, const std::string& home,
                  const std::string& python) {
  if (!home.empty()) folders.push_back(home + "/lib/python" + python + "/site-packages");
}

std::vector<std::string> folders_of_rules(const ProcessSettings& process, std::string_view group) {
  std::vector<std::string> folders;
  for (const engine::InterpreterRule& rule : interpreter_rules(process.interpreters, {group})) {
    for (const engine::SearchPath& path : rule.options.python_path) {
      folders.push_back(path.directory);
    }
  }
  return folders;
}

Importer httpds_own(const ProcessSettings& process) {
  Importer own{"httpd's own processes", {}, folders_of_rules(process, {})};
  own.viewer = {geteuid() == 0, ap_unixd_config.user_id, ap_unixd_config.group_id, {}, {}};
  add_packages(own.folders, process.python_home, engine::effective_version(process.python));
  return own;
}

Importer of_group(const ProcessSettings& process, const daemon::Group& group) {
  Importer found{
      "daemon group " + base::in_quotes(group.name), {}, folders_of_rules(process, group.name)};
  found.viewer = {group.switches_identity, group.identity.uid, group.identity.gid,
                  group.identity.supplementary, group.chroot};
  found.folders.insert(found.folders.begin(), group.python_path.begin(), group.python_path.end());
  if (!group.home.empty()) found.folders.insert(found.folders.begin(), group.home);
  const std::string environment =
      std::filesystem::path(group.program).parent_path().parent_path().string();
  add_packages(found.folders, group.program.empty() ? group.prefix : environment, group.python);
  return found;
}

// Checks the names of all servers, when everything else of the configuration is known.
class NameCheck {
 public:
  explicit NameCheck(server_rec* main_server) : main_server_(main_server) {
    for (const server_rec* server : servers_with_settings(main_server)) {
      for (const ScriptName& name : server_settings(server).script_names) {
        given_.push_back({name.name, name.script, name.directive + in_parentheses(name.place)});
      }
    }
  }

  int run() {
    for (const std::string& fault : conflicts(given_)) {
      refuse(fault);
    }
    if (is_configuration_test() && !failed_ && !given_.empty()) {
      const ProcessSettings& process = server_settings(main_server_).process;
      look(httpds_own(process));
      for (const DaemonGroup& group : server_settings(main_server_).daemon_groups.all) {
        look(of_group(process, group.group));
      }
    }
    return failed_ ? HTTP_INTERNAL_SERVER_ERROR : OK;
  }

 private:
  void refuse(const std::string& why) {
    failed_ = true;
    ServerLog(main_server_).log(base::Level::error, "BRINE0025: " + why);
  }

  // Refuses names that modules have. Only `httpd -t` looks: a module that comes later is met when
  // the script is loaded (BRINE0311).
  void look(const Importer& importer) {
    base::TenantLook::Texts found;
    try {
      found = base::TenantLook(importer.viewer, [&] {
                base::TenantLook::Texts modules;
                for (const NameGiven& each : given_) {
                  modules.push_back(module_in(importer.folders, each.name));
                }
                return modules;
              }).result();
    } catch (const base::FilesFault&) {
      return;  // what is wrong with these files is told where they are used
    }
    for (std::size_t i = 0; i < found.size() && i < given_.size(); ++i) {
      if (found[i].empty()) continue;
      refuse(given_[i].origin + " gives the name " + base::in_quotes(given_[i].name) +
             " to the script " + base::in_quotes(given_[i].script) + ", and " +
             base::in_quotes(found[i]) + " is a module of that name for " + importer.who +
             ": choose another name, or take this one out where the module has taken the script's "
             "place");
    }
  }

  server_rec* main_server_;
  std::vector<NameGiven> given_;
  bool failed_ = false;
};

int check_script_names(apr_pool_t*, apr_pool_t*, apr_pool_t*, server_rec* main_server) {
  return NameCheck(main_server).run();
}

bool knows(std::string_view process_group, const server_rec* server) {
  return process_group.empty() ||
         daemon_group_access(process_group, server) == GroupAccess::granted;
}

}  // namespace

std::vector<engine::NamedScript> named_scripts(std::string_view process_group) {
  std::vector<engine::NamedScript> scripts;
  const daemon::Group* const group = find_daemon_group(process_group);
  for (const server_rec* server : servers_with_settings(ap_server_conf)) {
    if (!knows(process_group, server)) continue;
    for (const ScriptName& name : server_settings(server).script_names) {
      if (std::any_of(scripts.begin(), scripts.end(),
                      [&](const engine::NamedScript& each) { return each.name == name.name; })) {
        continue;  // copied virtual hosts name it again
      }
      const std::string_view path =
          group != nullptr ? path_in_group(*group, name.script) : name.script;
      scripts.push_back({std::string(name.name), std::string(path),
                         script_settings(settings_outside_sections(server), process_group)});
    }
  }
  return scripts;
}

void register_script_name_hooks() {
  ap_hook_check_config(guarded<&check_script_names>, nullptr, nullptr, APR_HOOK_LAST);
}

}  // namespace brine::apache
