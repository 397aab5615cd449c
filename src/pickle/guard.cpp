#include "pickle/guard.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "cpython/error.hpp"
#include "pickle/framing.hpp"
#include "pickle/scope.hpp"

namespace brine::pickle {

using cpython::borrow;
using cpython::check;
using cpython::ErrorSet;
using cpython::GilLock;
using cpython::Ref;
using cpython::steal;

namespace {

// Verdicts are remembered up to this number, since a program may make up names.
constexpr std::size_t kMostVerdicts = 100'000;

// Callables whose calls are watched, up to this number.
constexpr std::size_t kMostWatched = 10'000;

// A callable is trusted when this many streams have named it and each call could succeed, or fewer
// that are long: whether one can is nearly always a matter of the class and not of the object.
constexpr std::uint32_t kTrials = 100;

// A long stream counts as a trial more for each of these, since to follow all of it takes time.
constexpr std::size_t kBytesOfTrial = 1 << 16;

// The first byte of a verdict's key: the question that it answers.
constexpr char kOfHazards = 'h';
constexpr char kOfValues = 'b';

// Marks that the guard works for this thread: what it pickles itself is not looked at.
struct Busy {
  PolicyScope scope{Policy::off, current_listener()};
};

Ref attribute(const GilLock& gil, const Ref& object, const char* name) {
  return steal(gil, PyObject_GetAttrString(object.get(), name));
}

// Holds pickle's exception for the life of this object, so that the error indicator is clear.
class Pending {
 public:
  explicit Pending(const GilLock&) noexcept { PyErr_Fetch(&type_, &value_, &traceback_); }
  ~Pending() {
    if (type_ == nullptr) return;
    PyErr_Restore(type_, value_, traceback_);  // replaces an exception that was raised meanwhile
  }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;

  /// Makes an exception object of what was set: before Python 3.12 it may be a mere text.
  void normalize() noexcept {
    PyErr_NormalizeException(&type_, &value_, &traceback_);
    if (traceback_ != nullptr) PyException_SetTraceback(value_, traceback_);
  }

  PyObject* value() const noexcept { return value_; }
  void replace(Ref exception) noexcept {
    drop();
    value_ = exception.release();
    type_ = Py_NewRef(reinterpret_cast<PyObject*>(Py_TYPE(value_)));
  }
  PyObject* type() const noexcept { return type_; }
  bool is(PyObject* type) const noexcept { return PyErr_GivenExceptionMatches(type_, type) != 0; }
  void drop() noexcept {
    Py_CLEAR(type_);
    Py_CLEAR(value_);
    Py_CLEAR(traceback_);
  }

 private:
  PyObject *type_ = nullptr, *value_ = nullptr, *traceback_ = nullptr;
};

// Raises `refusal`, which the Python side returned: an exception, or None.
void raise_refusal(PyObject* refusal) {
  if (refusal == Py_None) return;
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(refusal)), refusal);
  throw ErrorSet{};
}

// Returns true for errors by which pickle, or an object that is asked for its parts, refuses;
// others come from the application's own code.
bool may_be_hazard(const Pending& error, PyObject* pickling_error) {
  for (PyObject* type :
       {PyExc_TypeError, PyExc_ValueError, PyExc_AttributeError, PyExc_RuntimeError}) {
    if (error.is(type)) return true;
  }
  return error.is(pickling_error);
}

// Returns true if the program has given a Pickler such a hook. Python 3.13's Pickler has one that
// does nothing.
bool has_hook(const GilLock& gil, PyObject* pickler, const char* name) {
  PyObject* found = PyObject_GetAttrString(pickler, name);
  if (found == nullptr) {
    PyErr_Clear();
    return false;
  }
  return PyCFunction_Check(steal(gil, found).get()) == 0;
}

std::string text_of(const GilLock& gil, PyObject* tuple, Py_ssize_t index) {
  Ref text = borrow(gil, PyTuple_GetItem(tuple, index));
  const char* utf8 = text ? PyUnicode_AsUTF8(text.get()) : nullptr;
  if (utf8 == nullptr) throw ErrorSet{};
  return utf8;
}

