// Lists the members of the structs that codec.hpp encodes. Each list binds all members of its
// struct, so a member that is not listed does not compile.
#pragma once

#include <concepts>
#include <tuple>
#include <type_traits>

#include "boundary/engine.hpp"
#include "boundary/interpreter_options.hpp"
#include "boundary/log.hpp"
#include "boundary/named_script.hpp"
#include "boundary/policy.hpp"
#include "boundary/question.hpp"
#include "boundary/request.hpp"
#include "boundary/script_settings.hpp"
#include "daemon/shared/codec.hpp"
#include "daemon/shared/group.hpp"

namespace brine::daemon {

template <>
struct LastOf<base::Level> {
  static constexpr auto value = base::Level::debug;
};
template <>
struct LastOf<wsgi::NamedBy> {
  static constexpr auto value = wsgi::NamedBy::variable;
};
template <>
struct LastOf<wsgi::Reloading> {
  static constexpr auto value = wsgi::Reloading::rolling;
};
template <>
struct LastOf<wsgi::Call> {
  static constexpr auto value = wsgi::Call::route;
};
template <>
struct LastOf<wsgi::Verdict> {
  static constexpr auto value = wsgi::Verdict::text;
};
template <>
struct LastOf<pickle::Policy> {
  static constexpr auto value = pickle::Policy::builtin_only;
};

/// `Struct` or const `Struct`, for encoding and decoding.
template <class Value, class Struct>
concept Of = std::same_as<std::remove_const_t<Value>, Struct>;

template <class Codec, Of<Script> Value>
void fields(Codec& codec, Value& value) {
  auto& [path, callable, application_group, group_named_by, settings, learnt] = value;
  codec(path, callable, application_group, group_named_by, settings, learnt);
}

template <class Codec, Of<WarmUp> Value>
void fields(Codec& codec, Value& value) {
  auto& [url, script, script_name, path_info, query, scheme, host, port] = value;
  codec(url, script, script_name, path_info, query, scheme, host, port);
}

template <class Codec, Of<Identity> Value>
void fields(Codec& codec, Value& value) {
  auto& [uid, gid, user, supplementary] = value;
  codec(uid, gid, user, supplementary);
}

template <class Codec, Of<Limits> Value>
void fields(Codec& codec, Value& value) {
  auto& [startup_timeout, shutdown_timeout, graceful_timeout, eviction_timeout, deadlock_timeout,
         inactivity_timeout, request_timeout, interrupt_timeout, restart_interval,
         restart_interval_jitter, connect_timeout, loading_counts, socket_timeout, queue_timeout,
         processes_idle, preload_idle, warm_up_timeout, maximum_requests, maximum_requests_jitter,
         listen_backlog, memory_recycle, memory_recycle_jitter, cpu_time_limit, memory_limit,
         virtual_memory] = value;
  codec(startup_timeout, shutdown_timeout, graceful_timeout, eviction_timeout, deadlock_timeout,
        inactivity_timeout, request_timeout, interrupt_timeout, restart_interval,
        restart_interval_jitter, connect_timeout, loading_counts, socket_timeout, queue_timeout,
        processes_idle, preload_idle, warm_up_timeout, maximum_requests, maximum_requests_jitter,
        listen_backlog, memory_recycle, memory_recycle_jitter, cpu_time_limit, memory_limit,
        virtual_memory);
}

template <class Codec, Of<Group> Value>
void fields(Codec& codec, Value& value) {
  auto& [name, least_processes, processes, multiprocess, threads, interpreters, preload, identity,
         switches_identity, umask, chroot, home, user_home, working_home, lang, locale,
         display_name, cpu_priority, stack_size, send_buffer_size, receive_buffer_size, python,
         program, prefix, python_path, python_path_origin, home_origin, python_eggs,
         switch_interval, script_user, script_group, limits, scripts, warm_ups] = value;
  codec(name, least_processes, processes, multiprocess, threads, interpreters, preload, identity,
        switches_identity, umask, chroot, home, user_home, working_home, lang, locale, display_name,
        cpu_priority, stack_size, send_buffer_size, receive_buffer_size, python, program, prefix,
        python_path, python_path_origin, home_origin, python_eggs, switch_interval, script_user,
        script_group, limits, scripts, warm_ups);
}

}  // namespace brine::daemon

namespace brine::wsgi {

template <class Codec, daemon::Of<Answer> Value>
void fields(Codec& codec, Value& value) {
  auto& [verdict, texts] = value;
  codec(verdict, texts);
}

template <class Codec, daemon::Of<ScriptSettings> Value>
void fields(Codec& codec, Value& value) {
  std::apply(codec, members(value));
}

}  // namespace brine::wsgi

namespace brine::engine {

template <class Codec, daemon::Of<SearchPath> Value>
void fields(Codec& codec, Value& value) {
  auto& [directory, origin] = value;
  codec(directory, origin);
}

template <class Codec, daemon::Of<SwitchInterval> Value>
void fields(Codec& codec, Value& value) {
  auto& [seconds, origin] = value;
  codec(seconds, origin);
}

template <class Codec, daemon::Of<OwnGil> Value>
void fields(Codec& codec, Value& value) {
  auto& [wanted, origin] = value;
  codec(wanted, origin);
}

template <class Codec, daemon::Of<InterpreterOptions> Value>
void fields(Codec& codec, Value& value) {
  auto& [switch_interval, own_gil, restrict_stdin, restrict_stdout, restrict_signal, python_path] =
      value;
  codec(switch_interval, own_gil, restrict_stdin, restrict_stdout, restrict_signal, python_path);
}

template <class Codec, daemon::Of<InterpreterRule> Value>
void fields(Codec& codec, Value& value) {
  auto& [application_group, options] = value;
  codec(application_group, options);
}

template <class Codec, daemon::Of<NamedScript> Value>
void fields(Codec& codec, Value& value) {
  auto& [name, path, settings] = value;
  codec(name, path, settings);
}

template <class Codec, daemon::Of<Config> Value>
void fields(Codec& codec, Value& value) {
  auto& [program, home, interpreter_rules, python_eggs, warnings, optimize, write_bytecode,
         hash_seed, interpreter_limit, client_interpreter_limit, interpreters, pickle_policy,
         pickle_sample, named_scripts, process_group, maximum_processes, threads_per_process,
         multithread, multiprocess, run_once, at_terminal, service, apache_version,
         apache_processes, apache_threads, apache_description, apache_mpm, apache_build_date,
         log_level, script_user, script_group, crash_fd] = value;
  codec(program, home, interpreter_rules, python_eggs, warnings, optimize, write_bytecode,
        hash_seed, interpreter_limit, client_interpreter_limit, interpreters, pickle_policy,
        pickle_sample, named_scripts, process_group, maximum_processes, threads_per_process,
        multithread, multiprocess, run_once, at_terminal, service, apache_version, apache_processes,
        apache_threads, apache_description, apache_mpm, apache_build_date, log_level, script_user,
        script_group, crash_fd);
}

}  // namespace brine::engine
