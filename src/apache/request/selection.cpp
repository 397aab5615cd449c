#include "apache/request/selection.hpp"

#include <algorithm>
#include <cstdint>

#include "apache/config/alias.hpp"
#include "apache/config/daemon_groups.hpp"
#include "apache/request/expansion.hpp"

namespace brine::apache {

namespace {

// Returns the options of the alias or the handler script, which win over the directives.
const ScriptOptions& options_of(const request_rec* r, const HandlerScript* handler) {
  static constexpr ScriptOptions none;
  if (handler != nullptr) {
    return handler->options;
  }
  const Alias* alias = matched_alias(r);
  return alias != nullptr ? alias->options : none;
}

// Returns what httpd knows of the file since it mapped the URL to it.
base::FileSeen file_seen(const apr_finfo_t& info) {
  constexpr apr_int32_t kNeeded =
      APR_FINFO_IDENT | APR_FINFO_SIZE | APR_FINFO_MTIME | APR_FINFO_CTIME | APR_FINFO_NLINK;
  if ((info.valid & kNeeded) != kNeeded) {
    return {};
  }
  return {info.device, info.inode, info.size,
          info.mtime,  info.ctime, static_cast<std::uint64_t>(std::max(info.nlink, 0))};
}

// Completes what depends on where the script runs.
void place(const request_rec* r, Selection& selection) {
  wsgi::Target& target = selection.target;
  selection.group = find_daemon_group(selection.process_group);
  if (selection.group != nullptr && !selection.group->chroot.empty()) {
    const std::string_view inside = path_in_group(*selection.group, target.script);
    // The same path may be another file in the chroot, which httpd has not looked at.
    if (inside == target.script) target.seen = {};
    target.script = inside;
    target.resource = path_in_group(*selection.group, target.resource);
  }
  target.settings = script_settings(request_settings(r), selection.process_group);
}

// Tells who chose a name that a dispatch script returned: it may have made that of a client's
// words.
void apply(request_rec* r, const Route& route, const HandlerScript* handler, Selection& selection) {
  if (route.process_group) {
    selection.process_group = expand_process_group(r, *route.process_group);
  }
  wsgi::Target& target = selection.target;
  if (route.application_group) {
    const ApplicationGroupName group =
        expand_application_group(r, *route.application_group, handler);
    const bool is_plain = group.text.data() == route.application_group->data();
    target.application_group = group.text;
    target.group_named_by = is_plain ? wsgi::NamedBy::variable : group.named_by;
  }
  if (route.callable && handler == nullptr) {
    target.callable = expand_callable(r, *route.callable);
  }
}

}  // namespace

Selection select(request_rec* r, const HandlerScript* handler, const Route& route) {
  Selection selection;
  selection.settings = resolve(request_settings(r), core_settings(r));
  const ResolvedSettings& settings = selection.settings;
  const ScriptOptions& options = options_of(r, handler);
  selection.process_group =
      expand_process_group(r, options.process_group.value_or(settings.process_group));
  selection.pass_authorization = options.pass_authorization.value_or(settings.pass_authorization);
  wsgi::Target& target = selection.target;
  target.resource = r->filename;
  const ApplicationGroupName group = expand_application_group(
      r, options.application_group.value_or(settings.application_group), handler);
  target.application_group = group.text;
  target.group_named_by = group.named_by;
  if (handler != nullptr) {
    selection.handler_script = handler->script;
    target.script = handler->script;
    target.callable = "handle_request";
  } else {
    target.script = target.resource;
    target.seen = file_seen(r->finfo);
    // The alias's own option is not expanded, as in mod_wsgi.
    target.callable = options.callable ? *options.callable : expand_callable(r, settings.callable);
  }
  apply(r, route, handler, selection);
  place(r, selection);
  return selection;
}

Selection select(request_rec* r, const DecidingScript& script, const wsgi::Question& question) {
  Selection selection;
  selection.settings = resolve(request_settings(r), core_settings(r));
  selection.settings.map_head_to_get = HeadMapping::off;
  selection.pass_authorization = selection.settings.pass_authorization;
  selection.may_be_embedded = !script.of_htaccess;
  selection.process_group = expand_process_group(r, script.options.process_group.value_or(""));
  const ApplicationGroupName group =
      expand_application_group(r, script.options.application_group.value_or(""), nullptr);
  wsgi::Target& target = selection.target;
  target.application_group = group.text;
  target.group_named_by = group.named_by;
  target.script = script.script;
  target.callable = script.options.callable.value_or(wsgi::function_name(question.call));
  target.resource = r->filename != nullptr ? r->filename : "";
  target.question = question;
  place(r, selection);
  return selection;
}

}  // namespace brine::apache