// Makes a finding of (id, key, text).
std::shared_ptr<const Finding> as_finding(const GilLock& gil, PyObject* tuple) {
  auto finding = std::make_shared<Finding>();
  finding->id = text_of(gil, tuple, 0);
  finding->key = text_of(gil, tuple, 1);
  finding->text = text_of(gil, tuple, 2);
  return finding;
}

class SuspectSink final : public GlobalSink {
 public:
  SuspectSink(Guard& guard, GilLock& gil, Policy policy)
      : guard_(guard), gil_(gil), policy_(policy) {}

  std::uint32_t global(const Global& global) override {
    return guard_.note_global(gil_, policy_, global, suspicion);
  }
  void call(const Call& call) override { guard_.note_call(gil_, call, suspicion); }

  Suspicion suspicion;

 private:
  Guard& guard_;
  GilLock& gil_;
  Policy policy_;
};

}  // namespace

int as_protocol(PyObject* argument) noexcept {
  if (argument == nullptr || !PyLong_Check(argument)) return -1;
  int overflow = 0;  // with it no exception is set, and one that is set stays
  const long protocol = PyLong_AsLongAndOverflow(argument, &overflow);
  if (overflow < 0 || protocol < 0) return kHighestProtocol;  // pickle takes it for the highest
  return static_cast<int>(std::clamp(overflow > 0 ? 255L : protocol, 0L, 255L));
}

FailedObject Dump::as_failed() const noexcept {
  return {object, Py_TYPE(object), pickler != nullptr ? Py_TYPE(pickler) : nullptr};
}

Guard::Guard(GilLock& gil) {
  Ref module = steal(gil, PyImport_ImportModule("_pickle"));
  pickle_dumps = cpython::FastFunction(attribute(gil, module, "dumps"));
  pickle_dump = attribute(gil, module, "dump");
  pickle_load = attribute(gil, module, "load");
  pickle_loads = cpython::FastFunction(attribute(gil, module, "loads"));
  pickler_type = attribute(gil, module, "Pickler");
  unpickler_type = attribute(gil, module, "Unpickler");
  pickler_init = attribute(gil, pickler_type, "__init__");
  pickler_dump = attribute(gil, pickler_type, "dump");
  pickler_clear_memo = attribute(gil, pickler_type, "clear_memo");
  pickler_memo = attribute(gil, pickler_type, "memo");
  pickler_fast = attribute(gil, pickler_type, "fast");
  unpickler_load = attribute(gil, unpickler_type, "load");
  unpickler_find_class = attribute(gil, unpickler_type, "find_class");
  Ref copyreg = steal(gil, PyImport_ImportModule("copyreg"));
  extension_registry_ = attribute(gil, copyreg, "_extension_registry");
  dispatch_table_ = attribute(gil, copyreg, "dispatch_table");
  pickling_error_ = attribute(gil, module, "PicklingError");
  name_of_write = steal(gil, PyUnicode_InternFromString("write"));
}

Policy Guard::policy() const noexcept {
  const Scope* scope = current_scope();
  return scope != nullptr ? scope->policy : policy_;
}

std::string_view Guard::part_with_globals(std::string_view stream, Memo memo) const noexcept {
  constexpr char kProto = '\x80';
  const bool only_stack_global = stream.size() > 2 && stream[0] == kProto && stream[1] >= 4 &&
                                 PyDict_CheckExact(extension_registry_.get()) &&
                                 PyDict_GET_SIZE(extension_registry_.get()) == 0;
  return only_stack_global ? stream.substr(0, end_of_globals(stream, memo)) : stream;
}

bool Guard::is_harmless(Policy policy, std::string_view part) {
  struct Known final : KnownNames {
    explicit Known(Guard& its_guard) : guard(its_guard) {}
    bool knows(std::string_view module, std::string_view name) override {
      return guard.is_harmless(module, name);
    }
    Guard& guard;
  };
  Known known(*this);
  return policy != Policy::builtin_only && skimmer_.skim(part, known);
}

bool Guard::is_harmless(std::string_view module, std::string_view name) {
  if (module.empty() || name.empty()) return false;
  const std::size_t mixed = module.size() + 3 * name.size() +
                            std::size_t{7} * static_cast<std::uint8_t>(name.back()) +
                            std::size_t{31} * static_cast<std::uint8_t>(name.front());
  HarmlessName& place = harmless_[mixed % harmless_.size()];
  if (place.name == name && place.module == module) return true;
  key_.assign(1, kOfHazards).append(module).append(1, '\0').append(name);
  const auto found = verdicts_.find(key_);
  if (found == verdicts_.end() || found->second.suspect) return false;
  if (const std::uint32_t number = found->second.watched; number != 0) {
    if (watched_[number - 1].left != 0) return false;
  }
  place = {std::string(module), std::string(name)};
  return true;
}

bool Guard::judge(GilLock& gil, Policy policy, const Dump& dump, std::string_view stream,
                  std::string_view part) {
  try {
    if (is_harmless(policy, part)) return true;
    for (;;) {
      SuspectSink sink(*this, gil, policy);
      Scanner scanner(sink, Scanner::Source::pickler, Limits::none());
      scanner.scan(part);
      if (!sink.suspicion.watched.empty() && part.size() < stream.size()) {
        part = stream;  // calls lie behind the last global too
        continue;
      }
      note_followed(stream.size(), sink.suspicion);
      const bool understood = sink.suspicion.understood && scanner.fault() == nullptr;
      if (understood && sink.suspicion.empty()) return true;
      after_success(gil, policy, dump, understood ? &sink.suspicion : nullptr);
      return false;
    }
  } catch (const std::bad_alloc&) {
    if (!refuses(policy)) return false;  // the dump has been done, and its result stands
    PyErr_NoMemory();
    throw ErrorSet{};
  }
}

std::uint32_t Guard::note_global(GilLock& gil, Policy policy, const Global& global,
                                 Suspicion& suspicion) {
  if (global.kind != Global::Kind::named) {
    suspicion.understood = false;  // an extension code, or a name memoized before the guard came
    return 0;
  }
  const Verdict verdict = verdict_on(gil, policy, global.module, global.name);
  if (verdict.suspect && suspicion.suspects.size() < kMostSuspects) {
    suspicion.suspects.emplace_back(global.module, global.name);
  }
  if (verdict.watched == 0) return 0;
  std::uint32_t& left = watched_[verdict.watched - 1].left;
  if (left == 0) return 0;
  --left;
  suspicion.watched.push_back(verdict.watched);
  return verdict.watched;
}

void Guard::note_call(GilLock& gil, const Call& call, Suspicion& suspicion) {
  if (suspicion.misfits.size() >= kMostSuspects || !is_misfit(gil, call)) return;
  watched_[call.callee - 1].left = kTrials;
  harmless_ = {};
  suspicion.misfits.push_back(call);
}

void Guard::note_followed(std::size_t size, const Suspicion& suspicion) noexcept {
  if (!suspicion.misfits.empty()) return;
  const std::size_t further = std::min<std::size_t>(size / kBytesOfTrial, kTrials);
  for (const std::uint32_t number : suspicion.watched) {
    std::uint32_t& left = watched_[number - 1].left;
    left -= std::min(left, static_cast<std::uint32_t>(further));
  }
}

std::uint32_t Guard::watch(std::string_view module, std::string_view name) {
  const auto found = std::find_if(watched_.begin(), watched_.end(), [&](const Watched& each) {
    return each.module == module && each.name == name;
  });
  if (found != watched_.end()) {  // it was watched before the verdicts were forgotten
    found->left = kTrials;
    return static_cast<std::uint32_t>(found - watched_.begin()) + 1;
  }
  if (watched_.size() >= kMostWatched) return 0;
  watched_.push_back({std::string(module), std::string(name), kTrials});
  return static_cast<std::uint32_t>(watched_.size());
}

bool Guard::is_misfit(GilLock& gil, const Call& call) {
  const auto key = std::tuple(call.callee, call.how, call.arguments);
  if (const auto found = misfits_.find(key); found != misfits_.end()) return found->second;
  const Watched callee = watched_[call.callee - 1];  // a copy: Python code may watch others
  const Busy working;
  bool misfit = false;
  try {
    Ref answer =
        steal(gil, PyObject_CallFunction(reaction(gil, "is_misfit"), "ssii", callee.module.c_str(),
                                         callee.name.c_str(), static_cast<int>(call.how),
                                         static_cast<int>(call.arguments)));
    misfit = answer.get() == Py_True;
  } catch (const ErrorSet&) {
    PyErr_Clear();
  }
  if (misfits_.size() >= kMostVerdicts) misfits_.clear();
  misfits_.emplace(key, misfit);
  return misfit;
}

Guard::Verdict Guard::verdict_on(GilLock& gil, Policy policy, std::string_view module,
                                 std::string_view name) {
  const char question = policy == Policy::builtin_only ? kOfValues : kOfHazards;
  key_.assign(1, question).append(module).append(1, '\0').append(name);
  if (const auto found = verdicts_.find(key_); found != verdicts_.end()) return found->second;
  std::string key = key_;
  const Busy working;
  Verdict verdict{.suspect = true};  // if this fails, the slow way has to find out
  try {
    Ref answer = steal(
        gil, PyObject_CallFunction(
                 reaction(gil, question == kOfValues ? "is_no_builtin_value" : "suspicion_of"),
                 "OO", cpython::from_utf8(gil, module).get(), cpython::from_utf8(gil, name).get()));
    const long bits = PyLong_AsLong(answer.get());
    verdict.suspect = (bits & 1) != 0;
    if ((bits & 2) != 0) verdict.watched = watch(module, name);
  } catch (const ErrorSet&) {
    if (refuses(policy) && PyErr_ExceptionMatches(PyExc_Exception) == 0) throw;
    PyErr_Clear();
    return verdict;
  }
  if (verdicts_.size() >= kMostVerdicts) verdicts_.clear();
  verdicts_.emplace(std::move(key), verdict);
  return verdict;
}

PyObject* Guard::reaction(const GilLock& gil, const char* name) {
  if (!reactions_) reactions_ = steal(gil, PyImport_ImportModule("brine.pickle._react"));
  // Returns a borrowed reference, which the module holds.
  return attribute(gil, reactions_, name).get();
}

// Returns the exception that the dump is to raise, or None.
Ref Guard::ask(GilLock& gil, Policy policy, const Dump& dump, const Suspicion* suspicion) {
  Ref names = cpython::borrow(gil, Py_None);
  Ref misfits = steal(gil, PyList_New(0));
  if (suspicion != nullptr) {
    names = steal(gil, PyList_New(0));
    for (const auto& [module, name] : suspicion->suspects) {
      Ref pair = steal(gil, PyTuple_Pack(2, cpython::from_utf8(gil, module).get(),
                                         cpython::from_utf8(gil, name).get()));
      check(gil, PyList_Append(names.get(), pair.get()));
    }
    for (const Call& call : suspicion->misfits) {
      const Watched& callee = watched_[call.callee - 1];
      Ref misfit =
          steal(gil, Py_BuildValue("(ssii)", callee.module.c_str(), callee.name.c_str(),
                                   static_cast<int>(call.how), static_cast<int>(call.arguments)));
      check(gil, PyList_Append(misfits.get(), misfit.get()));
    }
  }
  auto or_none = [](PyObject* object) { return object != nullptr ? object : Py_None; };
  return steal(gil, PyObject_CallFunction(reaction(gil, "on_dump"), "OiOOsO", dump.object,
                                          dump.protocol, or_none(dump.pickler), names.get(),
                                          policy_name(policy).data(), misfits.get()));
}

std::uint32_t Guard::sampling(Policy policy) const noexcept {
  if (policy == Policy::builtin_only) return 0;
  const Scope* scope = current_scope();
  return scope != nullptr ? scope->sample : sample_;
}

void Guard::sample(GilLock& gil, Policy policy, PyObject* stream, PyObject* pickler) noexcept {
  try {
    if (!sampler_.takes(sampling(policy))) return;
    const Busy working;
    steal(gil, PyObject_CallFunctionObjArgs(reaction(gil, "on_sample"), stream,
                                            pickler != nullptr ? pickler : Py_None, nullptr));
  } catch (const ErrorSet&) {
    PyErr_Clear();  // the dump has been done, and its result stands
  } catch (const std::bad_alloc&) {
    // This dump is not checked, and its result stands too.
  }
}

void Guard::remember(GilLock& gil, PyObject* stream) noexcept {
  constexpr std::string_view kScript = "_mod_wsgi_";
  const std::string_view bytes{PyBytes_AS_STRING(stream),
                               static_cast<std::size_t>(PyBytes_GET_SIZE(stream))};
  if (bytes.find(kScript) == std::string_view::npos) return;
  const Busy working;
  try {
    steal(gil, PyObject_CallOneArg(reaction(gil, "on_written"), stream));
  } catch (const ErrorSet&) {
    PyErr_Clear();  // the dump has been done, and its result stands
  }
}

void Guard::after_load(GilLock& gil, PyObject* data) {
  const Policy policy = this->policy();
  if (!remembering_ || policy == Policy::off) return;
  const Busy working;
  try {
    Ref refusal = steal(gil, PyObject_CallFunction(reaction(gil, "on_loaded"), "Os", data,
                                                   policy_name(policy).data()));
    raise_refusal(refusal.get());
  } catch (const ErrorSet&) {
    if (refuses(policy)) throw;
    PyErr_Clear();
  }
}

void Guard::before_dump(GilLock& gil, Policy policy, const Dump& dump) {
  if (!refuses(policy)) return;
  const Busy working;
  Ref refusal =
      steal(gil, PyObject_CallFunction(
                     reaction(gil, "before_dump"), "OiOs", dump.object, dump.protocol,
                     dump.pickler != nullptr ? dump.pickler : Py_None, policy_name(policy).data()));
  raise_refusal(refusal.get());
}

void Guard::after_success(GilLock& gil, Policy policy, const Dump& dump,
                          const Suspicion* suspicion) {
  const Busy working;
  try {
    Ref refusal = ask(gil, policy, dump, suspicion);
    raise_refusal(refusal.get());
  } catch (const ErrorSet&) {
    // An error of the guard's own must not fail a dump that pickle has done. But where hazards are
    // refused, what could not be examined is not written either.
    if (refuses(policy)) throw;
    PyErr_Clear();
  } catch (const std::bad_alloc&) {
    if (!refuses(policy)) return;
    PyErr_NoMemory();
    throw ErrorSet{};
  }
}

void Guard::after_failure(GilLock& gil, Policy policy, const Dump& dump) noexcept {
  Ref refusal;
  {
    Pending error(gil);
    try {
      if (!may_be_hazard(error, pickling_error_.get())) return;
      if (policy == Policy::report && !collecting_) {
        auto known = told_.recognise(gil, dump.object, error.type());
        if (known) return report(gil, dump, std::move(known));
      }
      error.normalize();
      Findings findings;
      refusal = explain(gil, policy, dump, error.value(), findings);
      for (auto& finding : findings) report(gil, dump, std::move(finding));
      if (!refusal) return;
      error.drop();
    } catch (...) {
      return;  // the application gets pickle's exception in any case
    }
  }
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(refusal.get())), refusal.get());
}

// Finds out what pickle stopped at. Returns the exception that the dump is to raise instead of
// pickle's, or empty; adds what is to be reported.
Ref Guard::explain(GilLock& gil, Policy policy, const Dump& dump, PyObject* error,
                   Findings& findings) {
  const Busy working;
  std::vector<Trace> traces = trace(gil, policy, dump, error);
  if (traces.empty()) return {};
  auto* const error_type = reinterpret_cast<PyObject*>(Py_TYPE(error));
  const bool is_remembered = policy == Policy::report && !collecting_;
  if (is_remembered) {
    if (auto known = told_.recognise(dump.object, error_type, traces.front())) {
      findings.push_back(std::move(known));
    }
  }
  if (findings.empty()) {
    Ref shown = steal(gil, PyList_New(0));
    for (const Trace& each : traces) {
      check(gil, PyList_Append(shown.get(), each.as_python(gil).get()));
    }
    Ref told = steal(gil, PyObject_CallFunction(reaction(gil, "on_refusal"), "OOOs", dump.object,
                                                shown.get(), error, policy_name(policy).data()));
    if (!PyList_CheckExact(told.get())) return told;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(told.get()); ++i) {
      findings.push_back(as_finding(gil, PyList_GET_ITEM(told.get(), i)));
    }
  }
  if (is_remembered && !findings.empty()) {
    told_.remember(gil, dump.object, error_type, std::move(traces.front()), findings.front());
  }
  return {};
}

std::vector<Trace> Guard::trace(GilLock& gil, Policy policy, const Dump& dump, PyObject* error) {
  Ref table = dump.pickler != nullptr && PyObject_HasAttrString(dump.pickler, "dispatch_table") != 0
                  ? steal(gil, PyObject_GetAttrString(dump.pickler, "dispatch_table"))
                  : borrow(gil, dispatch_table_.get());
  FailedDump failed;
  failed.error = error;
  failed.protocol =
      dump.protocol < 0 || dump.protocol > kHighestProtocol ? kHighestProtocol - 1 : dump.protocol;
  failed.dispatch_table = table.get();
  failed.has_hooks = dump.pickler != nullptr && (has_hook(gil, dump.pickler, "persistent_id") ||
                                                 has_hook(gil, dump.pickler, "reducer_override"));
  failed.pickle_dumps = pickle_dumps.get();
  failed.names_suspect = [&](PyObject* stream) { return names_suspect(gil, policy, stream); };
  return Tracer(gil, failed).trace(dump.object);
}

bool Guard::names_suspect(GilLock& gil, Policy policy, PyObject* stream) {
  SuspectSink sink(*this, gil, policy);
  Scanner scanner(sink, Scanner::Source::pickler, Limits::none());
  scanner.scan({PyBytes_AS_STRING(stream), static_cast<std::size_t>(PyBytes_GET_SIZE(stream))});
  return !sink.suspicion.suspects.empty();
}

// Keeps the finding until the request ends; outside of requests it is told at once.
void Guard::report(GilLock& gil, const Dump& dump, std::shared_ptr<const Finding> finding) {
  Scope* scope = current_scope();
  if (scope != nullptr) return scope->held.hold(dump.as_failed(), std::move(finding));
  Listener* listener = current_listener();
  if (!tell(listener, *finding) || listener != nullptr) return;
  const Busy working;
  steal(gil, PyObject_CallFunction(reaction(gil, "log"), "s", finding->text.c_str()));
}

void Guard::after_dump_by_other(GilLock& gil, const Dump& dump) noexcept {
  if (Scope* scope = current_scope(); scope != nullptr && !scope->held.empty()) {
    scope->held.pickled(dump.as_failed());
  }
  if (!collecting_) return;
  const Busy working;
  try {
    steal(gil, PyObject_CallFunction(reaction(gil, "withdraw"), "O", dump.object));
  } catch (const ErrorSet&) {
    PyErr_Clear();
  }
}

void Guard::after_failed_load(GilLock& gil, PyObject* data, PyObject* module,
                              PyObject* name) noexcept {
  const Policy policy = this->policy();
  const Busy working;
  Pending error(gil);
  error.normalize();
  auto or_none = [](PyObject* object) { return object != nullptr ? object : Py_None; };
  try {
    // Pickle imports a module and then looks in sys.modules, where a script does not stay.
    if (error.is(PyExc_KeyError)) {
      Ref refusal = steal(gil, PyObject_CallFunctionObjArgs(reaction(gil, "refuse_script"),
                                                            error.value(), nullptr));
      if (refusal.get() != Py_None) error.replace(std::move(refusal));
    }
    const bool may_be_told = error.is(PyExc_Exception) && !error.is(PyExc_EOFError);
    if (policy == Policy::off || !may_be_told) return;
    steal(gil, PyObject_CallFunction(reaction(gil, "on_failed_load"), "OOOO", error.value(),
                                     or_none(data), or_none(module), or_none(name)));
  } catch (...) {
    // Pending restores pickle's exception in the place of this one.
  }
}

}  // namespace brine::pickle
